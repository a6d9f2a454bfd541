//! Letters: when the gate opens in every story, what the letters say, and the commands that write them.

use super::story::{self, format};
use super::support::run::{Home, mail};
use jiff::Timestamp;
use modori::facts::OrderNumber;
use modori::ledger::{self, Case, Event, Statement};
use modori::letter::address::Relay;
use modori::letter::{Asked, Correspondence, Kind, Letter, Matter, Memory, Outcome, Replies, Sender, Silence, Written};
use modori::mail::{self, Reading, TrustLevel};
use modori::plan;
use modori::plan::gate::{By, may_ask_shop};
use modori::plan::on_owner::propose;
use modori::rules::{self, Known, RuleSet};
use modori::wording::Language;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const HANAKO: &str = "hanako@example.jp";

/// A story as it stands at one time.
struct Seen {
    cases: BTreeMap<OrderNumber, Case>,
    mails: BTreeMap<OrderNumber, Vec<Correspondence>>,
    /// Senders and trust of every mail, by its key.
    trust: BTreeMap<modori::mailbox::MailKey, TrustLevel>,
}

fn seen(story: &format::Story, at: Timestamp, rules: &RuleSet) -> Seen {
    let own = BTreeSet::from([HANAKO.to_owned()]);
    let known = Known { own_addresses: own, ..Known::default() };
    let (mut events, mut mails, mut trust) = (Vec::<Event>::new(), BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
    for sent in story.mails.iter().filter(|sent| sent.received <= at) {
        let size = u32::try_from(sent.bytes.len()).unwrap();
        let reading = Reading { received: sent.received, size, authserv_ids: &story.authserv_ids };
        let mail = mail::read(&sent.bytes, &reading);
        let facts = rules::read(rules, &mail);
        let verdict = rules::judge(rules, &mail, &facts, &known);
        let told = plan::told(&mail, &facts, &verdict);
        for one in plan::kept(&mail, &facts, &told, "home", &known) {
            mails.entry(one.order.clone()).or_default().push(one);
        }
        trust.insert(mail.key, mail.trust.level);
        events.extend(told);
    }
    let words: Vec<Statement> = story.words.iter().filter(|word| word.at <= at).cloned().collect();
    Seen { cases: ledger::cases(&events, &words, &story.settings, at), mails, trust }
}

fn replies() -> Replies {
    let own = vec![HANAKO.to_owned()];
    Replies {
        drafts: true,
        name: "楽天 花子".into(),
        senders: vec![Sender { account: "home".into(), address: HANAKO.into(), fixed: false, own }],
        ..Replies::default()
    }
}

/// In these stories the shop is asked by a letter when the time comes.
const ASKED: &[&str] = &[
    "business-days-around-a-holiday", "business-days-at-the-turn-of-the-year", "promised-and-nothing-came",
    "shop-cause-limited-points-had-ended", "shop-cause-limited-points-still-valid",
];

#[test]
fn a_letter_leaves_only_for_a_verified_mail_of_the_order_s_own_shop() {
    let rules = RuleSet::shipped();
    let replies = replies();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let (mut letters, mut refused) = (0, 0);
    for folder in story::folders() {
        let story = format::open(&folder).unwrap();
        for step in &story.steps {
            let seen = seen(&story, step.at, &rules);
            for (order, case) in &seen.cases {
                let mails = seen.mails.get(order).cloned().unwrap_or_default();
                let memory = Memory::default();
                let matter = Matter { case, mails: &mails, memory: &memory, settings: &story.settings, now: step.at };
                assert!(!may_ask_shop(&matter, &replies) || case.may_ask_shop, "{}: {order}", story.name);
                for kind in Kind::ALL {
                    for by in [By::Time, By::Owner] {
                        let proposal = propose(kind, by, &matter, &Asked::default(), &replies);
                        let place = format!("{} at {}: {order}, {}", story.name, step.at, kind.name());
                        assert!(proposal.text.is_ok(), "{place}: {:?}", proposal.text);
                        let (Ok(_), Some(letter)) = (&proposal.answer, &proposal.letter) else {
                            refused += 1;
                            continue;
                        };
                        letters += 1;
                        let from = mails.iter().filter(|mail| mail.sender == letter.to);
                        let trusted = |one: &&Correspondence| seen.trust[&one.mail] == TrustLevel::Verified;
                        assert!(from.clone().any(|one| trusted(&one)), "{place}: {letter:?}");
                        let code = Relay::of(&letter.to).expect("a shop's address").code;
                        assert_eq!(case.shop_code.as_deref(), Some(code), "{place}");
                        assert_eq!(letter.from, format!("楽天 花子 <{HANAKO}>"), "{place}");
                        assert!(letter.body.contains(order.as_str()), "{place}");
                        if kind == Kind::AskShop && by == By::Time {
                            assert!(may_ask_shop(&matter, &replies), "{place}");
                            asked.insert(story.name.clone());
                        }
                    }
                }
            }
        }
    }
    assert!(letters > 20 && refused > 500, "{letters} letters, {refused} refused");
    let expected: BTreeSet<String> = ASKED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(asked, expected);
}

/// What the page shows of a letter.
fn shown(letter: &Letter) -> String {
    let thread = letter.in_reply_to.as_ref().map(|id| format!("In-Reply-To: <{id}>\n")).unwrap_or_default();
    format!("From: {}\nTo: {}\nSubject: {}\n{thread}\n{}", letter.from, letter.to, letter.subject, letter.body)
}

#[test]
fn the_page_shows_every_letter_as_it_really_looks() {
    let rules = RuleSet::shipped();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/replies.md")).unwrap();
    let mut missing = Vec::new();
    let at = |text: &str| format!("2026-{}:00+09:00", text.replace(' ', "T")).parse::<Timestamp>().unwrap();
    for (name, when, kinds) in [
        ("the-shop-asks-and-names-a-deadline", "", vec![Kind::AnswerCancel, Kind::AnswerWait, Kind::AnswerAlternative]),
        (
            "promised-and-nothing-came",
            "12-10 09:00",
            vec![Kind::AskShop, Kind::AskShopAgain, Kind::AskRakuten, Kind::Thanks],
        ),
    ] {
        let story = format::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/story").join(name)).unwrap();
        let when = if when.is_empty() { story.steps[0].at } else { at(when) };
        let seen = seen(&story, when, &rules);
        let (order, case) = seen.cases.first_key_value().unwrap();
        for language in [Language::Ja, Language::En] {
            let replies = Replies {
                language,
                name: if language == Language::Ja { "楽天 花子".into() } else { "Hanako Rakuten".into() },
                ..replies()
            };
            for kind in &kinds {
                let mut memory = Memory::default();
                if matches!(kind, Kind::AskShopAgain | Kind::AskRakuten) {
                    let step = Kind::AskShop.name().to_owned();
                    let message_id = "modori.1@example.jp".to_owned();
                    let at = at("12-03 18:00");
                    memory.written.push(Written { step, message_id, at, outcome: Outcome::Sent, looped: false });
                }
                let mails = &seen.mails[order];
                let matter = Matter { case, mails, memory: &memory, settings: &story.settings, now: when };
                let asked = Asked { wish: if language == Language::Ja { "ブラック" } else { "black" }.into() };
                let proposal = propose(*kind, By::Owner, &matter, &asked, &replies);
                let text = match (&proposal.letter, &proposal.text) {
                    (Some(letter), _) if *kind != Kind::AskRakuten => shown(letter),
                    (_, Ok((subject, body))) => format!("{subject}\n\n{body}"),
                    (_, Err(error)) => panic!("{error}"),
                };
                let block = format!("```text\n{}\n```\n", text.trim_end());
                if !page.contains(&block) {
                    missing.push(format!("{} {}\n{block}", language.folder(), kind.name()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "docs/replies.md does not show:\n\n{}", missing.join("\n"));
    for silence in Silence::ALL {
        let row = format!("| `{}` | {} |", silence.word(), silence.sentence().replace('|', "\\|"));
        assert!(page.contains(&row), "docs/replies.md has no row\n{row}");
    }
    let words = serde_json::to_value(modori::letter::Words::default()).unwrap();
    for key in words.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{key}`")), "docs/replies.md does not tell of `{key}`");
    }
}

/// A mail that the provider vouches for, of now.
fn vouched(name: &str, from: &str, subject: &str, body: &str) -> Vec<u8> {
    let domain = from.split('@').next_back().unwrap();
    let head = format!("Authentication-Results: mx.example.jp; dmarc=pass header.from={domain}\r\n");
    [head.into_bytes(), mail(name, from, subject, body)].concat()
}

#[test]
fn the_commands_show_a_letter_write_it_once_and_say_why_not() {
    let account = "host = \"127.0.0.1\"\nport = 9\nsecurity = \"plain\"\nuser = \"hanako@example.jp\"\n\
                   own_addresses = [\"mail@example.jp\", \"modori@example.jp\"]\npace.command = \"1s\"";
    let own = format!("own_addresses = [\"{}@example.jp\"", super::support::dovecot::USER);
    let account = account.replace("own_addresses = [\"mail@example.jp\"", &own);
    let home = Home::new(&account, "[replies]\nname = \"楽天 花子\"\n");
    let today = modori::calendar::civil(Timestamp::now()).strftime("%Y%m%d").to_string();
    let order = format!("399999-{today}-0123456789");
    let mails = home.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    let order_mail = format!(
        "楽天市場内のショップ「モドリ雑貨店」へのご注文です。\n[受注番号] {order}\n[商品]\n帆布トート(mz-1)\n\
         価格 1,980(円) x 2(個) = 3,960(円)\nポイント利用 -500(円)\n支払い金額 3,460(円)\n\
         ■ ショップURL： https://www.rakuten.co.jp/modori-zakka/\n"
    );
    let subject = "【楽天市場】注文内容ご確認（自動配信メール）";
    std::fs::write(mails.join("1.eml"), vouched("ordered", "order@rakuten.co.jp", subject, &order_mail)).unwrap();
    let cancel = format!(
        "受注番号：{order}\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\n"
    );
    let shop = "modori-zakka_2@shop.rakuten.co.jp";
    std::fs::write(mails.join("2.eml"), vouched("cancelled", shop, "ご注文キャンセルのお知らせ", &cancel)).unwrap();
    home.ok(&["import", mails.to_str().unwrap()]);

    let case = |home: &Home| -> Value { serde_json::from_str(home.ok(&["cases", "--format", "json"]).trim()).unwrap() };
    let before = case(&home);
    assert_eq!((before["may_ask_shop"].as_bool(), before["inquiry"].as_str()), (Some(false), Some("none")));

    let preview = home.ok(&["inquiry", &order, "--preview"]);
    for line in [&format!("To: {shop}"), "In-Reply-To: <cancelled@example.jp>", "--- it may be written", "500ポイント"]
    {
        assert!(preview.contains(line), "{line}:\n{preview}");
    }
    let sheet: Value = serde_json::from_str(&home.ok(&["inquiry", &order, "--preview", "--format", "json"])).unwrap();
    assert_eq!((sheet["may_leave"].as_bool(), sheet["letter"]["to"].as_str()), (Some(true), Some(shop)));
    assert!(home.ok(&["inquiry", &order, "--rakuten"]).contains("これまでの経過"));
    assert_eq!(case(&home)["inquiry"], "none", "looking writes nothing");

    // nobody answers at that port: the wish is kept
    let written = home.ok(&["inquiry", &order]);
    assert!(written.starts_with("written down; the draft to "), "{written}");
    let after = case(&home);
    assert_eq!((after["may_ask_shop"].as_bool(), after["inquiry"].as_str()), (Some(false), Some("drafted")));
    // a draft that does not lie there yet was not sent
    let sent = home.run(&["letter", &order, "--sent"]);
    let why = String::from_utf8(sent.stderr).unwrap();
    assert!(!sent.status.success() && why.contains("no draft waits to be sent"), "{why}");
    let again = home.run(&["inquiry", &order]);
    assert!(!again.status.success());
    let why = String::from_utf8(again.stderr).unwrap();
    assert!(why.contains(Silence::AlreadyWritten.sentence()), "{why}");
    let again = home.run(&["inquiry", &order, "--again"]);
    assert!(String::from_utf8(again.stderr).unwrap().contains("(not-asked-before)"));
    let sent = home.run(&["inquiry", &order, "--again", "--send"]);
    assert_eq!(sent.status.code(), Some(2));
    assert!(String::from_utf8(sent.stderr).unwrap().contains("`ask-shop-again = true` under [replies.send]"));

    let reply = home.run(&["reply", &order, "--choose", "cancel"]);
    let why = String::from_utf8(reply.stderr).unwrap();
    assert!(why.contains("(no-question)"), "{why}");
    // observing, the way is the form
    let text = std::fs::read_to_string(&home.config).unwrap().replace("mode = \"move\"", "mode = \"observe\"");
    std::fs::write(&home.config, text).unwrap();
    let observed = home.ok(&["reply", &order, "--thanks", "--preview"]);
    for line in ["(off)", "mailto:modori-zakka_2@shop.rakuten.co.jp?subject=", "https://ask.step.rakuten.co.jp/"] {
        assert!(observed.contains(line), "{line}:\n{observed}");
    }
}

#[test]
fn who_answered_is_reminded_no_more_until_the_shop_asks_again() {
    let home = Home::new("host = \"127.0.0.1\"\nport = 9\nsecurity = \"plain\"\nuser = \"h@example.jp\"", "");
    let today = modori::calendar::civil(Timestamp::now()).strftime("%Y%m%d").to_string();
    let order = format!("399999-{today}-0123456789");
    let asks = format!(
        "■受注番号　：{order}\n品切れのため、下記よりお選びのうえご返信ください。\n①キャンセル ②次回入荷を待つ\n"
    );
    let file = home.path().join("asks.eml");
    std::fs::write(&file, vouched("asks", "modori-zakka@shop.rakuten.co.jp", "在庫切れのお詫び", &asks)).unwrap();
    home.ok(&["import", file.to_str().unwrap()]);
    let reply_by = || {
        let case: Value = serde_json::from_str(home.ok(&["cases", "--format", "json"]).trim()).unwrap();
        assert_eq!(case["cancelled"], "pending");
        case["due"]["reply_by"].clone()
    };
    assert!(reply_by().is_string());
    home.ok(&["reply", &order, "--done"]);
    assert_eq!(reply_by(), Value::Null);
    assert!(home.ok(&["case", &order]).contains("返信した"));
}
