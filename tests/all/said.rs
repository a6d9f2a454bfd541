//! What alerts say, as they really look: `docs/alerts.md` holds exactly what comes out of the shipped words for sample mail
//! (`UPDATE=1` writes it anew), every story's cancellations say what is expected back, and no item's name, however
//! hostile, disturbs an alert.

use super::fixtures::given;
use jiff::{SignedDuration, Timestamp};
use modori::demo::{SHOPPER, Server};
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::facts::OrderNumber;
use modori::ledger::due::Settings;
use modori::ledger::{self, Case, Event};
use modori::mail::{self, Reading};
use modori::mailbox::Place;
use modori::plan::search::Shops;
use modori::plan::sight::{self, Blind, Life, Reach};
use modori::plan::summary::{self, Kept};
use modori::plan::wanted::Wanted;
use modori::plan::{self, Alert, Arrived, Effect, Policy, Step, Wish};
use modori::rules::{self, Known, RuleSet, Source};
use modori::wording::{Language, Unusable};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::shipped);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// A mail as it was received.
pub struct Sent {
    pub bytes: Vec<u8>,
    pub received: Timestamp,
    pub authserv_ids: Vec<String>,
}

impl Sent {
    /// `fixtures/KIND/NAME.eml`
    fn sample(name: &str) -> Self {
        let file = root().join("fixtures").join(format!("{name}.eml"));
        let beside: toml::Table =
            toml::from_str(&std::fs::read_to_string(file.with_extension("toml")).unwrap()).unwrap();
        let (received, authserv_ids) = given(&beside);
        Self { bytes: std::fs::read(file).unwrap(), received, authserv_ids }
    }

    /// The mails of a story, in the order in which they came.
    fn story(folder: &Path) -> Vec<Self> {
        let story: toml::Table = toml::from_str(&std::fs::read_to_string(folder.join("story.toml")).unwrap()).unwrap();
        let ids = story.get("authserv_ids").and_then(|ids| ids.as_array()).cloned().unwrap_or_default();
        let ids: Vec<String> = ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        let mails = story.get("mail").and_then(|mails| mails.as_array()).cloned().unwrap_or_default();
        let one = |mail: &toml::Value| {
            let received = mail["received"].as_str().unwrap().replace(' ', "T");
            Self {
                bytes: std::fs::read(folder.join(mail["file"].as_str().unwrap())).unwrap(),
                received: format!("{received}:00+09:00").parse().unwrap(),
                authserv_ids: ids.clone(),
            }
        };
        mails.iter().map(one).collect()
    }

    fn of_story(name: &str, mail: usize) -> Vec<Self> {
        let mut mails = Self::story(&root().join("fixtures/story").join(name));
        mails.truncate(mail);
        mails
    }
}

pub fn policy(language: Language) -> Policy {
    Policy {
        channels: vec!["phone".to_owned()],
        stale_after_s: 900,
        give_up_after_s: 7200,
        language,
        ..Policy::default()
    }
}

/// What follows from the last of some mails, a second after it came, and the case of its order.
fn taken(mails: &[Sent], policy: &Policy, later: SignedDuration) -> (Step, Option<Case>) {
    let mut events: Vec<Event> = Vec::new();
    let mut last = (Step::default(), None);
    for sent in mails {
        let reading = Reading {
            received: sent.received,
            size: u32::try_from(sent.bytes.len()).unwrap(),
            authserv_ids: &sent.authserv_ids,
        };
        let mail = mail::read(&sent.bytes, &reading);
        let facts = rules::read(&RULES, &mail);
        let verdict = rules::judge(&RULES, &mail, &facts, &Known::default());
        let now = sent.received.checked_add(later).unwrap();
        events.extend(plan::told(&mail, &facts, &verdict));
        let cases = ledger::cases(&events, &[], &Settings::default(), now);
        let speaks = facts.cancelled.is_some() || facts.points_return.is_some() || facts.coupon.is_some();
        let case = facts.order().filter(|_| speaks).and_then(|order| cases.get(order)).cloned();
        let place = Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 1, uid: 1 };
        let known = Known::default();
        let arrived = Arrived {
            place: &place,
            mail: &mail,
            facts: &facts,
            known: &known,
            verdict: &verdict,
            case: case.as_ref(),
        };
        last = (plan::on_mail(&arrived, policy, now), case);
    }
    last
}

fn alerts(wishes: &[Wish]) -> Vec<Alert> {
    let alert = |wish: &Wish| match &wish.effect {
        Effect::Alert { alert, .. } => Some(alert.clone()),
        _ => None,
    };
    wishes.iter().filter_map(alert).collect()
}

fn soon() -> SignedDuration {
    SignedDuration::from_secs(1)
}

/// An alert as a person sees it.
fn shown(alert: &Alert) -> String {
    let mut text = format!("{}\n", alert.title);
    for line in alert.body.lines() {
        let _ = writeln!(text, "{line}");
    }
    if let Some(url) = &alert.url {
        let _ = writeln!(text, "→ {url}");
    }
    for link in &alert.links {
        let _ = writeln!(text, "[{}] {}", link.label, link.url);
    }
    let priority = serde_json::to_value(alert.priority).unwrap();
    format!("({})\n{text}", priority.as_str().unwrap())
}

/// Every alert of the page, by its name there.
fn all(language: Language) -> Vec<(&'static str, Alert)> {
    let policy = policy(language);
    let of = |mails: &[Sent], policy: &Policy, later| {
        let mut all = alerts(&taken(mails, policy, later).0.plan);
        assert_eq!(all.len(), 1, "one alert");
        all.remove(0)
    };
    let plain = |mails: &[Sent]| of(mails, &policy, soon());
    let sample = |name| [Sent::sample(name)];
    let list = "[[wanted]]\nurl = \"https://item.rakuten.co.jp/modori-zakka/mz-0001/\"\nnote = \"母の誕生日に\"\n[[wanted]]\nshop = \"yamano-dougu\"\n\
                note = \"母の誕生日に\"\n";
    let wanted = Arc::new(Wanted::parse(&Source::new("wanted.toml", list)).unwrap());
    let order = OrderNumber::parse("351201-20261120-0412000117").unwrap();
    let (_, case) = taken(&Sent::of_story("cancelled-by-the-shop", 2), &policy, SignedDuration::from_hours(24));
    let cases = BTreeMap::from([(order, case.unwrap())]);
    let look: Timestamp = "2026-11-24T15:40:00+09:00".parse().unwrap();
    let due = plan::on_time(&cases, None, &Settings::default(), &policy, look);
    let unusable = |of_wanted| Unusable {
        account: String::new(),
        of_wanted,
        file: if of_wanted { "wanted.toml" } else { "mine.toml" }.into(),
        line: Some(5),
        column: Some(1),
        sentence: if of_wanted { "unknown field `modle`" } else { "unknown key `subjcet`" }.into(),
        help: if of_wanted { "did you mean `model`?" } else { "did you mean `subject`?" }.into(),
        more: 0,
    };
    let rules = |of_wanted| alerts(&plan::on_rules(&unusable(of_wanted), "x", &policy, look)).remove(0);
    let since = look.checked_sub(SignedDuration::from_mins(5)).unwrap();
    let trouble = Some("the server no longer answers".to_owned());
    let mut lives = [Life { trouble, reach: Reach::Waiting, ..Life::new("home", "INBOX", "", since) }];
    let told_of = Policy {
        blind: Blind { after: Some(SignedDuration::from_mins(5)), channels: vec!["phone".into()], ..Blind::default() },
        ..policy.clone()
    };
    let blind = sight::on_blind(&mut lives, &told_of, false, look);
    let late = |mails: &[Sent]| {
        let kept = |(n, one): (usize, &Sent)| {
            let (step, _) = taken(std::slice::from_ref(one), &policy, SignedDuration::from_hours(3));
            let held = step.plan.into_iter().find(|wish| matches!(wish.effect, Effect::Held { .. })).unwrap();
            let Effect::Held { alert, why, by } = held.effect else { unreachable!() };
            let (of, due, until) = (held.turn.unwrap().of, held.due, held.until);
            Kept { id: i64::try_from(n).unwrap(), of, alert, why, by, due, since: due, until }
        };
        let all: Vec<Kept> = mails.iter().enumerate().map(kept).collect();
        let now = all.iter().map(|one| one.due).max().unwrap();
        alerts(&summary::on_held(&all, &policy, now).remove(0).wishes).remove(0)
    };
    vec![
        ("restock", plain(&sample("restock/registered-item"))),
        ("restock, wanted", of(&sample("restock/by-shop-jis"), &Policy { wanted, ..policy.clone() }, soon())),
        ("re-sale announced", plain(&sample("restock/resale-tomorrow"))),
        ("restock, late", late(&[Sent::sample("restock/registered-item"), Sent::sample("restock/by-shop-jis")])),
        ("cancellation, the shop says so", plain(&Sent::of_story("cancelled-by-the-shop", 2))),
        ("cancellation, Rakuten confirms", plain(&Sent::of_story("cancelled-by-the-shop", 3))),
        (
            "cancellation, with a coupon to apologise",
            plain(&Sent::of_story("the-apology-coupon-inside-the-cancellation", 2)),
        ),
        ("cancellation, question", plain(&Sent::of_story("the-shop-asks-and-names-a-deadline", 2))),
        ("cancellation, other goods are offered", plain(&sample("cancellation/pending-no-deadline"))),
        ("cancellation, order not known", plain(&sample("cancellation/auto-notice"))),
        ("order, payment due", plain(&Sent::of_story("pay-within-a-week", 2))),
        ("order, card refused", plain(&Sent::of_story("card-refused-then-changed", 2))),
        ("quarantine", plain(&Sent::of_story("phishing-names-a-real-order", 2))),
        ("reminder", alerts(&due.first().unwrap().wishes).remove(0)),
        ("blind", alerts(&blind).remove(0)),
        ("rules broken", rules(false)),
        ("wanted.toml broken", rules(true)),
    ]
}

/// The page with every block between its marks replaced by what comes out.
fn rewritten(page: &str) -> (String, Vec<String>) {
    let shown_in = |language| -> BTreeMap<&str, String> {
        all(language).into_iter().map(|(name, alert)| (name, shown(&alert))).collect()
    };
    let both = [("ja", shown_in(Language::Ja)), ("en", shown_in(Language::En))];
    let mut missing: Vec<String> =
        both.iter().flat_map(|(tongue, all)| all.keys().map(move |name| format!("{name} / {tongue}"))).collect();
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        let Some(mark) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let (name, tongue) = mark.split_once(" / ").unwrap_or_else(|| panic!("a mark without a language: {mark}"));
        let (_, known) = both.iter().find(|(known, _)| *known == tongue).unwrap();
        let text = known.get(name).unwrap_or_else(|| panic!("no alert is called {name}"));
        missing.retain(|other| other != mark);
        let _ = write!(out, "```text\n{text}```\n");
        assert_eq!(lines.next(), Some("```text"), "{mark}");
        assert!(lines.any(|line| line == "```"), "{mark} has no end");
    }
    (out, missing)
}

#[test]
fn the_page_shows_every_alert_as_it_is() {
    let file = root().join("docs/alerts.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (now, missing) = rewritten(&page);
    assert_eq!(missing, [""; 0], "not on the page");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &now).unwrap();
        return;
    }
    for (line, (shows, comes)) in page.lines().zip(now.lines()).enumerate() {
        assert_eq!(shows, comes, "docs/alerts.md, line {}", line + 1);
    }
    assert_eq!(page.lines().count(), now.lines().count());
}

/// The page about wording names every value a template may ask for.
#[test]
fn every_value_of_the_words_is_documented() {
    let page = std::fs::read_to_string(root().join("docs/wording.md")).unwrap();
    let scene = serde_json::to_value(modori::wording::Scene::default()).unwrap();
    let back = serde_json::to_value(modori::wording::Back::default()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let offer = ["role", "yen", "percent", "code", "until", "min_yen"].map(|key| format!("offer.{key}"));
    let back = keys(&back).into_iter().map(|key| format!("back.{key}"));
    for key in keys(&scene).into_iter().chain(back).chain(offer) {
        assert!(page.contains(&format!("| `{key}` |")), "docs/wording.md does not tell of `{key}`");
    }
    for file in std::fs::read_dir(root().join("rules/wording/en")).unwrap().map(|file| file.unwrap().file_name()) {
        let name = file.to_string_lossy().replace(".txt", "");
        assert!(page.contains(&format!("`{name}`")), "docs/wording.md does not tell of {name}.txt");
    }
}

fn yen(number: u64) -> String {
    let digits = number.to_string();
    let head = digits.len() % 3;
    let mut parts = vec![&digits[..head]];
    parts.extend((head..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
}

/// A label that is asked for and is not there would show its name on the page.
#[test]
fn every_label_that_pages_ask_for_is_there() {
    let text = std::fs::read_to_string(root().join("rules/wording/en/dashboard.toml")).unwrap();
    let tables: toml::Table = text.parse().unwrap();
    let mut asked = 0;
    let mut folders = vec![root().join("src/edge/web")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("tests.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            // between quotation marks: a table's name, and what follows after points
            for name in source.split('"').skip(1).step_by(2) {
                let mut parts = name.split('.');
                let Some(mut value) = parts.next().and_then(|table| tables.get(table)).filter(|_| name.contains('.'))
                else {
                    continue;
                };
                let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                if !name.chars().all(plain) || name.ends_with(['.', '-']) {
                    continue;
                }
                for part in parts {
                    value = value.get(part).unwrap_or_else(|| panic!("{}: there is no label {name}", path.display()));
                }
                assert!(value.is_str(), "{}: {name} is no label", path.display());
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "labels are asked for in another way now: {asked} found");
}

/// Every mail of every story: an alert is short, clean and says what the case says.
#[test]
fn cancellations_of_the_stories_say_what_is_expected_back() {
    let (mut cancellations, mut expecting, mut unknown) = (0, 0, 0);
    for folder in std::fs::read_dir(root().join("fixtures/story")).unwrap().map(|one| one.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        let mails = Sent::story(&folder);
        for n in 1..=mails.len() {
            let own: Vec<Alert> = [Language::Ja, Language::En]
                .iter()
                .flat_map(|language| alerts(&taken(&mails[..n], &policy(*language), soon()).0.plan))
                .collect();
            let [ja, en] = own.as_slice() else { continue };
            for alert in [ja, en] {
                let told = format!("{} mail {n}:\n{}", folder.display(), shown(alert));
                assert!(alert.body.lines().count() <= 14, "{told}");
                for line in alert.body.lines().chain([alert.title.as_str()]) {
                    assert!(!line.is_empty() && line.chars().count() <= 200, "{told}");
                    assert!(!line.chars().any(char::is_control), "{told}");
                    for word in ["none", "None", "true", "false", "{{", "undefined"] {
                        assert!(!line.contains(word), "{told}");
                    }
                }
                let hosts =
                    ["order.my.", "point.", "coupon.", "search."].map(|host| format!("https://{host}rakuten.co.jp/"));
                let shops = ["https://www.amazon.co.jp/", "https://shopping.yahoo.co.jp/", "https://jp.mercari.com/"];
                let known = |url: &str| {
                    hosts.iter().any(|host| url.starts_with(host)) || shops.iter().any(|shop| url.starts_with(shop))
                };
                assert!(alert.links.iter().all(|link| known(&link.url)), "{told}");
            }
            let case = taken(&mails[..n], &policy(Language::Ja), soon()).1;
            let done = matches!(
                ja.details.get("cancelled").and_then(|word| word.as_str()),
                Some("confirmed" | "claimed" | "partial")
            );
            let Some(case) = case.filter(|case| ja.category == "cancellation" && done && !case.ended) else { continue };
            cancellations += 1;
            let told = format!("{} mail {n}:\n{}{}", folder.display(), shown(ja), shown(en));
            match case.points.outstanding {
                Some(0) => {}
                Some(points) => {
                    expecting += 1;
                    assert!(ja.body.contains(&format!("戻る予定: {}ポイント", yen(points))), "{told}");
                    assert!(en.body.contains(&format!("To come back: {} points", yen(points))), "{told}");
                    assert!(
                        ja.body.contains("ポイント履歴の確認を") && en.body.contains("look at the point history"),
                        "{told}"
                    );
                }
                None => {
                    unknown += 1;
                    assert!(ja.body.contains("数は不明") && en.body.contains("nobody knows how many"), "{told}");
                }
            }
            let labels: Vec<&str> = ja.links.iter().take(3).map(|link| link.label.as_str()).collect();
            assert_eq!(labels, ["購入履歴（この注文）", "ポイント履歴", "マイクーポン"], "{told}");
        }
    }
    assert!(cancellations >= 40 && expecting >= 25 && unknown >= 1, "{cancellations} {expecting} {unknown}");
}

fn restock_of(name: &str, subject: &str) -> Sent {
    let text = format!(
        "Authentication-Results: mx.example.jp; dkim=pass header.d=shop.rakuten.co.jp; spf=pass; dmarc=pass header.from=shop.rakuten.co.jp\r\n\
         From: Shop <modori-zakka@shop.rakuten.co.jp>\r\nTo: me@example.jp\r\nSubject: {subject}\r\n\
         Date: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <x@mail.example.jp>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         再入荷のお知らせです。\r\n\r\n[商品名] {name}\r\n[価格] 1,980円\r\nhttps://item.rakuten.co.jp/modori-zakka/mz-0001/\r\n"
    );
    Sent {
        bytes: text.into_bytes(),
        received: "2026-11-24T10:00:01+09:00".parse().unwrap(),
        authserv_ids: vec!["mx.example.jp".into()],
    }
}

/// Why a mail is suspect is told in the shopper's language, whatever the reason.
#[test]
fn suspicion_is_told_in_japanese() {
    let mut told = 0;
    for file in std::fs::read_dir(root().join("fixtures/suspect")).unwrap().map(|one| one.unwrap().path()) {
        let Some(name) = file.file_stem().filter(|_| file.extension().is_some_and(|end| end == "eml")) else {
            continue;
        };
        let sent = [Sent::sample(&format!("suspect/{}", name.to_str().unwrap()))];
        for alert in alerts(&taken(&sent, &policy(Language::Ja), soon()).0.plan) {
            told += 1;
            let reason = alert.body.lines().find_map(|line| line.strip_prefix("疑わしい理由: ")).unwrap_or_default();
            assert!(reason.chars().any(|c| ('ぁ'..='ん').contains(&c)), "{}: {}", file.display(), alert.body);
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn no_name_of_goods_disturbs_an_alert() {
    let long = "とても長い名前 ".repeat(300);
    for name in [
        "モドリのマグ \u{202e}gro.elpmaxe\u{202c} 赤",
        "マグ \u{0007}\u{0000}\u{001b}[31m赤",
        "マグ https://evil.example/pay?x=1 今すぐ",
        "{{ config }} {% for x in y %} マグ",
        "☕️🧋👨‍👩‍👧 マグ ★☆【送料無料】",
        "<b>マグ</b> &amp; \"皿\" \\n",
        long.as_str(),
        "'; DROP TABLE message; --",
    ] {
        for language in [Language::Ja, Language::En] {
            let sent = [restock_of(name, "Restock")];
            let (step, _) = taken(&sent, &policy(language), soon());
            let all = alerts(&step.plan);
            assert_eq!(all.len(), 1, "{name}");
            let alert = &all[0];
            let text = format!("{}\n{}", alert.title, alert.body);
            let hidden = |c: char| {
                (c.is_control() && c != '\n')
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!text.chars().any(hidden), "{text:?}");
            assert!(alert.title.chars().count() <= 150, "{text}");
            assert_eq!(alert.url.as_deref(), Some("https://item.rakuten.co.jp/modori-zakka/mz-0001/"), "{name}");
            for link in &alert.links {
                let shop = Shops::default()
                    .0
                    .iter()
                    .any(|shop| link.url.starts_with(shop.page("").split("?").next().unwrap().trim_end_matches('/')));
                assert!(shop && link.url.len() < 800 && link.url.is_ascii(), "{}", link.url);
                assert!(!link.url.contains("evil") && !link.url.contains("{{"), "{}", link.url);
            }
        }
    }
}

#[test]
fn suspect_mail_brings_no_link_and_unverified_mail_only_links_of_our_own() {
    let mut forged = restock_of("マグ", "Restock");
    forged.bytes = String::from_utf8(forged.bytes)
        .unwrap()
        .replace("dmarc=pass", "dmarc=fail")
        .replace("dkim=pass", "dkim=fail")
        .into_bytes();
    let (step, _) = taken(&[forged], &policy(Language::En), soon());
    assert!(alerts(&step.plan).iter().all(|alert| alert.links.is_empty() && alert.url.is_none()), "{step:?}");

    let mut unverified = restock_of("真鍮のペン立て 丸型", "Restock");
    unverified.authserv_ids.clear();
    let (step, _) = taken(&[unverified], &policy(Language::En), soon());
    let all = alerts(&step.plan);
    assert!(all[0].body.contains("Nobody vouches"), "{}", all[0].body);
    let labels: Vec<&str> = all[0].links.iter().map(|link| link.label.as_str()).collect();
    assert_eq!(labels, ["Search Rakuten", "Search Amazon.co.jp", "Search Yahoo! Shopping", "Search Mercari"]);
}

#[test]
fn what_is_wanted_comes_first_and_what_is_muted_or_not_wanted_is_only_filed() {
    let list = |text: &str| Arc::new(Wanted::parse(&Source::new("wanted.toml", text)).unwrap());
    let sent = || [restock_of("真鍮のペン立て 丸型", "Restock")];
    let told = |wanted: &str, only_wanted| {
        let policy = Policy { wanted: list(wanted), only_wanted, ..policy(Language::Ja) };
        let (step, _) = taken(&sent(), &policy, soon());
        let filed = step.plan.iter().any(|wish| matches!(wish.effect, Effect::File { .. }));
        assert!(filed, "{wanted}");
        alerts(&step.plan).pop()
    };
    let plain = told("", false).unwrap();
    assert!(!plain.title.starts_with('★') && !plain.details.contains_key("wanted"));
    assert_eq!(told("", true), None);
    assert_eq!(told("[[muted]]\nname = \"ペン立て\"", false), None);
    let wanted = told("[[wanted]]\nname = \"丸型\"\nnote = \"机に\"\n[[muted]]\nname = \"ペン立て\"", true).unwrap();
    assert_eq!(wanted.title, format!("★ {}", plain.title));
    assert_eq!(wanted.details["wanted"], true);
    assert!(wanted.body.contains("メモ: 机に"), "{}", wanted.body);
    assert!(told("[[wanted]]\nname = \"丸型\"\nmax_price = 1000", true).is_none());
    // a cancellation and a deadline are told whatever is muted
    let everything = "[[muted]]\nshop = \"hokkyokusei-bungu_2\"\n[[muted]]\nname = \"万年筆\"";
    let policy = Policy { wanted: list(everything), only_wanted: true, ..policy(Language::Ja) };
    assert_eq!(alerts(&taken(&Sent::of_story("cancelled-by-the-shop", 2), &policy, soon()).0.plan).len(), 1);
}

/// The program itself, on the embedded server: the alert knows the case, whether the order mail came long before or lies in
/// the same batch.
#[tokio::test(start_paused = true)]
async fn the_program_knows_the_case_when_it_tells_of_a_cancellation() {
    for together in [true, false] {
        let mails = Sent::of_story("cancelled-by-the-shop", 2);
        let clock = Clock::simulated("2026-11-23T15:41:30+09:00".parse().unwrap());
        let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
        server.deliver("INBOX", &mails[0].bytes, mails[0].received);
        let (later, second, received) = (server.clone(), mails[1].bytes.clone(), mails[1].received);
        if together {
            later.deliver("INBOX", &second, received);
        }
        let account = ImapAccount {
            name: "a".to_owned(),
            dial: server.dial(),
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        let engine = Engine {
            store: store.clone(),
            hand: Hand::new(store.clone(), clock.clone(), BTreeMap::new(), [account.clone()]),
            clock,
            rules: Rules::fixed(RuleSet::shipped()),
            policy: Policy { stale_after_s: 7 * 24 * 3600, ..policy(Language::Ja) },
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            ledger: Settings::default(),
            hot: modori::plan::hot::Hours::default(),
            mailboxes: vec![Mailbox {
                account,
                name: "INBOX".to_owned(),
                authserv_ids: vec!["mx.example.jp".to_owned()],
            }],
        };
        let told = async || loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let rows = store.call(|db| db.outbox()).await.unwrap();
            let alert = rows.into_iter().find_map(|row| match row.effect {
                Effect::Alert { alert, .. } if alert.category == "cancellation" => Some(alert),
                _ => None,
            });
            if let Some(alert) = alert {
                return alert;
            }
        };
        let mut said = None;
        let story = async {
            if !together {
                tokio::time::sleep(Duration::from_secs(20)).await;
                later.deliver("INBOX", &second, received);
            }
            said = tokio::time::timeout(Duration::from_secs(600), told()).await.ok();
        };
        engine.watch(story).await.unwrap();
        let alert = said.unwrap_or_else(|| panic!("nothing was told, together: {together}"));
        let text = format!("{}\n{}", alert.title, alert.body);
        for piece in ["万年筆 夜空 細字", "戻る予定: 500ポイント", "使った200円クーポン", "11/24(火) 10:00"]
        {
            assert!(text.contains(piece), "together: {together}\n{text}");
        }
        assert_eq!(alert.details["points_outstanding"], 500);
    }
}
