//! ISO-2022-JP and its dialects, read by one machine that forgives what mailers do to it.
//!
//! Two-byte sets are carried over to EUC-JP, whose decoder also knows JIS X 0212 and the NEC and IBM rows. Escapes
//! may follow one another directly, SO and SI and bare 8-bit kana count, and a line end returns to ASCII (RFC 1468).

use super::charset::run;
use encoding_rs::{EUC_JP, EUC_KR, GBK};

const ESC: u8 = 0x1B;

/// Whether an escape to another set occurs.
pub(super) fn has_escapes(bytes: &[u8]) -> bool {
    bytes.contains(&ESC)
        && bytes
            .windows(3)
            .any(|w| matches!(w, [ESC, b'$', b'@' | b'B' | b'A' | b'('] | [ESC, b'(', b'I' | b'J' | b'B']))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    Roman,
    Kana,
    /// JIS X 0208, or the part of JIS X 0213 that agrees with it.
    Kanji,
    /// JIS X 0212.
    Extra,
    Chinese,
    Korean,
    /// A two-byte set that is not known here.
    Unknown,
}

struct Machine {
    out: String,
    /// EUC-JP, not yet decoded.
    euc: Vec<u8>,
}

impl Machine {
    fn flush(&mut self) {
        if !self.euc.is_empty() {
            self.out.push_str(&run(EUC_JP, &self.euc).0);
            self.euc.clear();
        }
    }

    fn push(&mut self, text: &str) {
        self.flush();
        self.out.push_str(text);
    }
}

/// Decodes; what is in no set becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut machine = Machine { out: String::with_capacity(bytes.len() * 3 / 2), euc: Vec::with_capacity(bytes.len()) };
    let mut set = Set::Ascii;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        at += 1;
        match byte {
            ESC => {
                let (next, length) = escape(rest, set);
                set = next;
                at += length - 1;
            }
            0x0E => set = Set::Kana,
            0x0F => set = Set::Ascii,
            b'\r' | b'\n' => {
                set = Set::Ascii;
                machine.euc.push(byte);
            }
            0x80.. => {
                let length = rest.iter().take_while(|byte| **byte >= 0x80).count();
                let raw = rest.get(..length).unwrap_or_default();
                at += length - 1;
                eight_bit(&mut machine, raw);
            }
            0..=0x20 | 0x7F => machine.euc.push(byte),
            _ => match set {
                Set::Ascii => machine.euc.push(byte),
                Set::Roman if byte == b'\\' => machine.push("¥"),
                Set::Roman => machine.euc.push(byte),
                Set::Kana if byte <= 0x5F => machine.euc.extend([0x8E, byte | 0x80]),
                Set::Kana => machine.euc.push(byte),
                Set::Kanji | Set::Extra | Set::Chinese | Set::Korean | Set::Unknown => match bytes.get(at) {
                    Some(&trail @ 0x21..=0x7E) => {
                        at += 1;
                        pair(&mut machine, set, byte | 0x80, trail | 0x80);
                    }
                    Some(_) => machine.push("\u{FFFD}"),
                    None => {}
                },
            },
        }
    }
    machine.flush();
    machine.out
}

fn pair(machine: &mut Machine, set: Set, lead: u8, trail: u8) {
    match set {
        Set::Kanji => machine.euc.extend([lead, trail]),
        Set::Extra => machine.euc.extend([0x8F, lead, trail]),
        Set::Chinese => machine.push(&run(GBK, &[lead, trail]).0),
        Set::Korean => machine.push(&run(EUC_KR, &[lead, trail]).0),
        _ => machine.push("\u{FFFD}"),
    }
}

/// Bytes above ASCII have no place here, but mailers put half-width kana there, or another charset altogether.
fn eight_bit(machine: &mut Machine, raw: &[u8]) {
    if raw.iter().all(|byte| matches!(byte, 0xA1..=0xDF)) {
        machine.euc.extend(raw.iter().flat_map(|byte| [0x8E, *byte]));
    } else if let Ok(text) = std::str::from_utf8(raw) {
        machine.push(text);
    } else {
        machine.push("\u{FFFD}");
    }
}

/// The set an escape at the start of `rest` leads to, and its length; a cut-off or unknown escape is passed over.
fn escape(rest: &[u8], now: Set) -> (Set, usize) {
    match rest {
        [_, b'$', b'@' | b'B', ..] => (Set::Kanji, 3),
        [_, b'$', b'A', ..] => (Set::Chinese, 3),
        [_, b'$', b'(' | b')', b'@' | b'B' | b'O' | b'Q', ..] => (Set::Kanji, 4),
        [_, b'$', b'(' | b')', b'D', ..] => (Set::Extra, 4),
        [_, b'$', b'(' | b')', b'C', ..] => (Set::Korean, 4),
        [_, b'$', b'(' | b')', b'A', ..] => (Set::Chinese, 4),
        [_, b'$', b'(' | b')', 0x30..=0x7E, ..] => (Set::Unknown, 4),
        [_, b'(' | b')', b'I', ..] => (Set::Kana, 3),
        [_, b'(', b'J' | b'H', ..] => (Set::Roman, 3),
        [_, b'(', 0x30..=0x7E, ..] => (Set::Ascii, 3),
        [_, b'&', b'@', ..] | [_, b'.', 0x30..=0x7E, ..] => (now, 3),
        [_, b'$', b'('] | [_, b'$' | b'(' | b')' | b'&' | b'.'] => (now, rest.len()),
        _ => (now, 1),
    }
}
