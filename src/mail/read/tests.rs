//! Mails as they come, and what a person would read in them.

use super::*;
use crate::mail::TrustLevel;
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8};
use proptest::prelude::*;

fn received() -> Timestamp {
    "2026-11-24T01:05:00Z".parse().unwrap()
}

fn mail(bytes: &[u8]) -> Mail {
    read(bytes, &Reading { received: received(), size: u32::try_from(bytes.len()).unwrap(), authserv_ids: &[] })
}

fn with_body(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = header.replace('\n', "\r\n").into_bytes();
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

fn b64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn codes(mail: &Mail) -> Vec<&str> {
    mail.notes.iter().map(|note| note.code.as_str()).collect()
}

const HEAD: &str = "From: shop <shop@shop.rakuten.co.jp>\nDate: Tue, 24 Nov 2026 10:03:00 +0900\nMessage-ID: <a@b>\n";
const TEXT: &str = "受注番号：399999-20261120-0123456789\r\n商品が再入荷しました。ポイント500、㈱です。\r\n";

#[test]
fn one_text_in_every_charset_and_transfer_encoding() {
    let expect = TEXT.replace("\r\n", "\n");
    let all: [(&'static Encoding, &str); 7] = [
        (ISO_2022_JP, "iso-2022-jp"),
        (ISO_2022_JP, "cp50221"),
        (SHIFT_JIS, "cp932"),
        (EUC_JP, "euc-jp"),
        (UTF_8, "utf-8"),
        (ISO_2022_JP, ""),
        (UTF_8, "us-ascii"),
    ];
    for (encoding, label) in all {
        let bytes = encoding.encode(TEXT).0.into_owned();
        let kind =
            if label.is_empty() { String::new() } else { format!("Content-Type: text/plain; charset={label}\n") };
        let wrapped =
            b64(&bytes).as_bytes().chunks(76).map(|line| [line, b"\r\n"].concat()).collect::<Vec<_>>().concat();
        let quoted: String = bytes
            .iter()
            .map(|byte| match byte {
                b'\r' | b'\n' => char::from(*byte).to_string(),
                byte => format!("={byte:02X}"),
            })
            .collect();
        for (transfer, body) in
            [("8bit", bytes.clone()), ("Base64", wrapped), ("quoted-printable", quoted.into_bytes())]
        {
            let mail = mail(&with_body(&format!("{HEAD}{kind}Content-Transfer-Encoding: {transfer}\n"), &body));
            assert_eq!(mail.body.raw, expect, "{label} {transfer}");
            assert!(mail.body.folded.text().contains("(株)"));
        }
    }
}

#[test]
fn subjects() {
    #[track_caller]
    fn check(field: &[u8], expect: &str) {
        let mut bytes = b"From: a@b.example\r\nSubject: ".to_vec();
        bytes.extend(field);
        bytes.extend(b"\r\n\r\nx");
        let mail = mail(&bytes);
        assert_eq!(mail.subject.raw, expect);
        assert!(!codes(&mail).contains(&"damaged-subject"));
    }
    let jis = |text: &str| ISO_2022_JP.encode(text).0.into_owned();
    let word = |label: &str, bytes: &[u8]| format!("=?{label}?B?{}?=", b64(bytes));
    let long = "【楽天市場】ご登録商品が再入荷しました";
    check(word("ISO-2022-JP", &jis(long)).as_bytes(), long);
    check(
        format!("{}\r\n {}", word("ISO-2022-JP", &jis("【楽天")), word("iso-2022-jp", &jis("市場】"))).as_bytes(),
        "【楽天市場】",
    );
    let (one, two) = long.as_bytes().split_at(10);
    check(format!("{}\r\n\t{}", word("utf-8", one), word("UTF-8", two)).as_bytes(), long);
    check(
        format!("{} abc {}", word("utf-8", "楽天".as_bytes()), word("utf-8", "市場".as_bytes())).as_bytes(),
        "楽天 abc 市場",
    );
    check(format!("{}abc", word("cp932", &SHIFT_JIS.encode("市場").0)).as_bytes(), "市場abc");
    check(format!("\"{}\"", word("utf-8", "楽天".as_bytes())).as_bytes(), "\"楽天\"");
    check(b"=?utf-8*ja?Q?=E6=A5=BD_=E5=A4=A9?=", "楽 天");
    check(b"=?UTF-8?B?5qW95aSp?= (=?UTF-8?B?5biC5aC0?=)", "楽天 (市場)");
    check(&jis(long), long);
    check(long.as_bytes(), long);
    check(&SHIFT_JIS.encode(long).0, long);
    check(&EUC_JP.encode(long).0, long);
    check(b"=?UTF-8?B?5qW95aSp5biC5aC0IQ?=", "楽天市場!");
    check(b"=?x?y?z", "=?x?y?z");
    check(b"=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x");
    let broken = mail(b"Subject: =?utf-8?B?5qW95aQ?= x\r\n\r\n");
    assert_eq!(codes(&broken), ["no-from", "no-date"]);
    assert_eq!(
        codes(&mail(b"From: a@b\r\nDate: 24 Nov 2026 10:00 +0900\r\nSubject: =?utf-8?B?5v+l?= x\r\n\r\n")),
        ["damaged-subject"]
    );
}

#[test]
fn addresses() {
    #[track_caller]
    fn check(field: &str, expect: &[(&str, &str)]) {
        let found = header::addresses(field.as_bytes());
        let found: Vec<(&str, &str)> = found.iter().map(|one| (one.name.as_str(), one.addr.as_str())).collect();
        assert_eq!(found, expect, "{field}");
    }
    check("楽天市場 <Order@Rakuten.co.jp>", &[("楽天市場", "order@rakuten.co.jp")]);
    check("\"a, b\" <a@b.example>, c@d.example", &[("a, b", "a@b.example"), ("", "c@d.example")]);
    check("=?utf-8?B?5qW95aSp?= <a@b>", &[("楽天", "a@b")]);
    check("\"=?utf-8?B?5qW95aSp?=\" <a@b>", &[("楽天", "a@b")]);
    check("\"order@rakuten.co.jp\" <x@evil.example>", &[("order@rakuten.co.jp", "x@evil.example")]);
    check("order@rakuten.co.jp <x@evil.example>", &[("order@rakuten.co.jp", "x@evil.example")]);
    check("<order@rakuten.co.jp> <x@evil.example>", &[("", "x@evil.example")]);
    check("a@b.example (Shop (1))", &[("Shop (1)", "a@b.example")]);
    check("group: a@b, c@d;", &[("", "a@b"), ("", "c@d")]);
    check("undisclosed-recipients:;", &[]);
    check("shop", &[("shop", "")]);
    check("", &[]);
}

#[test]
fn carriage_returns_alone_end_lines() {
    let read = mail(b"From: a@example.jp\rSubject: one\r\rline 1\rline 2\r");
    assert_eq!((read.subject.raw.as_str(), read.from.addr.as_str()), ("one", "a@example.jp"));
    assert!(read.body.raw.starts_with("line 1\nline 2"), "{:?}", read.body.raw);
}

#[test]
fn several_senders_are_noted() {
    let two = mail(b"From: a@b.example\r\nFrom: order@rakuten.co.jp\r\n\r\n");
    assert!(codes(&two).contains(&"two-from"));
    assert_eq!(two.from.addr, "a@b.example");
    assert_eq!(two.trust.level, TrustLevel::Suspect);
}

#[test]
fn html_as_a_reader_sees_it() {
    #[track_caller]
    fn check(html: &str, expect: &str, hidden: &str) {
        let mail = mail(&with_body(&format!("{HEAD}Content-Type: text/html; charset=utf-8\n"), html.as_bytes()));
        assert_eq!((mail.body.raw.as_str(), mail.hidden.trim()), (expect, hidden), "{html}");
    }
    check("<p>a</p><p>b<br>c</p>", "a\nb\nc", "");
    check(
        "<table><tr><td>ポイント利用<td>1,000<tr><td>合計</td><td>2</td></tr></table>x",
        "ポイント利用\t1,000\n合計\t2\nx",
        "",
    );
    check("<table><tr><td><p>商品</p></td><td><div>1点</div></td></tr></table>", "商品\t1点", "");
    check("<style>p{}</style><title>t</title><script>s</script>a &amp; &yen;b&nbsp;c", "a & ¥b\u{A0}c", "");
    check("<div style=\"display:none !important\">ポイント<span>返還</span></div>本文", "本文", "ポイント 返還");
    check(
        "<span style='FONT-SIZE:0px'>x</span><i hidden>y</i><b style='opacity:0'>z</b><u style='mso-hide:all'>w</u>ok",
        "ok",
        "x  y  z  w",
    );
    check("<div style='max-height:0;overflow:hidden'>pre</div>ok", "ok", "pre");
    check("<p style='display:none'>pre<p>ok", "ok", "pre");
    check(
        "<div style='color:#fff'>w</div><div style='color:#fff;background:#ffffff'>v</div><td bgcolor=red style='color:white'>ok</td>",
        "ok",
        "w  v",
    );
    check(
        "<style>.pre{display:none} @media x{.m{display:none}}</style><p class=pre>p</p><p class='m'>ok</p>",
        "ok",
        "p",
    );
    check("<img alt='再入荷'><img src=x width=1 height=1 alt=track>のお知らせ", "再入荷のお知らせ", "");
    check("<a href='https://item.rakuten.co.jp/a/b/'><img alt=商品></a>", "商品", "");
    check("テ<b>ス</b>ト 再\n入荷", "テスト 再 入荷", "");
    check("<pre>a\n b</pre>", "a\n b", "");
    check("<ul><li>a<li>b</ul>", "a\nb", "");
    check("a<br><br>b", "a\n\nb", "");
    check("<html><head><meta charset=utf-8><div>a</div>", "a", "");
    check("", "", "");
}

#[test]
fn links_and_their_places() {
    let html = "<p>見る: <a href=' https://evil.example/x '>https://www.rakuten.co.jp/ <b>ログイン</b></a> と https://a.example/b。</p>";
    let mail = mail(&with_body(&format!("{HEAD}Content-Type: text/html; charset=utf-8\n"), html.as_bytes()));
    let found: Vec<_> = mail
        .links
        .iter()
        .map(|link| (link.host.as_str(), link.text.as_str(), &mail.body.raw[link.place.clone().unwrap()]))
        .collect();
    assert_eq!(
        found,
        [
            ("evil.example", "https://www.rakuten.co.jp/ ログイン", "https://www.rakuten.co.jp/ ログイン"),
            ("a.example", "https://a.example/b", "https://a.example/b"),
        ]
    );
    assert_eq!(mail.trust.level, TrustLevel::Suspect);
}

fn multipart(kind: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::from("preamble\r\n");
    for (header, text) in parts {
        body.push_str(&format!("--=_b\r\n{}\r\n{text}\r\n", header.replace('\n', "\r\n")));
    }
    body.push_str("--=_b--\r\nepilogue");
    with_body(&format!("{HEAD}Content-Type: multipart/{kind};\n boundary=\"=_b\"\n"), body.as_bytes())
}

#[test]
fn the_part_a_reader_sees() {
    let plain = "Content-Type: text/plain; charset=utf-8\n";
    let html = "Content-Type: text/html; charset=utf-8\n";
    let long = "<p>ご登録いただいた商品が再入荷しましたのでお知らせいたします</p><a href='https://item.rakuten.co.jp/a/'>商品</a>";
    let one =
        mail(&multipart("alternative", &[(plain, "ご登録の商品が再入荷しました https://x.example/"), (html, long)]));
    assert_eq!(one.body.raw, "ご登録の商品が再入荷しました https://x.example/");
    assert_eq!(
        one.links.iter().map(|link| link.host.as_str()).collect::<Vec<_>>(),
        ["x.example", "item.rakuten.co.jp"]
    );
    for hint in [
        "",
        "  \n",
        "このメールはHTMLメールです。",
        "https://www.rakuten.co.jp/very/long/address/of/a/mail/in/the/browser",
    ] {
        let mail = mail(&multipart("alternative", &[(plain, hint), (html, long)]));
        assert!(mail.body.raw.starts_with("ご登録いただいた"), "{hint}");
    }
    let mixed = multipart(
        "mixed",
        &[
            (plain, "一"),
            (
                "Content-Type: application/pdf; name*=utf-8''%E8%A1%A8.pdf\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n",
                "YWJj",
            ),
            (
                "Content-Type: text/plain; charset=utf-8\nContent-Disposition: attachment; filename=\"=?utf-8?B?6KGo?=.txt\"\n",
                "x",
            ),
            (plain, "二"),
        ],
    );
    let mixed = mail(&mixed);
    assert_eq!(mixed.body.raw, "一\n二");
    let files: Vec<_> =
        mixed.attachments.iter().map(|file| (file.name.as_str(), file.media_type.as_str(), file.size)).collect();
    assert_eq!(files, [("表.pdf", "application/pdf", 3), ("表.txt", "text/plain", 1)]);
}

#[test]
fn cut_anywhere_a_mail_is_still_read() {
    let whole = multipart(
        "alternative",
        &[
            ("Content-Type: text/plain; charset=utf-8\n", "商品が再入荷しました"),
            ("Content-Type: text/html; charset=utf-8\n", "<p>商品が再入荷しました</p>"),
        ],
    );
    for end in 0..whole.len() {
        let mail = read(&whole[..end], &Reading { received: received(), size: whole.len() as u32, authserv_ids: &[] });
        assert!(!mail.body.raw.contains('\u{FFFD}'), "{end}: {}", mail.body.raw);
        assert!(codes(&mail).contains(&"truncated"));
    }
}

#[test]
fn replies_and_forwards() {
    #[track_caller]
    fn check(subject: &str, text: &str, expect: &[(PartKind, &str)]) -> Mail {
        let mail = mail(&with_body(
            &format!("{HEAD}Subject: {subject}\nContent-Type: text/plain; charset=utf-8\n"),
            text.as_bytes(),
        ));
        let found: Vec<_> = mail
            .parts
            .iter()
            .map(|part| (part.kind, mail.body.raw[part.range.clone()].trim()))
            .filter(|part| !part.1.is_empty())
            .collect();
        assert_eq!(found, expect, "{subject}");
        mail
    }
    use PartKind::{Forwarded, New, Quoted};
    check(
        "Re: x",
        "承りました\n\n> キャンセル\n> です\n\n以上",
        &[(New, "承りました"), (Quoted, "> キャンセル\n> です"), (New, "以上")],
    );
    check("x", "本文\n>> 詳しくはこちら\n>> もっと見る\n終", &[(New, "本文\n>> 詳しくはこちら\n>> もっと見る\n終")]);
    check(
        "Re: x",
        "はい\n\n2026年11月24日(火) 10:03 モドリ雑貨店 <a@shop.rakuten.co.jp>:\n> 欠品\n",
        &[(New, "はい"), (Quoted, "2026年11月24日(火) 10:03 モドリ雑貨店 <a@shop.rakuten.co.jp>:\n> 欠品")],
    );
    check(
        "Re: x",
        "ok\nOn Tue, Nov 24, 2026 at 10:03 AM shop\n<a@b> wrote:\n\n> a\n",
        &[(New, "ok"), (Quoted, "On Tue, Nov 24, 2026 at 10:03 AM shop\n<a@b> wrote:\n\n> a")],
    );
    let gmail = "見て\n\n---------- Forwarded message ---------\n差出人: 楽天市場 <no-reply@info.rakuten.co.jp>\nDate: 2026年11月20日(金) 18:05\nSubject: 再入荷のお知らせ\nTo: <me@example.com>\n\n\n本日20時から\n";
    let mail = check(
        "Fwd: 再入荷のお知らせ",
        gmail,
        &[(New, "見て"), (Forwarded, gmail.trim_start_matches("見て\n\n").trim())],
    );
    let inner = mail.inner.unwrap();
    assert_eq!(inner.from.unwrap().addr, "no-reply@info.rakuten.co.jp");
    assert_eq!(inner.subject, "再入荷のお知らせ");
    assert_eq!(mail.base.to_string(), "2026-11-20T09:05:00Z");
    let outlook = "\n-----Original Message-----\nFrom: shop <a@shop.rakuten.co.jp>\nSent: Friday, November 20, 2026 6:05 PM\nTo: me\nSubject: 欠品\n\n本文\n";
    assert!(check("FW: 欠品", outlook, &[(Forwarded, outlook.trim())]).inner.is_some());
    assert!(check("RE: 欠品", &format!("了解{outlook}"), &[(New, "了解"), (Quoted, outlook.trim())]).inner.is_none());
    let apple = "\n転送されたメッセージ：\n\n差出人: shop <a@b>\n件名: 欠品\n日付: 2026年11月20日 18:05:00 JST\n宛先: me\n\n本文";
    assert_eq!(
        check("Fwd: x", apple, &[(Forwarded, apple.trim())]).inner.unwrap().date.unwrap().to_string(),
        "2026-11-20T09:05:00Z"
    );
}

#[test]
fn forwards_of_other_programs() {
    let head = "From: 友 <me@example.com>\nDate: Tue, 24 Nov 2026 10:03:00 +0900\nSubject: Fwd: x\nContent-Type: text/html; charset=utf-8\n";
    for html in [
        "<p>見て</p><div class=gmail_quote><div class=gmail_attr>---------- Forwarded message ---------<br>差出人: <b>楽天市場</b> &lt;<a href='mailto:a@rakuten.co.jp'>a@rakuten.co.jp</a>&gt;<br>Date: 2026年11月20日(金) 18:05<br>Subject: 再入荷<br>To: &lt;me@example.com&gt;<br></div><br>本日20時</div>",
        "<p>見て</p><p>-------- 転送メッセージ --------</p><table><tr><th>件名: </th><td>再入荷</td></tr><tr><th>日付: </th><td>Fri, 20 Nov 2026 18:05:00 +0900</td></tr><tr><th>差出人: </th><td>楽天市場 &lt;a@rakuten.co.jp&gt;</td></tr></table><p>本日20時</p>",
        "<p>見て</p><hr><p><b>差出人:</b> 楽天市場 &lt;a@rakuten.co.jp&gt;<br><b>送信日時:</b> 2026年11月20日 18:05<br><b>宛先:</b> me<br><b>件名:</b> 再入荷</p><p>本日20時</p>",
        "<p>見て</p><blockquote type=cite><div>Begin forwarded message:</div><br><div><b>From: </b>楽天市場 &lt;a@rakuten.co.jp&gt;</div><div><b>Subject: </b>再入荷</div><div><b>Date: </b>November 20, 2026 at 18:05:00 JST</div><br><div>本日20時</div></blockquote>",
    ] {
        let mail = mail(&with_body(head, html.as_bytes()));
        let inner = mail.inner.clone().unwrap_or_else(|| panic!("{}", mail.body.raw));
        assert_eq!(inner.from.map(|from| from.addr).as_deref(), Some("a@rakuten.co.jp"), "{html}");
        assert_eq!(inner.subject, "再入荷");
        assert_eq!(mail.base.to_string(), "2026-11-20T09:05:00Z");
        assert_eq!(mail.part_at(0), PartKind::New);
        assert_eq!(mail.part_at(mail.body.raw.find("本日").unwrap()), PartKind::Forwarded);
        assert_eq!(mail.trust.level, TrustLevel::Unverified);
    }
}

#[test]
fn raw_kanji_in_an_address_field() {
    for encoding in [ISO_2022_JP, SHIFT_JIS, EUC_JP, UTF_8] {
        let mut bytes = b"From: ".to_vec();
        // in ISO-2022-JP and Shift_JIS these letters hold bytes that mean something in an address
        bytes.extend(encoding.encode("表示能力ソ雑貨店、楽天市場店です <shop@shop.rakuten.co.jp>").0.iter());
        bytes.extend(b"\r\n\r\n");
        let mail = mail(&bytes);
        assert_eq!(
            (mail.from.name.as_str(), mail.from.addr.as_str()),
            ("表示能力ソ雑貨店、楽天市場店です", "shop@shop.rakuten.co.jp")
        );
    }
}

#[test]
fn a_mail_inside_a_mail() {
    let inner = format!(
        "From: =?utf-8?B?5qW95aSp?= <order@rakuten.co.jp>\r\nSubject: {}\r\nDate: Fri, 20 Nov 2026 18:05:00 +0900\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n本文",
        format_args!("=?ISO-2022-JP?B?{}?=", b64(&ISO_2022_JP.encode("注文内容ご確認").0))
    );
    for transfer in ["8bit", "base64"] {
        let body = if transfer == "base64" { b64(inner.as_bytes()) } else { inner.clone() };
        let header = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: {transfer}\n");
        let mail =
            mail(&multipart("mixed", &[("Content-Type: text/plain; charset=utf-8\n", "見て"), (&header, &body)]));
        let inner = mail.inner.clone().unwrap();
        assert_eq!(
            (inner.from.unwrap().addr.as_str(), inner.subject.as_str()),
            ("order@rakuten.co.jp", "注文内容ご確認")
        );
        assert!(mail.body.raw.ends_with("本文"));
        assert_eq!(mail.part_at(mail.body.raw.len() - 1), PartKind::Forwarded);
        assert_eq!(mail.part_at(0), PartKind::New);
        assert_eq!(mail.base, inner.date.unwrap());
    }
}

#[test]
fn base_and_identity() {
    let at =
        |date: &str| mail(format!("From: a@b\r\nDate: {date}\r\nMessage-ID: <x@y>\r\n\r\nhello  world\r\n").as_bytes());
    assert_eq!(at("Tue, 24 Nov 2026 10:03:00 +0900").base.to_string(), "2026-11-24T01:03:00Z");
    assert_eq!(at("Tue, 24 Nov 2027 10:03:00 +0900").base, received());
    assert_eq!(at("nonsense").base, received());
    let one = at("Tue, 24 Nov 2026 10:03:00 +0900");
    let copy = mail(b"From: b <A@b>\nDate: 24 Nov 2026 01:03:00 GMT\nMessage-Id: <x@y>\n\nhello world\n\n");
    assert_eq!(one.second_identity, copy.second_identity);
    assert_ne!(one.second_identity, at("Tue, 24 Nov 2026 10:03:01 +0900").second_identity);
    assert_eq!(one.message_id.as_deref(), Some("x@y"));
    let null = mail(b"Return-Path: <>\r\nReferences: <a@b>\r\n <c@d>\r\nIn-Reply-To: <c@d>\r\n\r\n");
    assert_eq!(
        (null.return_path.as_deref(), null.references.as_slice()),
        (Some(""), &["a@b".to_owned(), "c@d".to_owned()][..])
    );
}

#[test]
fn hostile_shapes_stay_bounded() {
    let mut deep = String::new();
    for i in 0..3000 {
        deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"));
    }
    let deep = mail(deep.as_bytes());
    assert!(codes(&deep).contains(&"too-deep"));
    let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(3000));
    assert!(codes(&mail(many.as_bytes())).contains(&"too-many-parts"));
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(3000);
    let _ = mail(nested.as_bytes());
    let html = format!("Content-Type: text/html\r\n\r\n{}x{}", "<div>".repeat(20000), "</div>".repeat(20000));
    assert!(codes(&mail(html.as_bytes())).contains(&"too-deep"));
    let words = format!("Subject: {}\r\n\r\n", "=?a?q?x".repeat(9000));
    let _ = mail(words.as_bytes());
    let fields = format!("{}\r\n", "X: y\r\n".repeat(5000));
    assert_eq!(mail(fields.as_bytes()).headers.len(), 1000);
    let _ = mail(b"");
    let _ = mail(b"From \r\n");
}

fn seeds() -> Vec<Vec<u8>> {
    let jis = ISO_2022_JP.encode(TEXT).0.into_owned();
    let html = "<table><tr><td style='display:none'>x<td><a href='https://a.example/'>商品</a></table>".to_owned();
    vec![
        with_body(
            &format!("{HEAD}Subject: =?ISO-2022-JP?B?GyRCOkYbKEI=?=\nContent-Type: text/plain; charset=iso-2022-jp\n"),
            &jis,
        ),
        multipart(
            "alternative",
            &[
                (
                    "Content-Type: text/plain; charset=utf-8; format=flowed\n",
                    "> a \n> b\n-----Original Message-----\nFrom: a@b\nSubject: x\n\ny",
                ),
                ("Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n", &html),
            ],
        ),
        multipart(
            "mixed",
            &[("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n", &b64(&with_body(HEAD, b"x")))],
        ),
        with_body(
            "Authentication-Results: mx.example; dmarc=pass (a) header.from=rakuten.co.jp\nFrom: order@rakuten.co.jp\n",
            b"",
        ),
    ]
}

fn sound(mail: &Mail) {
    let mut end = 0;
    for part in &mail.parts {
        assert_eq!(part.range.start, end);
        assert!(mail.body.raw.get(part.range.clone()).is_some());
        end = part.range.end;
    }
    assert_eq!(end, mail.body.raw.len());
    for link in &mail.links {
        assert!(link.place.clone().is_none_or(|place| mail.body.raw.get(place).is_some()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        sound(&mail(&bytes));
    }

    #[test]
    fn damaged_mails_are_read(which in 0_usize..4, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..12)) {
        let mut bytes = seeds().swap_remove(which);
        for (at, byte, how) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(bytes.len() / 2)),
            }
        }
        let ids = ["mx.example".to_owned()];
        sound(&read(&bytes, &Reading { received: received(), size: 0, authserv_ids: &ids }));
    }

    #[test]
    fn any_html_is_read(html in "(<(/?(table|tr|td|p|div|a href=x|b hidden|br|img alt=x|li|style|pre|blockquote type=cite)|!--)>?|[a-z再入荷 &;\n{}]{0,5}){0,40}") {
        sound(&mail(&with_body(&format!("{HEAD}Content-Type: text/html; charset=utf-8\n"), html.as_bytes())));
    }
}
