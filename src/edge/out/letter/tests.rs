//! Letters as bytes: what stands in them, and that no value can make another letter of one.

use super::*;
use crate::facts::OrderNumber;
use mail_parser::{HeaderValue as Parsed, MessageParser};
use proptest::prelude::*;

fn letter() -> Letter {
    Letter {
        step: "ask-shop".to_owned(),
        order: OrderNumber::parse("399999-20261120-0123456789").unwrap(),
        account: "a".to_owned(),
        from: "山田 花子 <hanako@example.jp>".to_owned(),
        to: "modori-zakka@shop.rakuten.co.jp".to_owned(),
        subject: "Re: ご注文キャンセルのお知らせ（受注番号 399999-20261120-0123456789）".to_owned(),
        body: "モドリ雑貨店 ご担当者様\n\nポイントの返還についてお伺いします。\n.\nFrom 山田\n".to_owned(),
        in_reply_to: Some("mail.2@shop.rakuten.co.jp".to_owned()),
        references: vec!["mail.1@shop.rakuten.co.jp".to_owned(), "mail.2@shop.rakuten.co.jp".to_owned()],
        message_id: "modori.0123abcd@example.jp".to_owned(),
        answers: true,
    }
}

fn at() -> Timestamp {
    "2026-11-27T10:00:00+09:00".parse().unwrap()
}

/// Header fields by name, as a reader without the library sees them: lines unfolded, nothing decoded.
fn fields(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (header, _) = text.split_once("\r\n\r\n").unwrap();
    header
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ")
        .split("\r\n")
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())).unwrap())
        .collect()
}

fn one(bytes: &[u8], name: &str) -> Option<String> {
    let all: Vec<String> =
        fields(bytes).into_iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect();
    assert!(all.len() <= 1, "{name} stands {} times", all.len());
    all.into_iter().next()
}

/// What must hold of every letter that is written, whatever was in it.
fn sound(letter: &Letter, by: By) -> Result<Written, OutError> {
    let written = write(letter, by, at())?;
    let bytes = &written.bytes;
    let lone = |at: usize| match bytes[at] {
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        0 => true,
        b => b >= 0x80,
    };
    assert!((0..bytes.len()).all(|at| !lone(at)), "a lone line end, NUL or 8-bit byte");
    assert!(bytes.ends_with(b"\r\n"));
    assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= 998), "a line is too long");
    let mut names: Vec<String> = fields(bytes).into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    let unique = names.len();
    names.dedup();
    assert_eq!(names.len(), unique, "a header stands twice: {names:?}");
    let known = [
        "auto-submitted", "content-transfer-encoding", "content-type", "date", "from", "in-reply-to", "message-id",
        "mime-version", "references", "subject", "to", "x-auto-response-suppress",
    ];
    assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    let mail = MessageParser::default().parse(bytes.as_slice()).unwrap();
    assert_eq!(mail.parts.len(), 1, "it became several parts");
    let to: Vec<&str> = mail.to().unwrap().iter().filter_map(|one| one.address()).collect();
    assert_eq!(to.len(), 1, "{to:?}");
    // by our own eye: the address alone, the part before the @ in quotes or not
    let written_to = one(bytes, "To").unwrap();
    let quoted = letter.to.split_once('@').map(|(local, domain)| format!("\"{local}\"@{domain}")).unwrap();
    assert!(written_to == letter.to || written_to == quoted, "{written_to}");
    // mail-parser takes a part in quotes for a name
    assert!(to[0] == letter.to || written_to == quoted, "{to:?}");
    assert!(mail.cc().is_none() && mail.bcc().is_none());
    let (envelope_from, envelope_to) = (written.envelope.from().unwrap().to_string(), written.envelope.to());
    assert_eq!(envelope_to.len(), 1);
    assert_eq!(envelope_to[0].to_string().replace('"', ""), letter.to);
    let from: Vec<&str> = mail.from().unwrap().iter().filter_map(|one| one.address()).collect();
    assert_eq!(from, [envelope_from]);
    assert_eq!(mail.message_id(), Some(letter.message_id.as_str()));
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(mail.subject().unwrap_or_default()), squeezed(&letter.subject));
    let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim_end_matches('\n'), letter.body.trim_end_matches('\n'));
    assert_eq!(one(bytes, "Auto-Submitted").is_some(), by == By::Us);
    Ok(written)
}

#[test]
fn a_letter_says_what_it_answers_and_to_whom() {
    let written = sound(&letter(), By::Her).unwrap();
    let one = |name: &str| one(&written.bytes, name);
    assert_eq!(one("In-Reply-To").unwrap(), "<mail.2@shop.rakuten.co.jp>");
    assert_eq!(one("References").unwrap(), "<mail.1@shop.rakuten.co.jp> <mail.2@shop.rakuten.co.jp>");
    assert_eq!(one("To").unwrap(), "modori-zakka@shop.rakuten.co.jp");
    assert_eq!(one("Date").unwrap(), "Fri, 27 Nov 2026 01:00:00 +0000");
    assert!(one("Content-Type").unwrap().eq_ignore_ascii_case("text/plain; charset=utf-8"));
    assert_eq!((one("Auto-Submitted"), one("User-Agent"), one("X-Mailer")), (None, None, None));
    let mail = MessageParser::default().parse(&written.bytes).unwrap();
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("山田 花子"));
}

#[test]
fn what_no_hand_sends_says_so() {
    for (answers, said) in [(true, "auto-replied"), (false, "auto-generated")] {
        let written = sound(&Letter { answers, ..letter() }, By::Us).unwrap();
        assert_eq!(one(&written.bytes, "Auto-Submitted").unwrap(), said);
        assert_eq!(one(&written.bytes, "X-Auto-Response-Suppress").unwrap(), "All");
    }
}

#[test]
fn a_long_thread_is_folded_and_keeps_its_ends() {
    let references: Vec<String> = (0..60).map(|n| format!("{n}.{}@shop.rakuten.co.jp", "x".repeat(60))).collect();
    let letter = Letter { in_reply_to: references.last().cloned(), references, ..letter() };
    let written = sound(&letter, By::Her).unwrap();
    let thread = one(&written.bytes, "References").unwrap();
    let ids: Vec<&str> = thread.split_whitespace().collect();
    assert_eq!(ids.len(), THREAD);
    assert!(ids[0].starts_with("<0.") && ids[THREAD - 1].starts_with("<59."), "{ids:?}");
    let text = String::from_utf8(written.bytes.clone()).unwrap();
    assert!(text.lines().all(|line| line.len() <= 200), "not folded");
    let mail = MessageParser::default().parse(&written.bytes).unwrap();
    assert!(matches!(mail.references(), Parsed::TextList(list) if list.len() == THREAD));
}

#[test]
fn old_carrier_addresses_are_quoted() {
    for to in ["a..b@docomo.ne.jp", "a.@docomo.ne.jp", ".a@ezweb.ne.jp"] {
        let written = sound(&Letter { to: to.to_owned(), ..letter() }, By::Us).unwrap();
        let (local, domain) = to.split_once('@').unwrap();
        assert_eq!(one(&written.bytes, "To").unwrap(), format!("\"{local}\"@{domain}"));
    }
}

#[test]
fn what_would_make_another_letter_of_it_is_refused() {
    let with = |change: fn(&mut Letter)| {
        let mut letter = letter();
        change(&mut letter);
        let error = write(&letter, By::Us, at()).unwrap_err();
        assert_eq!(error.advice, Advice::Never, "{error}");
    };
    with(|one| one.subject = "a\r\nBcc: eve@example.net".into());
    with(|one| one.subject = "a\nBcc: eve@example.net".into());
    with(|one| one.subject = "a\rb".into());
    with(|one| one.subject = "a\0b".into());
    with(|one| one.subject = "\u{202e}a".into());
    with(|one| one.subject = "=?UTF-8?B?DQpCY2M6IGV2ZUBleGFtcGxlLm5ldA==?=".into());
    with(|one| one.subject = "x".repeat(LINE + 1));
    with(|one| one.to = "a@example.jp, eve@example.net".into());
    with(|one| one.to = "a@example.jp>\r\nRCPT TO:<eve@example.net".into());
    with(|one| one.to = "\"a@example.jp, x\"@example.net".into());
    with(|one| one.to = "shop <a@example.jp>".into());
    with(|one| one.to = "店@example.jp".into());
    with(|one| one.to = "a@[127.0.0.1]".into());
    with(|one| one.to = "@example.jp".into());
    with(|one| one.to = "a@".into());
    with(|one| one.to = "=?utf-8?q?a?=@example.jp".into());
    with(|one| one.to = String::new());
    with(|one| one.from = "x <a@example.jp>, eve@example.net".into());
    with(|one| one.from = "\"x\" <eve@example.net> <a@example.jp>".into());
    with(|one| one.from = "a\r\nBcc: b <a@example.jp>".into());
    with(|one| one.message_id = "a@localhost".into());
    with(|one| one.message_id = "a b@example.jp".into());
    with(|one| one.message_id = "a@b>\r\nBcc: x".into());
    with(|one| one.body = "a\0b".into());
    with(|one| one.body = "a\rb".into());
    with(|one| one.body = "\u{202e}a".into());
    with(|one| one.body = "x".repeat(TEXT + 1));
}

#[test]
fn an_id_that_no_header_can_hold_is_left_out() {
    let odd = ["a b@x", "", "a@b>\r\nBcc: eve@example.net", "é@x", "=?utf-8?q?x?="];
    for id in odd {
        let letter = Letter {
            in_reply_to: Some(id.to_owned()),
            references: vec![id.to_owned(), "ok@shop.rakuten.co.jp".to_owned()],
            ..letter()
        };
        let written = sound(&letter, By::Us).unwrap();
        assert_eq!(one(&written.bytes, "In-Reply-To"), None);
        assert_eq!(one(&written.bytes, "References").unwrap(), "<ok@shop.rakuten.co.jp>");
    }
}

/// Text with what is used to break out of a header.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,12}",
        "[ぁ-ん一-龠ー。、]{0,8}",
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\0".to_owned()),
        Just("\r\nBcc: eve@example.net\r\n".to_owned()),
        Just("\r\n\r\n<html>".to_owned()),
        Just("\u{2028}\u{85}\u{b}\u{c}".to_owned()),
        Just("\u{202e}\u{2066}\u{200f}".to_owned()),
        Just("=?UTF-8?B?DQpCY2M6IGV2ZUBleGFtcGxlLm5ldA==?=".to_owned()),
        Just("=?utf-8?q?=0d=0aBcc:_x?=".to_owned()),
        Just("<eve@example.net>".to_owned()),
        Just(", eve@example.net".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("(".to_owned()),
        Just(";:,<>@[]".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// A good value, one with something nasty in it, or something nasty alone.
fn value(good: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(good.to_owned()),
        2 => nasty().prop_map(move |nasty| format!("{good}{nasty}")),
        1 => nasty().prop_map(move |nasty| format!("{nasty}{good}")),
        1 => nasty(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_stands_in_a_letter_it_is_refused_or_is_one_letter_to_one_recipient(
        from in value("山田 <hanako@example.jp>"),
        to in value("shop@shop.rakuten.co.jp"),
        subject in value("Re: ご注文"),
        body in value("本文です。\n"),
        answered in proptest::option::of(value("m@shop.rakuten.co.jp")),
        thread in proptest::collection::vec(value("t@shop.rakuten.co.jp"), 0..4),
        id in value("modori.1@example.jp"),
        by_us in any::<bool>(),
        answers in any::<bool>(),
    ) {
        let letter = Letter {
            from, to, subject, body, in_reply_to: answered, references: thread, message_id: id, answers, ..letter()
        };
        let _ = sound(&letter, if by_us { By::Us } else { By::Her });
    }

    #[test]
    fn a_nasty_subject_in_a_good_letter_is_refused_or_arrives(subject in nasty()) {
        let _ = sound(&Letter { subject, ..letter() }, By::Us);
    }

    #[test]
    fn a_nasty_text_in_a_good_letter_is_refused_or_arrives(body in nasty()) {
        let _ = sound(&Letter { body, ..letter() }, By::Us);
    }

    #[test]
    fn a_nasty_name_in_a_good_letter_is_refused_or_arrives(name in nasty()) {
        let _ = sound(&Letter { from: format!("{name} <hanako@example.jp>"), ..letter() }, By::Us);
    }
}
