//! Letters as they are written, and all that never reaches a header.

use super::silence::of_mail;
use super::*;
use crate::facts;
use crate::ledger::due::Settings;
use crate::ledger::{self, Case, Event};
use crate::mail::{self, Reading};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const ORDER: &str = "399999-20261120-0123456789";
pub(crate) const HANAKO: &str = "hanako@example.jp";
pub(crate) const SHOP: &str = "modori-zakka_2@shop.rakuten.co.jp";

/// `11-24 10:03` of 2026 in Tokyo.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

pub(crate) fn own() -> BTreeSet<String> {
    BTreeSet::from([HANAKO.to_owned()])
}

/// A mail as it comes from the wire: name of its Message-ID, sender, time, subject, text. The provider vouches for it.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) received: Timestamp,
}

impl Wire {
    pub(crate) fn new(id: &str, from: &str, when: &str, subject: &str, body: &str) -> Self {
        let received = at(when);
        let domain = from.rsplit('@').next().unwrap().trim_end_matches('>');
        let date = crate::calendar::civil(received).strftime("%a, %d %b %Y %H:%M:%S +0900").to_string();
        let fields = [
            ("Return-Path", format!("<bounce@{domain}>")),
            ("Authentication-Results", format!("mx.example.jp; dmarc=pass header.from={domain}")),
            ("From", from.to_owned()),
            ("To", format!("<{HANAKO}>")),
            ("Subject", subject.to_owned()),
            ("Date", date),
            ("Message-ID", format!("<{id}@example.jp>")),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", "text/plain; charset=UTF-8".to_owned()),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { fields, body: body.to_owned(), received }
    }

    /// The same with a field of this value; without it when there is none.
    pub(crate) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub(crate) fn read(&self) -> mail::Mail {
        let mut text = String::new();
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("\r\n{}", self.body.replace('\n', "\r\n")));
        let ids = ["mx.example.jp".to_owned()];
        let size = u32::try_from(text.len()).unwrap();
        mail::read(text.as_bytes(), &Reading { received: self.received, size, authserv_ids: &ids })
    }
}

/// What the ledger and the correspondence have of some mails.
pub(crate) fn told(mails: &[Wire]) -> (Vec<Event>, Vec<Correspondence>) {
    let (mut events, mut kept) = (Vec::new(), Vec::new());
    for wire in mails {
        let mail = wire.read();
        let facts = facts::find(&mail);
        let told = ledger::events(&mail, &facts);
        kept.extend(correspondence::of(&mail, &facts, &told, "home", &own()));
        events.extend(told);
    }
    (events, kept)
}

pub(crate) fn case(events: &[Event], now: &str) -> Case {
    let mut cases = ledger::cases(events, &[], &Settings::default(), at(now));
    cases.remove(&OrderNumber::parse(ORDER).unwrap()).expect("the order is known")
}

pub(crate) fn replies() -> Replies {
    Replies {
        drafts: true,
        name: "楽天 花子".into(),
        senders: vec![Sender {
            account: "home".into(),
            address: HANAKO.into(),
            fixed: false,
            own: vec![HANAKO.into()],
        }],
        ..Replies::default()
    }
}

pub(crate) fn ordered() -> Wire {
    let body = format!(
        "楽天市場内のショップ「モドリ雑貨店」へのご注文です。\n[受注番号] {ORDER}\n[日時] 2026-11-20 20:01:33\n[商品]\n\
         帆布トート(mz-1)\n価格 1,980(円) x 2(個) = 3,960(円)\nクーポン利用 -200(円)\nポイント利用 -500(円)\n\
         支払い金額 3,260(円)\n■ ショップ名 ： モドリ雑貨店\n■ ショップURL： https://www.rakuten.co.jp/modori-zakka/\n"
    );
    let subject = "【楽天市場】注文内容ご確認（自動配信メール）";
    Wire::new("order", "<order@rakuten.co.jp>", "11-20 20:02", subject, &body)
}

pub(crate) fn cancelled() -> Wire {
    let body = format!(
        "見本 花子 様\n欠品のため、ご注文をキャンセルさせていただきました。ご利用の500ポイントは返還されます。\n\
         ■受注番号　：{ORDER}\n"
    );
    let from = format!("モドリ雑貨店 <{SHOP}>");
    Wire::new("cancelled", &from, "11-24 10:03", "【モドリ雑貨店】ご注文キャンセルについて", &body)
}

pub(crate) fn asks() -> Wire {
    let body = format!(
        "見本 花子 様\n在庫切れのお詫び\n■受注番号　：{ORDER}\n■商品：帆布トート\n下記よりお選びのうえ、\
         11月30日までにご返信ください。\n①キャンセル ②色違い ③次回入荷を待つ\n"
    );
    Wire::new("asks", &format!("<{SHOP}>"), "11-24 10:03", "在庫切れのお詫びとご確認", &body)
        .with("References", Some("<order@example.jp> <accepted@example.jp>"))
}

/// A letter of this kind about these mails.
pub(crate) fn written(kind: Kind, mails: &[Wire], now: &str) -> Result<Letter, Unwritten> {
    let (events, kept) = told(mails);
    let case = case(&events, now);
    let (memory, settings) = (Memory::default(), Settings::default());
    let matter = Matter { case: &case, mails: &kept, memory: &memory, settings: &settings, now: at(now) };
    write(kind, &matter, &Asked::default(), &replies())
}

/// What one field changed about the shop's question makes modori silent on.
pub(crate) const MAILS: &[(&str, Option<&str>, Silence)] = &[
    ("Return-Path", Some("<>"), Silence::NullSender),
    ("From", None, Silence::NullSender),
    ("From", Some("<hanako@example.jp>"), Silence::OwnMail),
    ("Return-Path", Some("<MAILER-DAEMON@shop.rakuten.co.jp>"), Silence::Machine),
    ("From", Some("<postmaster@shop.rakuten.co.jp>"), Silence::Machine),
    ("From", Some("<listserv@shop.rakuten.co.jp>"), Silence::Machine),
    ("From", Some("<Majordomo@shop.rakuten.co.jp>"), Silence::Machine),
    ("From", Some("<modori-request@shop.rakuten.co.jp>"), Silence::Machine),
    ("From", Some("<owner-modori@shop.rakuten.co.jp>"), Silence::Machine),
    ("From", Some("<no-reply@shop.rakuten.co.jp>"), Silence::NoReply),
    ("From", Some("<NoReply@shop.rakuten.co.jp>"), Silence::NoReply),
    ("From", Some("<do_not_reply@shop.rakuten.co.jp>"), Silence::NoReply),
    ("From", Some("<do-not-reply@shop.rakuten.co.jp>"), Silence::NoReply),
    ("From", Some("<modori-zakka_noreply@shop.rakuten.co.jp>"), Silence::NoReply),
    ("List-Id", Some("<a.example.jp>"), Silence::List),
    ("List-Help", Some("<mailto:a@example.jp>"), Silence::List),
    ("List-Subscribe", Some("<mailto:a@example.jp>"), Silence::List),
    ("List-Unsubscribe", Some("<mailto:a@example.jp>"), Silence::List),
    ("List-Post", Some("NO"), Silence::List),
    ("List-Owner", Some("<mailto:a@example.jp>"), Silence::List),
    ("List-Archive", Some("<https://example.jp/>"), Silence::List),
    ("Content-Type", Some("multipart/report; report-type=delivery-status; boundary=b"), Silence::Bounce),
    ("X-Failed-Recipients", Some("hanako@example.jp"), Silence::Bounce),
    ("From", Some("<order@rakuten.co.jp>"), Silence::RakutenMachine),
    ("From", Some("<order-cancel@order-rp.rms.rakuten.co.jp>"), Silence::RakutenMachine),
    ("From", Some("<order-confirm@order-rp.rms.rakuten.co.jp>"), Silence::RakutenMachine),
    ("From", Some("<modori-zakka@emagazine.rakuten.co.jp>"), Silence::RakutenMachine),
    ("From", Some("<order@shop.rakuten.co.jp>"), Silence::RakutenMachine),
    ("From", Some("<info@modori-zakka.example>"), Silence::NotAShop),
    ("From", Some("<modori-zakka@shop.rakuten.co.jp.example>"), Silence::NotAShop),
    ("Reply-To", Some("<info@modori-zakka.example>"), Silence::ReplyElsewhere),
    ("Reply-To", Some("<other-shop@shop.rakuten.co.jp>"), Silence::ReplyElsewhere),
    ("Reply-To", Some("<order@rakuten.co.jp>"), Silence::ReplyElsewhere),
    ("To", Some("<taro@example.jp>"), Silence::NotToYou),
    ("To", None, Silence::NotToYou),
    ("Authentication-Results", None, Silence::Unverified),
    ("Authentication-Results", Some("other.example; dmarc=pass header.from=shop.rakuten.co.jp"), Silence::Unverified),
    ("Authentication-Results", Some("mx.example.jp; dmarc=fail header.from=shop.rakuten.co.jp"), Silence::Suspect),
    ("Auto-Submitted", Some("auto-generated"), Silence::AutoSubmitted),
    ("Auto-Submitted", Some("auto-replied; owner=x"), Silence::AutoSubmitted),
    ("Auto-Submitted", Some("Auto-Notified"), Silence::AutoSubmitted),
    ("Auto-Submitted", Some(""), Silence::AutoSubmitted),
    ("Precedence", Some("bulk"), Silence::Bulk),
    ("Precedence", Some("Junk"), Silence::Bulk),
    ("Precedence", Some("list"), Silence::Bulk),
    ("X-Auto-Response-Suppress", Some("All"), Silence::Suppressed),
    ("X-Auto-Response-Suppress", Some("DR, OOF, RN"), Silence::Suppressed),
    ("X-Auto-Response-Suppress", Some("autoreply"), Silence::Suppressed),
];

#[test]
fn what_a_mail_itself_says_against_an_answer() {
    assert_eq!(of_mail(&asks().read(), &own()), [], "a shop's plain question");
    for (name, value, expect) in MAILS {
        let mail = asks().with(name, *value).read();
        let found = of_mail(&mail, &own());
        assert!(found.contains(expect), "{name}: {value:?}: {found:?}");
    }
}

#[test]
fn what_speaks_against_nothing() {
    for (name, value) in [
        ("Auto-Submitted", "no"),
        ("Auto-Submitted", " No (sent by hand)"),
        ("Precedence", "first-class"),
        ("X-Auto-Response-Suppress", "DR, RN, NRN"),
        ("Reply-To", "モドリ雑貨店 <modori-zakka_3@shop.rakuten.co.jp>"),
        ("To", "<4f3c2b1a@pc.fw.rakuten.ne.jp>"),
        ("To", "<taro@example.jp>, <Hanako@Example.JP>"),
        ("From", "<modori-zakka@shop.rakuten.co.jp>"),
        ("From", "<listserver-goods@shop.rakuten.co.jp>"),
    ] {
        assert_eq!(of_mail(&asks().with(name, Some(value)).read(), &own()), [], "{name}: {value}");
    }
    // with no own address known, whom it is addressed to cannot be judged
    assert_eq!(of_mail(&asks().with("To", Some("<taro@example.jp>")).read(), &BTreeSet::new()), []);
}

#[test]
fn a_letter_goes_to_the_shop_of_its_order_in_its_thread_and_from_the_address_of_the_order() {
    let letter = written(Kind::AnswerCancel, &[ordered(), asks()], "11-25 09:00").unwrap();
    assert_eq!(letter.to, SHOP);
    assert_eq!(letter.from, "楽天 花子 <hanako@example.jp>");
    assert_eq!(letter.account, "home");
    assert_eq!(letter.subject, "Re: 在庫切れのお詫びとご確認");
    assert_eq!(letter.in_reply_to.as_deref(), Some("asks@example.jp"));
    assert_eq!(letter.references, ["order@example.jp", "accepted@example.jp", "asks@example.jp"]);
    assert!(letter.answers && letter.message_id.ends_with("@example.jp"), "{letter:?}");
    // whoever writes it again, and when, it is the same letter
    assert_eq!(written(Kind::AnswerCancel, &[asks(), ordered()], "11-26 12:00").unwrap(), letter);
    let wait = written(Kind::AnswerWait, &[ordered(), asks()], "11-25 09:00").unwrap();
    assert_ne!(wait.message_id, letter.message_id);

    let inquiry = written(Kind::AskShop, &[ordered(), cancelled()], "11-27 18:00").unwrap();
    assert_eq!(inquiry.subject, format!("【注文番号 {ORDER}】ポイント返還のご確認"));
    assert!(!inquiry.answers);
    assert_eq!(inquiry.in_reply_to.as_deref(), Some("cancelled@example.jp"));
    assert!(inquiry.body.contains("500ポイント") && inquiry.body.contains("12月2日頃"), "{}", inquiry.body);
}

#[test]
fn what_is_meant_for_rakuten_goes_to_no_shop() {
    let silent = written(Kind::AskRakuten, &[ordered(), cancelled()], "12-01 18:00").unwrap_err();
    assert_eq!(silent, Unwritten::Silent(vec![Silence::NoAddress]));
}

#[test]
fn an_inquiry_takes_its_address_from_a_machine_s_mail_but_does_not_answer_it() {
    let automatic = cancelled().with("Auto-Submitted", Some("auto-generated"));
    let letter = written(Kind::AskShop, &[ordered(), automatic], "11-27 18:00").unwrap();
    assert_eq!((letter.to.as_str(), letter.in_reply_to, letter.references), (SHOP, None, vec![]));
    let silent = |wire: Wire| written(Kind::AnswerCancel, &[ordered(), wire], "11-25 09:00").unwrap_err();
    let automatic = asks().with("Auto-Submitted", Some("auto-generated"));
    assert_eq!(silent(automatic), Unwritten::Silent(vec![Silence::AutoSubmitted]));
}

#[test]
fn the_sender_is_whom_the_order_s_mail_came_to() {
    let home = replies().senders.remove(0);
    let other = Sender { account: "other".into(), address: "taro@example.jp".into(), fixed: false, own: vec![] };
    let both = Sender { own: vec![HANAKO.into(), "hana@example.com".into()], ..home.clone() };
    let from = |senders: Vec<Sender>, to: &str| {
        let (events, mails) = told(&[ordered().with("To", Some(to)), cancelled()]);
        let mails: Vec<_> = mails
            .into_iter()
            .map(|mail| if mail.sender == SHOP { mail } else { Correspondence { to: Some(to.to_owned()), ..mail } })
            .collect();
        let case = case(&events, "11-27 18:00");
        let (memory, settings) = (Memory::default(), Settings::default());
        let matter =
            Matter { case: &case, mails: &mails, memory: &memory, settings: &settings, now: at("11-27 18:00") };
        let replies = Replies { senders, name: String::new(), ..replies() };
        write(Kind::AskShop, &matter, &Asked::default(), &replies).map(|letter| (letter.account, letter.from))
    };
    let home_as = |address: &str| Ok(("home".to_owned(), address.to_owned()));
    assert_eq!(from(vec![other.clone(), both.clone()], "hana@example.com"), home_as("hana@example.com"));
    let fixed = Sender { fixed: true, ..both.clone() };
    assert_eq!(from(vec![fixed], "hana@example.com"), home_as(HANAKO));
    // an address that is nobody's is not written as
    assert_eq!(from(vec![both], "who@example.com"), home_as(HANAKO));
    assert_eq!(from(vec![], HANAKO), Err(Unwritten::Silent(vec![Silence::NoSender])));
    let two = vec![other.clone(), Sender { account: "third".into(), ..other.clone() }];
    assert_eq!(from(two, HANAKO), Err(Unwritten::Silent(vec![Silence::NoSender])));
    // another account forwards its mail here: it came to that account's address
    let taro = Sender { own: vec!["taro@example.jp".into()], ..other };
    let expect = Ok(("other".to_owned(), "taro@example.jp".to_owned()));
    assert_eq!(from(vec![home.clone(), taro], "taro@example.jp"), expect);
    // a carrier's address that no standard allows
    let docomo = "a..b.@docomo.ne.jp";
    let mobile = Sender { address: docomo.into(), fixed: true, ..home };
    assert_eq!(from(vec![mobile], HANAKO), home_as(docomo));
}

#[test]
fn a_long_thread_keeps_its_beginning_and_what_is_answered() {
    let ids: String = (0..150).map(|n| format!("<{n}@example.jp> ")).collect();
    let mail = asks().with("References", Some(&ids)).with("In-Reply-To", Some("<149@example.jp>"));
    let (_, kept) = told(std::slice::from_ref(&mail));
    let thread = &kept[0].references;
    assert_eq!((thread.len(), thread[0].as_str(), thread[19].as_str()), (20, "0@example.jp", "149@example.jp"));
    let letter = written(Kind::AnswerCancel, &[ordered(), mail], "11-25 09:00").unwrap();
    let ends = (letter.references[0].as_str(), letter.references[19].as_str());
    assert_eq!((letter.references.len(), ends), (20, ("0@example.jp", "asks@example.jp")));
}

#[test]
fn shops_and_municipalities_are_told_by_their_addresses() {
    use super::address::{Relay, is_municipal};
    for (address, code) in [
        ("modori-zakka@shop.rakuten.co.jp", Some("modori-zakka")),
        ("modori-zakka_2@shop.rakuten.co.jp", Some("modori-zakka")),
        ("modori_zakka_3@shop.rakuten.co.jp", Some("modori_zakka")),
        ("modori_zakka@shop.rakuten.co.jp", Some("modori_zakka")),
        ("f222160-fukuroi_3@shop.rakuten.co.jp", Some("f222160-fukuroi")),
        ("modori@shop.rakuten.co.jp.example", None),
        ("modori@shop.rakuten.co.jp@example.jp", None),
        ("modori@ shop.rakuten.co.jp", None),
        ("a,b@shop.rakuten.co.jp", None),
        ("a\r\nBcc: x@shop.rakuten.co.jp", None),
        ("@shop.rakuten.co.jp", None),
        ("_2@shop.rakuten.co.jp", None),
        ("order@shop.rakuten.co.jp", None),
        ("modori@rakuten.co.jp", None),
    ] {
        assert_eq!(Relay::of(address).map(|relay| relay.code), code, "{address:?}");
    }
    for (code, expect) in [
        ("f222160-fukuroi", true),
        ("f22216-fukuroi", false),
        ("f222160", false),
        ("modori-zakka", false),
        ("f", false),
    ] {
        assert_eq!(is_municipal(code), expect, "{code}");
    }
}

#[test]
fn a_link_holds_the_whole_letter_and_nothing_it_could_be_cut_at() {
    let letter = written(Kind::AnswerCancel, &[ordered(), asks()], "11-25 09:00").unwrap();
    let link = mailto(&letter);
    let (to, rest) = link.strip_prefix("mailto:").unwrap().split_once('?').unwrap();
    assert_eq!(to, SHOP);
    let fields: BTreeMap<&str, String> = rest
        .split('&')
        .map(|field| field.split_once('=').unwrap())
        .map(|(name, value)| (name, percent(value)))
        .collect();
    assert_eq!(fields["subject"], letter.subject);
    assert_eq!(fields["body"].replace("\r\n", "\n"), letter.body.trim_end());
    assert_eq!(fields["in-reply-to"], "<asks@example.jp>");
    assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{link}");
    assert_eq!(form(&letter.order), format!("https://ask.step.rakuten.co.jp/inquiry-form/?on={ORDER}&ms=702"));
}

fn percent(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Text that tries to be more than text.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9 ]{0,12}",
        "[ぁ-んァ-ヶ一-龠]{0,6}",
        Just("\r\nBcc: thief@example.com".to_owned()),
        Just("\n\nX".to_owned()),
        Just("\rTo: a@b.example".to_owned()),
        Just("\0".to_owned()),
        Just("\u{202E}".to_owned()),
        Just("\u{2066}\u{2069}\u{200F}\u{061C}".to_owned()),
        Just("\u{2028}\u{2029}\u{85}\u{0B}\u{0C}".to_owned()),
        Just("=?UTF-8?B?QmNjOiB4QGV4YW1wbGUuY29tDQo=?=".to_owned()),
        Just("=?ISO-2022-JP?Q?=0D=0ABcc:_x?=".to_owned()),
        Just("=?=?utf-8??=?=".to_owned()),
        Just("{{ order_number }}{% raw %}".to_owned()),
        Just("<a@b.example>, \"x\" ;:\\".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn is_one_harmless_line(text: &str) -> bool {
    let turns =
        |c: char| matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || turns(c) || matches!(c, '\u{2028}' | '\u{2029}'))
        && !text.contains("=?")
        && !text.contains("?=")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever mails and the shopper's files say: headers are lines, and there is one recipient.
    #[test]
    fn nothing_that_is_said_reaches_a_header(
        shop in hostile(), item in hostile(), subject in hostile(), id in hostile(), name in hostile(), wish in hostile(),
        sender in hostile(), to in hostile(), thread in prop::collection::vec(hostile(), 0..30),
    ) {
        let (events, mut mails) = told(&[ordered(), asks()]);
        let mut case = case(&events, "11-25 09:00");
        case.shop_name = Some(shop);
        for one in &mut case.items {
            one.name.clone_from(&item);
        }
        for mail in mails.iter_mut().filter(|mail| mail.sender == SHOP) {
            // as `of` would have kept it
            mail.subject = clean::line(&subject, 160);
            mail.message_id = clean::id(&id);
            mail.references = thread.iter().filter_map(|id| clean::id(id)).collect();
        }
        // as a damaged database might have it
        let mut damaged = mails.clone();
        damaged[1].sender = format!("{sender}@shop.rakuten.co.jp");
        damaged[1].subject.clone_from(&subject);
        damaged[0].to = Some(to.clone());
        let replies = Replies { name, ..replies() };
        let (memory, settings) = (Memory::default(), Settings::default());
        for mails in [&mails, &damaged] {
            let matter =
                Matter { case: &case, mails, memory: &memory, settings: &settings, now: at("11-25 09:00") };
            for kind in Kind::ALL {
                let Ok(letter) = write(kind, &matter, &Asked { wish: wish.clone() }, &replies) else { continue };
                for header in [&letter.from, &letter.to, &letter.subject, &letter.message_id] {
                    prop_assert!(is_one_harmless_line(header), "{header:?}");
                }
                for id in letter.references.iter().chain(&letter.in_reply_to) {
                    prop_assert!(id.bytes().all(|b| b.is_ascii_graphic() && !b"<>,;".contains(&b)), "{id:?}");
                }
                prop_assert!(letter.references.len() <= 20);
                prop_assert!(is_bare_address(&letter.to) && letter.to.ends_with("@shop.rakuten.co.jp"), "{:?}", letter.to);
                prop_assert_eq!(letter.from.matches('@').count(), 1);
                prop_assert!(letter.subject.chars().count() <= 120);
                let body = letter.body.replace('\n', "");
                prop_assert!(!body.chars().any(|c| c.is_control() || ('\u{202A}'..='\u{202E}').contains(&c)), "{body:?}");
            }
        }
    }

    /// What is kept of a mail is harmless from the start.
    #[test]
    fn nothing_harmful_is_kept(subject in hostile(), id in "[!-~]{0,40}", thread in "[ -~]{0,200}") {
        let subject: String = subject.replace(['\r', '\n'], " ");
        let wire = asks().with("Subject", Some(&subject)).with("Message-ID", Some(&format!("<{id}>")));
        let (_, kept) = told(&[wire.with("References", Some(&thread))]);
        for one in kept {
            prop_assert!(is_one_harmless_line(&one.subject), "{:?}", one.subject);
            for id in one.references.iter().chain(&one.message_id) {
                prop_assert!(id.bytes().all(|b| b.is_ascii_graphic() && !b"<>,;".contains(&b)), "{id:?}");
            }
        }
    }
}
