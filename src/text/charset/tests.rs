//! Bytes as they stand in Japanese mail, and what they must become.

use super::*;
use encoding_rs::ISO_2022_JP;
use proptest::prelude::*;

#[track_caller]
fn check(bytes: &[u8], label: Option<&str>, expect: &str, doubt: Doubt) {
    let decoded = decode(bytes, label);
    assert_eq!((decoded.text.as_str(), decoded.doubt), (expect, doubt), "{label:?} {}", decoded.charset);
}

fn in_charset(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    encoding.encode(text).0.into_owned()
}

const TEXT: &str = "再入荷のお知らせ：ポイント500、クーポンを確認してください。";

#[test]
fn every_label_of_the_japanese_charsets() {
    for label in [
        "ISO-2022-JP", "iso-2022-jp-1", "ISO-2022-JP-2", "iso-2022-jp-3", "iso-2022-jp-2004", "ISO-2022-JP-MS",
        "cp50220", "CP50221", "csISO2022JP", "iso2022-jp", "jis", "\"iso-2022-jp\"", "iso-2022-jp*ja",
    ] {
        check(&in_charset(ISO_2022_JP, TEXT), Some(label), TEXT, Doubt::None);
    }
    for label in [
        "Shift_JIS", "cp932", "CP932", "windows-31j", "csWindows31J", "x-sjis", "MS_Kanji", "x-ms-cp932", "Windows-932",
    ] {
        check(&in_charset(SHIFT_JIS, TEXT), Some(label), TEXT, Doubt::None);
    }
    for label in ["EUC-JP", "eucJP-ms", "cp51932", "x-euc-jp", "eucjp"] {
        check(&in_charset(EUC_JP, TEXT), Some(label), TEXT, Doubt::None);
    }
    for label in ["UTF-8", "utf8", "\"utf-8\"", "utf-8*ja"] {
        check(TEXT.as_bytes(), Some(label), TEXT, Doubt::None);
    }
}

#[test]
fn labels_that_lie_or_are_missing() {
    for (label, doubt) in
        [(None, Doubt::Guessed), (Some("us-ascii"), Doubt::WrongLabel), (Some("iso-8859-1"), Doubt::WrongLabel)]
    {
        for encoding in [SHIFT_JIS, EUC_JP] {
            check(&in_charset(encoding, TEXT), label, TEXT, doubt);
        }
        check(TEXT.as_bytes(), label, TEXT, doubt);
        check(&in_charset(ISO_2022_JP, TEXT), label, TEXT, Doubt::Guessed);
    }
    check(TEXT.as_bytes(), Some("iso-2022-jp"), TEXT, Doubt::WrongLabel);
    check(&in_charset(SHIFT_JIS, TEXT), Some("iso-2022-jp"), TEXT, Doubt::WrongLabel);
    check(TEXT.as_bytes(), Some("shift_jis"), TEXT, Doubt::WrongLabel);
    check(TEXT.as_bytes(), Some("euc-jp"), TEXT, Doubt::WrongLabel);
    check(&in_charset(SHIFT_JIS, TEXT), Some("utf-8"), TEXT, Doubt::WrongLabel);
    check(&in_charset(EUC_JP, TEXT), Some("shift_jis"), TEXT, Doubt::WrongLabel);
    check(&in_charset(ISO_2022_JP, TEXT), Some("utf-8"), TEXT, Doubt::WrongLabel);
    check(b"caf\xE9 and na\xEFve", Some("iso-8859-1"), "café and naïve", Doubt::WrongLabel);
    check(b"na\xEFve", Some("iso-8859-1"), "naïve", Doubt::WrongLabel);
    check(b"plain", None, "plain", Doubt::None);
    check(b"\xEF\xBB\xBF\xE3\x81\x82", Some("shift_jis"), "あ", Doubt::None);
}

#[test]
fn what_mailers_do_to_iso_2022_jp() {
    let jp = Some("iso-2022-jp");
    check(b"\x1b$B-!-j|b\x1b(B\x1b(I6@=\x1b(B.", jp, "①㈱髙ｶﾀｽ.", Doubt::None);
    check(b"\x1b$B$\"\x1b(B\x1b$B$$\x1b(B", jp, "あい", Doubt::None);
    check(b"\x1b$@$\"\x1b(J\\500", jp, "あ¥500", Doubt::None);
    check(b"a\x0e6@=\x0fb", jp, "aｶﾀｽb", Doubt::None);
    check(b"\x1b$B$\"\x1b(B\xB6\xC0\xBD", jp, "あｶﾀｽ", Doubt::None);
    check(b"\x1b$(D0!\x1b(B", jp, "丂", Doubt::None);
    check(b"\x1b$B$\"\nabc", jp, "あ\nabc", Doubt::None);
    check(b"\x1b$(Q$\"\x1b(B", Some("iso-2022-jp-2004"), "あ", Doubt::None);
}

#[test]
fn a_character_cut_in_two_leaves_nothing() {
    for (encoding, label) in
        [(ISO_2022_JP, "iso-2022-jp"), (SHIFT_JIS, "shift_jis"), (EUC_JP, "euc-jp"), (UTF_8, "utf-8")]
    {
        let bytes = in_charset(encoding, TEXT);
        for end in 30..bytes.len() {
            for label in [Some(label), None] {
                let text = decode(&bytes[..end], label).text;
                assert!(
                    TEXT.starts_with(&text) || text.trim_end_matches(['$', '(', '\u{1b}']).len() <= TEXT.len(),
                    "{text}"
                );
                assert!(!text.contains('\u{FFFD}'), "{label:?} {end} {text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_fails(bytes in prop::collection::vec(any::<u8>(), 0..300), label in "[a-zA-Z0-9_*-]{0,14}") {
        let _ = decode(&bytes, Some(&label));
        let _ = decode(&bytes, None);
        let _ = super::super::jis::decode(&bytes);
    }

    #[test]
    fn comes_back_from_every_charset(text in "[ぁ-んァ-ヶ日本語在庫切入荷番号a-z0-9、。]{12,80}ですがのをに") {
        for (encoding, label) in [(ISO_2022_JP, "iso-2022-jp"), (SHIFT_JIS, "cp932"), (EUC_JP, "euc-jp"), (UTF_8, "utf-8")] {
            let (bytes, _, unmappable) = encoding.encode(&text);
            prop_assume!(!unmappable);
            prop_assert_eq!(decode(&bytes, Some(label)).text, text.clone());
        }
    }
}
