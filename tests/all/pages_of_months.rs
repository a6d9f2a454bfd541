//! The pages of restocks, shops and rules, asked over HTTP: they say what the commands say, and stay bounded however much
//! there is.

use modori::edge::clock::Clock;
use modori::edge::config::Web;
use modori::edge::store::{Settling, Store};
use modori::edge::web::{InUse, Orders, Pages, RulesOf, link_digest, link_token, serve_on};
use modori::facts::Item;
use modori::ledger::{Event, EventKind};
use modori::mailbox::{MailKey, Place};
use modori::plan::{Quiet, Step};
use modori::rules::{RuleSet, Verdict};
use modori::wording::{Language, Wording};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Served pages over a database, and a browser that has entered.
struct Served {
    port: u16,
    cookie: String,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    fn over(folder: &Path, language: Language) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = Store::open(folder).unwrap();
        let clock = Clock::system();
        let token = link_token([7; 32]);
        let (link, now) = (link_digest(&token).unwrap(), clock.now());
        runtime.block_on(store.call(move |db| db.make_link(&link, now))).unwrap();
        let rules = Arc::new(RuleSet::shipped());
        let rules = InUse::by(move || vec![RulesOf { account: None, rules: Arc::clone(&rules) }]);
        let pages = Pages {
            store,
            clock,
            wording: Wording::default(),
            language,
            orders: Orders::default(),
            behind: None,
            rules,
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let web = Web { listen: address, public_url: None };
        runtime.spawn(async move { serve_on(listener, &web, pages).await });
        let mut served = Self { port: address.port(), cookie: String::new(), _runtime: runtime };
        let (head, _) = served.ask("POST", "/login", &format!("token={token}"));
        let cookie =
            head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{head}"));
        served.cookie = cookie.split(';').next().unwrap().to_owned();
        served
    }

    fn ask(&self, method: &str, path: &str, form: &str) -> (String, String) {
        let port = self.port;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.cookie,
            form.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn page(&self, path: &str) -> String {
        let (head, body) = self.ask("GET", path, "");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        assert!(!body.contains(" style=") && !body.contains("onclick="), "{path}");
        body
    }
}

fn modori(state: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modori"));
    let home = state.join("nobody");
    command.args(arguments).arg("--state").arg(state).env("HOME", &home).env_remove("XDG_CONFIG_HOME");
    let output = command.env_remove("MODORI_CONFIG").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A length of time as pages and commands write it.
fn long(ms: i64) -> String {
    modori::review::latency::long(ms)
}

#[test]
fn pages_say_what_the_commands_say_of_a_demo() {
    let folder = tempfile::tempdir().unwrap();
    modori(folder.path(), &["demo", "--language", "en"]);
    let served = Served::over(folder.path(), Language::En);

    let shops = served.page("/shops");
    let mut before = 0;
    let mut seen = 0;
    for line in modori(folder.path(), &["shops", "--format", "json"]).lines() {
        let shop: Value = serde_json::from_str(line).unwrap();
        let called = shop["name"].as_str().or(shop["code"].as_str()).unwrap();
        let at = shops.find(called).unwrap_or_else(|| panic!("{called}: {shops}"));
        assert!(at > before, "{called} stands in the order of the command");
        let row = &shops[at..at + shops[at..].find("</tr>").unwrap()];
        assert!(row.contains(&format!("<td>{} ", shop["orders"])), "{shop}: {row}");
        if shop["cancels"] != 0 {
            assert!(row.contains(&format!("{} ({}%)", shop["cancels"], shop["cancel_percent"])), "{shop}: {row}");
        }
        (before, seen) = (at, seen + 1);
    }
    assert!(seen > 3, "{seen}");

    let restock = served.page("/restock");
    let latency: Value =
        serde_json::from_str(&modori(folder.path(), &["report", "latency", "--format", "json"])).unwrap();
    let live = latency["live"].as_array().unwrap();
    assert!(!live.is_empty());
    for row in live {
        let up_to = if row["begins_with_whole_seconds"] == true { "≤ " } else { "" };
        let cells: String = ["p50_ms", "p95_ms", "longest_ms"]
            .iter()
            .map(|name| format!("<td class=\"number\">{up_to}{}</td>", long(row[name].as_i64().unwrap())))
            .collect();
        let cells = format!("<td class=\"number\">{}</td>{cells}", row["count"]);
        assert!(restock.contains(&cells), "{row}: {restock}");
    }
    // what was told is in the log, with the page of the goods
    assert!(restock.contains("href=\"https://item.rakuten.co.jp/modori-zakka/mz-0140/\""), "{restock}");

    let rules = served.page("/rules");
    let listed = modori(folder.path(), &["rules", "list"]);
    let mut found = 0;
    for line in listed.lines() {
        // columns are parted by more than one blank, which a name may hold
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        let [_, name, rank, file, ..] = words.as_slice() else { continue };
        if rank.parse::<i64>().is_err() || !file.contains(".toml:") {
            continue;
        }
        found += 1;
        let page =
            if found <= 50 { rules.clone() } else { served.page(&format!("/rules?page={}", (found - 1) / 50 + 1)) };
        let at = page.find(&format!("<code>{name}</code>")).unwrap_or_else(|| panic!("{name}: {page}"));
        let row = &page[at..at + page[at..].find("</tr>").unwrap()];
        assert!(row.contains(file) && row.contains(&format!("rank {rank}<")), "{line}: {row}");
    }
    assert_eq!(found, RuleSet::shipped().list().len());
    // the rules that decided are counted
    assert!(rules.contains("<td class=\"number\">1</td>"), "{rules}");
}

/// A restock mail of a shop, seen at this second.
fn settling(n: u32, now: jiff::Timestamp) -> Settling {
    let name = format!("m{n}");
    let received = now - jiff::SignedDuration::from_mins(i64::from(n));
    let items = vec![Item {
        name: format!("goods {n} <script>\u{202e}"),
        code: None,
        price_yen: Some(1_000),
        quantity: None,
        url: Some(format!("https://item.rakuten.co.jp/shop-{}/{n}/", n % 200)),
    }];
    let key = MailKey::of(name.as_bytes());
    let event = Event {
        shop_code: Some(format!("shop-{}", n % 200)),
        sender: "info@rakuten.co.jp".into(),
        ..Event::of(&name, received, EventKind::Restock { items })
    };
    Settling {
        place: Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 1, uid: n + 1 },
        key,
        received,
        size: 10,
        message_id: None,
        verdict: Verdict {
            category: "restock".into(),
            rule: Some(format!("rule-{}", n % 3)),
            labels: BTreeSet::new(),
            ..Verdict::default()
        },
        step: Step { events: vec![event], quiet: Some(Quiet::Muted), ..Step::default() },
        poison: None,
    }
}

#[test]
fn ten_thousand_restocks_make_a_bounded_page() {
    let folder = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::now();
    {
        let mut db = modori::edge::store::Db::open(folder.path()).unwrap();
        let all: Vec<Settling> = (0..10_000).map(|n| settling(n, now)).collect();
        db.settle(&all, false, now).unwrap();
        assert_eq!(db.restock_count().unwrap(), 10_000);
        let hits = db.rule_hits(now).unwrap();
        assert_eq!((hits.len(), hits["rule-0"].all, hits["rule-0"].in_sight), (3, 3334, 3334));
        let kept = db
            .kept_between(now - jiff::SignedDuration::from_secs(100 * 60 - 1), now + jiff::SignedDuration::from_secs(1))
            .unwrap();
        assert_eq!((kept.restocks.len(), kept.mails["restock"].mails), (100, 100), "those of the first 100 minutes");
        let muted = modori::review::Reason::Quiet(Quiet::Muted);
        assert_eq!(kept.quiet[&("restock".to_owned(), muted)], 100);
    }
    let served = Served::over(folder.path(), Language::Ja);
    for path in ["/restock", "/restock?page=200", "/shops", "/shops?sort=restocks&page=4"] {
        let page = served.page(path);
        assert!(page.len() < 200_000, "{path}: {}", page.len());
        assert!(!page.contains('\u{202e}') && !page.contains("<script>"), "{path}");
    }
    let last = served.page("/restock?page=200");
    assert!(last.contains("goods 9999 &lt;script&gt;") && last.contains("/restock?page=199"), "{last}");
    assert!(!last.contains("/restock?page=201"));
}
