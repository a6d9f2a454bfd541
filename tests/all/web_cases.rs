//! What is said on the pages of orders, asked over real HTTP: the same statement as by the command, once however often the
//! form is sent; a letter lies in Drafts once, whatever is killed meanwhile; hostile words get nowhere.

use super::support::dovecot::{Dovecot, Setup, USER};
use super::support::run::{Home, Over, Running, mail, until};
use jiff::{SignedDuration, Timestamp};
use modori::edge::clock::Clock;
use modori::edge::config::Web;
use modori::edge::store::{Db, OldMail, Store};
use modori::edge::web::{Orders, Pages, link_digest, link_token, serve_on};
use modori::facts::{Cancelled, Cause, OrderNumber, Stage};
use modori::ledger::due::Settings;
use modori::ledger::{Event, EventKind, Terms};
use modori::letter::Replies;
use modori::wording::{Language, Wording};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// What was answered.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A browser without scripts: a cookie, and the pages' own forms.
struct Browser {
    port: u16,
    cookie: String,
}

/// A form as the page has it: where to, and its fields.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

/// The forms of a page, each with the words of its button.
fn forms(page: &str) -> Vec<(Form, String)> {
    let all = page.split("<form ").skip(1).filter_map(|rest| rest.split_once("</form>"));
    all.map(|(form, _)| {
        let tag = format!(" {form}");
        let action = attribute(&tag, "action").unwrap();
        // as a browser goes from any page: no page lies above the root
        let action = format!("/{}", action.trim_start_matches("../").trim_start_matches("./"));
        let inputs = form.split("<input").skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
        let fields = inputs
            .map(|tag| {
                let value = attribute(tag, "value").unwrap_or_default();
                (attribute(tag, "name").unwrap().to_owned(), unescaped(value))
            })
            .collect();
        let button = form.rsplit_once("<button").map_or("", |(_, rest)| rest);
        let button = button.split_once('>').map_or("", |(_, rest)| rest).split('<').next().unwrap_or_default();
        (Form { action, fields }, button.to_owned())
    })
    .collect()
}

/// The form whose button says this, and whose way holds that.
fn pick(page: &str, way: &str, button: &str) -> Form {
    let found = forms(page).into_iter().find(|(form, said)| said == button && form.action.contains(way));
    found.unwrap_or_else(|| panic!("no form {button} to {way}: {page}")).0
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn ask(port: u16, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {path}: {text}"));
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

impl Browser {
    /// Opens the link that `modori dashboard` would tell.
    fn open(port: u16, state: &Path) -> Self {
        let token = link_token(std::array::from_fn(|n| u8::try_from(n).unwrap() ^ (port % 251) as u8));
        let digest = link_digest(&token).unwrap();
        Db::open(state).unwrap().make_link(&digest, Timestamp::now()).unwrap();
        let entered = ask(port, "POST", "/login", "", &format!("token={token}"));
        assert_eq!(entered.status, 303, "{}", entered.body);
        let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self { port, cookie }
    }

    fn get(&self, path: &str) -> Answer {
        ask(self.port, "GET", path, &self.cookie, "")
    }

    fn send(&self, form: &Form) -> Answer {
        let body: Vec<String> =
            form.fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        ask(self.port, "POST", &form.action, &self.cookie, &body.join("&"))
    }

    /// The page that an answer leads to.
    fn follow(&self, answer: &Answer) -> String {
        assert_eq!(answer.status, 303, "{}", answer.body);
        let way = answer.header("location").unwrap();
        let page = self.get(&format!("/{}", way.trim_start_matches("../").trim_start_matches("./")));
        assert_eq!(page.status, 200, "{way}");
        page.body
    }
}

impl Form {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn vouched(name: &str, from: &str, subject: &str, body: &str) -> Vec<u8> {
    let domain = from.split('@').next_back().unwrap();
    let head = format!("Authentication-Results: mx.example.jp; dmarc=pass header.from={domain}\r\n");
    [head.into_bytes(), mail(name, from, subject, body)].concat()
}

/// An order of today and its cancellation by the shop.
fn mails(order: &str, item: &str) -> [Vec<u8>; 2] {
    let ordered = format!(
        "楽天市場内のショップ「モドリ雑貨店」へのご注文です。\n[受注番号] {order}\n[商品]\n{item}(mz-1)\n\
         価格 1,980(円) x 2(個) = 3,960(円)\nポイント利用 -500(円)\n支払い金額 3,460(円)\n\
         ■ ショップURL： https://www.rakuten.co.jp/modori-zakka/\n"
    );
    let cancelled = format!(
        "注文番号 {order} は、在庫切れのため、ショップ都合によりキャンセルとさせていただきました。\n\
         ご利用のポイント500ポイントは返還いたします。\n"
    );
    [
        vouched(
            &format!("ordered{order}"),
            "order@rakuten.co.jp",
            "【楽天市場】注文内容ご確認（自動配信メール）",
            &ordered,
        ),
        vouched(
            &format!("cancelled{order}"),
            "modori-zakka@shop.rakuten.co.jp",
            "ご注文キャンセルのお知らせ",
            &cancelled,
        ),
    ]
}

fn order(n: usize) -> String {
    let today = modori::calendar::civil(Timestamp::now()).strftime("%Y%m%d").to_string();
    format!("399999-{today}-{n:010}")
}

/// A home without a mailbox that can be reached, with these orders read from files.
fn home(orders: &[String], item: &str) -> Home {
    let account = format!(
        "host = \"127.0.0.1\"\nport = 9\nsecurity = \"plain\"\nuser = \"h@example.jp\"\n\
                           own_addresses = [\"{USER}@example.jp\", \"mail@example.jp\"]"
    );
    let home = Home::new(&account, "[replies]\nname = \"楽天 花子\"\n");
    let folder = home.path().join("mails");
    std::fs::create_dir(&folder).unwrap();
    for order in orders {
        for (n, bytes) in mails(order, item).iter().enumerate() {
            std::fs::write(folder.join(format!("{order}-{n}.eml")), bytes).unwrap();
        }
    }
    if !orders.is_empty() {
        home.ok(&["import", folder.to_str().unwrap(), "--authserv-id", "mx.example.jp"]);
    }
    home
}

/// Pages over a database, in this process.
struct Served {
    browser: Browser,
    _runtime: tokio::runtime::Runtime,
}

fn serve(state: &Path) -> Served {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let web = Web { listen: address, public_url: None };
    let pages = Pages {
        store: Store::open(state).unwrap(),
        clock: Clock::system(),
        wording: Wording::default(),
        language: Language::En,
        orders: Orders::new(Settings::default(), Replies::default()),
        behind: None,
        rules: modori::edge::web::InUse::default(),
    };
    runtime.spawn(async move { serve_on(listener, &web, pages).await });
    Served { browser: Browser::open(address.port(), state), _runtime: runtime }
}

/// Every order, as programs read it.
fn cases(home: &Home) -> Vec<Value> {
    home.ok(&["cases", "--format", "json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_word_on_a_page_is_the_same_as_the_command_s_and_counts_once() {
    let order = order(1);
    let here = home(std::slice::from_ref(&order), "帆布トート");
    // another home with the very same mails
    let other = home(&[], "");
    let mails = here.path().join("mails");
    other.ok(&["import", mails.to_str().unwrap(), "--authserv-id", "mx.example.jp"]);
    assert_eq!(cases(&here), cases(&other));
    let served = serve(&here.state());
    let browser = &served.browser;
    type Word<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let words: [Word<'_>; 5] = [
        ("say", "Note that it came back", &[("points", "300"), ("expires", "2099-12-31")], &[]),
        (
            "say",
            "Note that it came back",
            &[("points", "300"), ("expires", "2027-12-31")],
            &["confirm", &order, "--points", "300", "--expires", "2027-12-31"],
        ),
        ("say", "Keep the note", &[("text", "電話した <b>")], &["note", &order, "電話した <b>"]),
        ("say", "Came back", &[], &["confirm", &order]),
        ("say", "Not yet", &[], &["deny", &order]),
    ];
    let mut said = 0;
    for (way, button, fields, command) in words {
        let mut form = pick(&browser.get(&format!("/case/{order}")).body, way, button);
        for (name, value) in fields {
            form = form.with(name, value);
        }
        let answer = browser.send(&form);
        if command.is_empty() {
            // no such day can be meant: the form comes back, and nothing is written
            assert_eq!(answer.status, 422);
            assert!(answer.body.contains("value=\"2099-12-31\"") && answer.body.contains("write a day from"));
            continue;
        }
        let shown = browser.follow(&answer);
        // the second click of a double click, and a third
        for _ in 0..2 {
            assert_eq!(browser.send(&form).header("location"), answer.header("location"), "{button}");
        }
        let told = other.ok(command);
        assert!(shown.contains(told.trim()), "{told}: {shown}");
        said += 1;
        assert_eq!(cases(&here), cases(&other), "{button}");
        let (ours, theirs) = (statements(&here), statements(&other));
        assert_eq!((ours.len(), theirs.len()), (said, said), "{button}");
        assert_eq!(ours.last().unwrap().said, theirs.last().unwrap().said);
    }
    // a form of before is told so
    let stale = pick(&browser.get(&format!("/case/{order}")).body, "say", "Came back");
    other.ok(&["deny", &order]);
    here.ok(&["note", &order, "meanwhile"]);
    let answer = browser.send(&stale);
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("Things changed after this page was shown"), "{}", answer.body);
    assert_eq!(statements(&here).len(), said + 1);
}

fn statements(home: &Home) -> Vec<modori::ledger::Statement> {
    Db::open(&home.state()).unwrap().statements().unwrap()
}

#[test]
fn one_tap_in_the_list_is_taken_back_with_another() {
    let order = order(1);
    let home = home(std::slice::from_ref(&order), "帆布トート");
    let served = serve(&home.state());
    let browser = &served.browser;
    let list = browser.get("/").body;
    assert!(list.contains("500 points outstanding") && list.contains("モドリ雑貨店"), "{list}");
    assert!(!list.contains("Draft an inquiry"), "letters are off here: {list}");
    assert!(list.contains("letters are switched off"), "{list}");
    let after = browser.follow(&browser.send(&pick(&list, &order, "Came back")));
    assert!(after.contains(&format!("{order}: noted; ")), "{after}");
    let back = browser.follow(&browser.send(&pick(&after, &order, "Take it back (not yet)")));
    assert!(back.contains(&format!("{order}: noted; 500 points are outstanding")), "{back}");
    assert_eq!(cases(&home)[0]["points"]["outstanding"], 500);
    assert_eq!(statements(&home).len(), 2);
}

#[test]
fn hostile_addresses_forms_and_mails_get_nowhere() {
    let order = order(1);
    let home = home(std::slice::from_ref(&order), "<script>alert(1)</script>\"onload=\"x");
    let served = serve(&home.state());
    let browser = &served.browser;
    for path in [
        "/case/1",
        "/case/399999-20261320-0123456789",
        "/case/%3Cscript%3E",
        "/case/%E3%81%82",
        "/case/..%2F..%2Fetc",
        "/case/399999-20200101-0123456789",
        &format!("/case/{order}/letter/no-such"),
        &format!("/case/{order}%00"),
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("<script>") && answer.body.contains("Back to what waits"), "{}", answer.body);
    }
    for path in ["/", &format!("/case/{order}"), &format!("/case/{order}/letter/ask-shop?wish=%3Cb%3E&x=%FF")] {
        let shown = browser.get(path).body;
        assert!(shown.contains("script&gt;") || path.contains("letter"), "{path}: {shown}");
        assert!(
            !shown.contains("<script>alert") && !shown.contains("\"onload=\"") && !shown.contains("style="),
            "{shown}"
        );
    }
    // an address says nothing that was not said
    for query in
        ["noted=1", "noted=-1", "noted=%3Cb%3E", "letter=99", "seen=%3Cb%3E", "sent=x", "noted=1&noted=2", "%FF=%FE"]
    {
        let shown = browser.get(&format!("/?{query}"));
        assert_eq!(shown.status, 200, "{query}");
        assert!(!shown.body.contains("noted;") && !shown.body.contains("<b>"), "{query}: {}", shown.body);
    }
    let form = || pick(&browser.get(&format!("/case/{order}")).body, "say", "Note that it came back");
    for (name, value, status) in [
        ("csrf", "x", 403),
        ("what", "no such word", 400),
        ("points", "-5", 422),
        ("points", "<b>", 422),
        ("expires", "2026-02-30", 422),
        ("mark", "", 409),
        ("mark", "9.0123456789abcdef", 409),
    ] {
        let answer = browser.send(&form().with(name, value));
        assert_eq!(answer.status, status, "{name}={value}: {}", answer.body);
        assert!(!answer.body.contains("<b>"), "{}", answer.body);
    }
    let many = (0..300).fold(form(), |form, n| form.with(&format!("x{n}"), ""));
    assert_eq!(browser.send(&many).status, 422);
    assert!(statements(&home).is_empty());
}

/// A watch that serves the dashboard, and a mailbox to which an order and its cancellation came.
fn watched(dovecot: &Dovecot, port: u16, order: &str) -> (Home, Running, Browser) {
    let rest = format!("[replies]\nname = \"楽天 花子\"\n[web]\nlisten = \"127.0.0.1:{port}\"\n");
    let home = Home::on(dovecot, Over::Plain, &rest);
    let text = std::fs::read_to_string(&home.config).unwrap();
    let own = format!("own_addresses = [\"{USER}@example.jp\", \"mail@example.jp\"]\n[filing]\n");
    std::fs::write(&home.config, text.replace("[filing]\n", &own)).unwrap();
    let running = home.watch(1);
    for bytes in mails(order, "帆布トート") {
        dovecot.deliver(&bytes);
    }
    until("the cancellation is known", || cases(&home).first().is_some_and(|case| case["cancelled"] != "none"));
    until("the page listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let browser = Browser::open(port, &home.state());
    (home, running, browser)
}

fn drafts(dovecot: &Dovecot) -> usize {
    let all = dovecot.mailboxes();
    all.iter().filter(|(name, _)| name.as_str() == "Entwurf").map(|(_, mails)| mails.len()).sum()
}

#[test]
fn a_letter_from_a_page_lies_in_drafts_once() {
    let Some(dovecot) = Dovecot::start(&Setup { special: true, ..Setup::default() }) else { return };
    let (port, order) = (free_port(), order(1));
    let (home, running, browser) = watched(&dovecot, port, &order);
    // a letter that says something else than the page showed is not written
    let page = browser.get(&format!("/case/{order}/letter/ask-shop")).body;
    let shown = pick(&page, "/letter", "下書きに入れる");
    let other = browser.send(&shown.with("text", &"0".repeat(32)));
    assert_eq!(other.status, 409, "{}", other.body);
    assert!(other.body.contains("表示した文面から変わっています"), "{}", other.body);
    let unseen = pick(&page, "/letter", "下書きに入れる").with("text", "").with("send", "yes");
    assert_eq!(browser.send(&unseen).status, 409);
    assert_eq!(cases(&home)[0]["inquiry"], "none");
    let list = browser.get("/").body;
    let form = pick(&list, &order, "問い合わせの下書きを作る");
    let first = browser.send(&form);
    until("the page says that it lies there", || browser.follow(&first).contains("）: 下書きにあります"));
    let again = browser.send(&form);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(drafts(&dovecot), 1);
    assert_eq!(cases(&home)[0]["inquiry"], "drafted");
    // the command says that it was written
    assert!(!home.run(&["inquiry", &order]).status.success());
    // and the page that it was sent
    let page = browser.get(&format!("/case/{order}")).body;
    let sent = pick(&page, "/sent", "送信した");
    let shown = browser.follow(&browser.send(&sent));
    assert!(browser.follow(&browser.send(&sent)).contains("送信済みとして記録しました"));
    assert!(shown.contains("送信済みとして記録しました"), "{shown}");
    assert_eq!(cases(&home)[0]["inquiry"], "sent");
    drop(running);
}

#[test]
fn a_watch_that_is_killed_between_the_word_and_the_draft_leaves_one_draft() {
    let Some(mut dovecot) = Dovecot::start(&Setup { special: true, ..Setup::default() }) else { return };
    let (port, order) = (free_port(), order(1));
    let (home, running, browser) = watched(&dovecot, port, &order);
    let form = pick(&browser.get("/").body, &order, "問い合わせの下書きを作る");
    dovecot.kill();
    let shown = browser.follow(&browser.send(&form));
    assert!(shown.contains("下書きに入れるところです"), "{shown}");
    running.kill();
    dovecot.start_again();
    assert_eq!(drafts(&dovecot), 0);
    let running = home.watch(2);
    until("the draft lies there", || drafts(&dovecot) > 0);
    until("its end is known", || {
        home.ok(&["letter", &order, "--format", "json"]).lines().all(|line| line.contains("\"state\":\"done\""))
    });
    assert_eq!(drafts(&dovecot), 1);
    drop(running);
}

/// So many cancelled orders of the last weeks, 500 points each, as events.
fn ledger(home: &Home, count: u32) -> Vec<OrderNumber> {
    let now = Timestamp::now();
    let mut db = Db::open(&home.state()).unwrap();
    let mut orders = Vec::new();
    for n in 0..count {
        let at = now - SignedDuration::from_hours(48 + i64::from(n % 200));
        let day = modori::calendar::civil(at).strftime("%Y%m%d").to_string();
        let order = OrderNumber::parse(&format!("399999-{day}-{n:010}")).unwrap();
        let terms = Terms { points_used: Some(500), payment_yen: Some(3260), ..Terms::default() };
        let ordered = EventKind::Order { stage: Stage::Ordered, terms: terms.clone() };
        let cancel = EventKind::Cancel { form: Cancelled::Confirmed, cause: Some(Cause::Shop), terms, reply_by: None };
        for (at, kind) in [(at, ordered), (at + SignedDuration::from_hours(1), cancel)] {
            let name = format!("{order} {at}");
            let event = Event {
                order: Some(order.clone()),
                shop_code: Some("modori-zakka".to_owned()),
                excerpt: "キャンセルとさせていただきました".to_owned(),
                sender: "order@rakuten.co.jp".to_owned(),
                ..Event::of(&name, at, kind)
            };
            db.import(&[OldMail { key: event.mail, events: vec![event], keep_trusted: true, mails: None }]).unwrap();
        }
        orders.push(order);
    }
    orders
}

/// Not timed: what it takes is printed, and stands in docs/dashboard-cases.md.
#[test]
fn five_hundred_open_orders_are_shown() {
    let home = home(&[], "");
    let orders = ledger(&home, 500);
    let served = serve(&home.state());
    let browser = &served.browser;
    for _ in 0..2 {
        let begun = Instant::now();
        let page = browser.get("/").body;
        println!("500 open orders: {} ms, {} KiB", begun.elapsed().as_millis(), page.len() / 1024);
        assert_eq!(page.matches("<article").count(), 500);
        assert!(page.contains("250,000 points outstanding"));
    }
    let form = pick(&browser.get("/").body, orders[7].as_str(), "Came back");
    let begun = Instant::now();
    let shown = browser.follow(&browser.send(&form));
    println!("a word and the page after it: {} ms", begun.elapsed().as_millis());
    assert!(shown.contains("249,500 points outstanding"));
}
