//! What is said on the wire: who gets in and who does not, and what every answer bears.

use super::world::{AWAY, Answer, Client, Run};
use crate::support::run::{mail, until};

const PAGES: [&str; 7] =
    ["/", "/life", "/settings", "/restock", "/shops", "/rules", "/case/399999-20261110-0123456789"];

/// The first way to a case on a page.
fn case_of(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"./case/").unwrap();
    format!("/case/{}", rest.split('"').next().unwrap())
}

#[test]
fn a_link_opens_once_by_its_button_and_never_by_being_looked_at() {
    let mut run = Run::start(&[]);
    let out = Client { port: run.port, cookie: String::new(), word: String::new() };
    for page in PAGES {
        let shut = out.get(page);
        assert!(shut.status == 403 && shut.body.contains("modori dashboard"), "{page}: {}", shut.body);
        assert!(!shut.body.contains("399999") && !shut.body.contains("csrf"), "{page}");
    }
    let token = run.token();
    for _ in 0..3 {
        let shown = out.get(&format!("/login?token={token}"));
        assert!(shown.status == 200 && shown.header("set-cookie").is_empty(), "{}", shown.body);
    }
    let origin = out.origin();
    let enter = |origin: &str| out.send("POST", "/login", &[("Origin", origin)], &format!("token={token}"));
    assert_eq!(enter("https://evil.example").status, 403);
    let entered = enter(&origin);
    assert_eq!((entered.status, entered.header("location")), (303, "./"));
    let cookie = entered.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && cookie.contains("; Path=/; Max-Age="), "{cookie}");
    assert_eq!(enter(&origin).status, 403, "it works once");
    // a browser that is signed in opens another link by the same form, which has the token alone
    let again = Client { cookie: cookie.split(';').next().unwrap().to_owned(), ..out.clone() };
    let entered = again.send("POST", "/login", &[("Origin", &origin)], &format!("token={}", run.token()));
    assert_eq!((entered.status, entered.header("location")), (303, "./"));
    let client = Client { cookie: cookie.split(';').next().unwrap().to_owned(), ..out.clone() };
    assert!(client.get("/").status == 200 && client.get("/").body.contains("<nav"));
    // from elsewhere, over TLS
    let away = format!("https://{AWAY}");
    let body = format!("token={}", run.token());
    let entered = out.send("POST", "/login", &[("Origin", &away), ("Host", AWAY)], &body);
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("__Host-modori-") && cookie.ends_with("; Secure"), "{cookie}");
    // a restart ends no session; a word does
    run.restart();
    assert_eq!(client.get("/life").status, 200);
    assert!(run.home.ok(&["dashboard", "--sign-out-all"]).contains("3 browsers"));
    until("the watch knows it", || client.get("/life").status == 403);
}

#[test]
fn only_our_own_forms_write() {
    let run = Run::start(&[]);
    let (one, other) = (run.client(), run.client());
    let origin = one.origin();
    let ours = ("Origin", origin.as_str());
    let refused = |answer: Answer, what: &str| {
        assert!(
            answer.status == 403 && answer.header("location").is_empty(),
            "{what}: {} {}",
            answer.status,
            answer.body
        );
    };
    refused(one.speak(&[], &one.word), "no origin at all");
    refused(one.speak(&[("Origin", "https://evil.example")], &one.word), "another site");
    refused(one.speak(&[("Origin", "null")], &one.word), "a sandbox");
    refused(one.speak(&[("Origin", "http://127.0.0.1:1")], &one.word), "another port");
    refused(one.speak(&[ours, ("Sec-Fetch-Site", "cross-site")], &one.word), "the browser says so");
    refused(one.speak(&[ours, ("Sec-Fetch-Site", "same-site")], &one.word), "a neighbour");
    refused(one.speak(&[ours], &other.word), "another session's word");
    refused(one.speak(&[ours], ""), "no word");
    refused(one.speak(&[ours], &format!("{}&csrf={}", other.word, one.word)), "two words");
    refused(one.speak(&[ours, ("Content-Type", "text/plain")], &one.word), "no form");
    refused(Client { cookie: String::new(), ..one.clone() }.speak(&[ours], &one.word), "no session");
    let forged = format!("modori-{}={}", run.port, "A".repeat(43));
    refused(Client { cookie: forged, ..one.clone() }.speak(&[ours], &one.word), "no such session");
    assert!(one.get("/life").body.contains("lang=\"ja\""), "something was written");
    let case = case_of(&one.get("/").body);
    for path in [case.as_str(), "/logout", "/logout-all", "/seen"] {
        refused(one.send("POST", path, &[("Origin", "https://evil.example")], &format!("csrf={}", one.word)), path);
        refused(one.send("POST", path, &[ours], "csrf=x"), path);
    }
    let taken = one.speak(&[ours, ("Sec-Fetch-Site", "same-origin")], &one.word);
    assert_eq!((taken.status, taken.header("location")), (303, "./life"));
    assert!(one.get("/life").body.contains("<html lang=\"en\">"));
    assert!(other.get("/life").body.contains("<html lang=\"ja\">"), "each browser has its own language");
    for back in ["//evil.example/", "https://evil.example/", "/\\evil.example", "/%0d%0aSet-Cookie:x"] {
        let body = format!("csrf={}&language=en&back={}", one.word, back.replace('%', "%25").replace('\\', "%5C"));
        let to = one.send("POST", "/language", &[ours], &body);
        assert!(!to.header("location").contains("evil") && !to.head.contains("\nSet-Cookie"), "{}", to.head);
    }
    let left = one.send("POST", "/logout", &[ours], &format!("csrf={}", one.word));
    assert!(left.status == 200 && left.header("set-cookie").contains("Max-Age=0"), "{}", left.head);
    assert_eq!(one.get("/").status, 403);
    assert_eq!(other.get("/").status, 200);
}

#[test]
fn a_refused_form_leads_on_to_pages_that_can_be_looked_at() {
    let run = Run::start(&[]);
    let client = run.client();
    let case = case_of(&client.get("/").body);
    let body = format!("csrf={}&from=case&what=confirm&points=many", client.word);
    let refused = client.send("POST", &format!("{case}/say"), &[("Origin", &client.origin())], &body);
    assert!(refused.status == 422 || refused.status == 409, "{} {}", refused.status, refused.body);
    assert!(refused.body.contains(&format!("name=\"back\" value=\"{case}\"")), "{}", refused.body);
}

#[test]
fn a_second_command_finds_that_the_port_is_ours() {
    let mut run = Run::start(&[]);
    assert_eq!(run.watch.take().unwrap().terminate(), Some(0));
    let first = run.home.start(&["dashboard"]);
    let out = Client { port: run.port, cookie: String::new(), word: String::new() };
    until("the command serves it", || std::net::TcpStream::connect(("127.0.0.1", run.port)).is_ok());
    let body = format!("token={}", run.token());
    assert_eq!(out.send("POST", "/login", &[("Origin", &out.origin())], &body).status, 303);
    assert_eq!(first.terminate(), Some(0));
    // a port of somebody else's is still told as such
    let _other = std::net::TcpListener::bind(("127.0.0.1", run.port)).unwrap();
    let said = run.home.run(&["dashboard"]);
    let errors = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.status.success() && errors.contains("cannot listen"), "{errors}");
}

#[test]
fn every_answer_says_what_may_be_done_with_it() {
    let run = Run::start(&[]);
    let client = run.client();
    let style = client.get("/");
    for page in PAGES {
        let shown = client.get(page);
        let policy = shown.header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{page}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(shown.header("cache-control"), "no-store", "{page}");
        assert_eq!(shown.header("referrer-policy"), "same-origin");
        assert_eq!(shown.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert!(!shown.body.contains(" style=") && !shown.body.contains(" onclick="), "{page}");
        let broken = ["href=\"/", "action=\"/", "src=\"/"].iter().any(|way| shown.body.contains(way));
        assert!(!broken, "{page}: a way that a proxy with a folder would break");
    }
    for (start, kind) in [("./style-", "text/css"), ("./enhance-", "text/javascript"), ("./icon-", "image/svg+xml")] {
        let (_, rest) = style.body.split_once(start).unwrap();
        let path = format!("{}{}", &start[1..], rest.split('"').next().unwrap());
        let shown = client.get(&path);
        assert!(shown.status == 200 && shown.header("content-type").starts_with(kind), "{path}: {}", shown.head);
        assert!(shown.header("cache-control").contains("immutable"));
    }
    // of secrets only where they come from
    let settings = client.get("/settings").body;
    assert!(settings.contains("password") && !settings.contains("secret-path"), "{settings}");
    assert!(!settings.contains(crate::support::dovecot::PASSWORD), "{settings}");
}

#[test]
fn what_is_meant_badly_gets_nowhere() {
    let run = Run::start(&[]);
    let client = run.client();
    let origin = client.origin();
    let large = format!("csrf={}&language=en&back=%2F{}", client.word, "x".repeat(9 * 1024));
    assert_eq!(client.send("POST", "/language", &[("Origin", &origin)], &large).status, 413);
    for path in [
        "/case/..%2f..%2fetc%2fpasswd", "/case/%00", "/case/'%20OR%201=1", "/case/%E5%86%8D", "/../../etc/passwd",
        "/style-..%2f..%2fetc%2fpasswd", "/shops?sort=%3Cscript%3E", "/restock?page=-1",
        "/restock?page=99999999999999999999", "/rules?page=%F0%9F", "/?seen=%3Cscript%3E", "/life/",
        "/login?token=%00", "/login",
    ] {
        let answer = client.get(path);
        assert!(answer.status < 500 && !answer.body.contains("<script>"), "{path}: {}", answer.status);
        assert!(!answer.body.contains("root:"), "{path}");
    }
    let evil = client.send("GET", "/", &[("Host", "evil.example")], "");
    assert_eq!(evil.status, 421);
    let origin = ("Origin", origin.as_str());
    let tries: Vec<u16> = (0..14)
        .map(|_| {
            // a browser sends the fields of that form and no other
            client.send("POST", "/login", &[origin], &format!("token={}", "A".repeat(43))).status
        })
        .collect();
    assert!(tries.contains(&403) && tries.last() == Some(&429), "{tries:?}");
    // whoever has no session is slowed down, whoever has one is not
    let out = Client { cookie: String::new(), ..client.clone() };
    let statuses: Vec<u16> = (0..130).map(|_| out.get("/").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(client.get("/").status, 200);
    // nobody outside keeps out who has a right link
    let token = run.token();
    assert_eq!(out.get(&format!("/login?token={token}")).status, 200);
    assert_eq!(out.send("POST", "/login", &[origin], &format!("token={token}")).status, 303);
}

#[test]
fn mail_text_is_text() {
    let evil = "<script>alert(1)</script>\"' onmouseover=x \u{202e}<img src=x>";
    let restock = mail(
        "evil-restock",
        "info@rakuten.co.jp",
        &format!("再入荷のお知らせ {evil}"),
        &format!("再入荷しました。\n商品名：{evil}\n価格：1,980円\nhttps://item.rakuten.co.jp/evil/1/?\"><script>\n"),
    );
    let order = "388888-20261120-0123456789";
    let cancelled = mail(
        "evil-cancel",
        "evil-shop@shop.rakuten.co.jp",
        &format!("ご注文キャンセルのお知らせ {evil}"),
        &format!(
            "受注番号：{order}\nショップ名：{evil}\n商品名：{evil}\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。{evil}\n"
        ),
    );
    let run = Run::start(&[restock, cancelled]);
    let client = run.client();
    let case = format!("/case/{order}");
    for page in PAGES.iter().copied().chain([case.as_str()]) {
        let shown = client.get(page);
        assert!(shown.status == 200 || shown.status == 404, "{page}: {}", shown.status);
        assert!(!shown.body.contains("<script>") && !shown.body.contains("<img src=x"), "{page}: {}", shown.body);
        assert!(!shown.body.contains('\u{202e}'), "{page}");
    }
    assert!(client.get(&case).body.contains("&lt;script&gt;"), "the test shows nothing: {}", client.get(&case).body);
}
