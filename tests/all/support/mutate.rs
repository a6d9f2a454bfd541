//! Sample mails bent out of shape, from a seed: the same seed bends the same way on every machine.

/// Pieces that mean something to a reader of mail: put in at random places, they reach code that noise never reaches.
const PIECES: &[&[u8]] = &[
    b"\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\0",
    b"\x1b$B",
    b"\x1b(B",
    b"\x1b(I",
    b"\x1b$(D",
    b"\x0e",
    b"=?ISO-2022-JP?B?GyRC?=",
    b"=?utf-8?q?=E3=81?=",
    b" =?utf-8?b?44GC?= =?utf-8?b?44",
    b"Content-Type: multipart/mixed; boundary=\"\"\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=iso-2022-jp\r\n",
    b"Content-Type: text/plain; charset=\"x-unknown\"; format=flowed; delsp=yes\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*0*=iso-2022-jp''%1B$B; filename*1=x\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"<table><tr><td>",
    b"</td><td style=\"display:none\">",
    b"<a href=\"https://item.rakuten.co.jp/a/b/\">",
    b"<style>p{display:none}</style>",
    b"<!--",
    b"&#x110000;&yen;&nbsp;",
    b"> > > ",
    b"-----Original Message-----\r\nFrom: a@b\r\n",
    b"---------- Forwarded message ---------\r\n",
    b"Authentication-Results: mx.modori.example; dmarc=pass (p=none) header.from=rakuten.co.jp\r\n",
    b"Authentication-Results: mx.modori.example 1; spf=fail smtp.mailfrom=\"a b\"@c; dkim=(((\r\n",
    b"399999-20261120-0123456789",
    b"399999-20260230-0123456789",
    b"99999999999999999999",
    "２５：９９まで".as_bytes(),
    "令和99年13月32日".as_bytes(),
    "キャンセルいたしました".as_bytes(),
    "ポイントを返還いたしました".as_bytes(),
    "￥９９９，９９９，９９９，９９９円".as_bytes(),
    "ﾎﾟﾎﾟﾎﾟﾞﾟ".as_bytes(),
    "か\u{3099}\u{200b}\u{feff}\u{202e}".as_bytes(),
    "①㊤㌔㍻".as_bytes(),
    b"[[rule]]\n",
    b"name = \"x\"\n",
    b"regex = '(a+)+$'\n",
    b"near = [[\"a\"], [\"b\"]]\n",
    b"body = {",
    b"}}}}",
    b"'''",
    b"\"\"\"",
    b"weight = 1e999\n",
];

/// A source of chance that can be wound back (splitmix64, Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }
}

/// One of the seeds, bent in one to eight places. Never longer than 64 KiB.
pub fn bent(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(8) {
        let (a, b) = (chance.below(bytes.len() + 1), chance.below(bytes.len() + 1));
        let (from, to) = (a.min(b), a.max(b));
        match chance.below(10) {
            0 => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            1 => {
                let noise = chance.next().to_le_bytes();
                let length = chance.below(noise.len());
                bytes.splice(from..from, noise[..length].iter().copied());
            }
            2 => bytes.truncate(to.max(1)),
            3 => drop(bytes.drain(from..to.min(from + 200))),
            4 => {
                let copied = bytes[from..to.min(from + 4000)].to_vec();
                let at = chance.below(bytes.len());
                bytes.splice(at..at, copied);
            }
            5 => {
                let other = &seeds[chance.below(seeds.len())];
                let start = chance.below(other.len());
                let end = other.len().min(start + chance.below(2000));
                bytes.splice(from..from, other[start..end].iter().copied());
            }
            6 => {
                // one byte many times: long lines, deep nesting of one bracket
                let byte = bytes.get(from).copied().unwrap_or(b'(');
                let times = 1 << chance.below(12);
                bytes.splice(from..from, std::iter::repeat_n(byte, times));
            }
            7 => bytes.reverse_range(from, to),
            _ => {
                let piece = PIECES[chance.below(PIECES.len())];
                for _ in 0..=chance.below(3) {
                    bytes.splice(from..from, piece.iter().copied());
                }
            }
        }
    }
    bytes.truncate(64 * 1024);
    bytes
}

trait ReverseRange {
    fn reverse_range(&mut self, from: usize, to: usize);
}

impl ReverseRange for Vec<u8> {
    /// Lines of a stretch in the opposite order: headers below bodies, parts before their boundaries.
    fn reverse_range(&mut self, from: usize, to: usize) {
        let lines: Vec<Vec<u8>> = self[from..to].split(|byte| *byte == b'\n').rev().map(<[u8]>::to_vec).collect();
        self.splice(from..to, lines.join(&b'\n'));
    }
}
