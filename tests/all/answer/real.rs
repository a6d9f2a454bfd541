//! The real program on a real server: told again, acknowledged by opening the mail, by command and by button, over a kill.

use crate::support::dovecot::{Dovecot, Setup};
use crate::support::http::Http;
use crate::support::oracle::encode;
use crate::support::run::{Home, Over, restock, until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const FOLDER: &str = "楽天/再入荷";

/// One number or word of the row about this item.
fn row(home: &Home, item: &str, column: &str) -> Option<String> {
    let db = rusqlite::Connection::open(home.state().join("modori.sqlite")).unwrap();
    let sql = format!("SELECT CAST({column} AS TEXT) FROM awaiting WHERE alert LIKE ?1");
    db.query_row(&sql, [format!("%\"title\":\"{item}%")], |row| row.get::<_, Option<String>>(0)).ok().flatten()
}

fn uid(dovecot: &Dovecot, name: &str) -> Option<u32> {
    let all = dovecot.mailboxes().remove(FOLDER).unwrap_or_default();
    all.into_iter().find(|one| one.message_id == format!("{name}@example.jp")).map(|one| one.uid)
}

/// Asks for a page under the public name; the whole answer.
fn ask(port: u16, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: home.example.jp\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn opened_said_or_pressed_it_is_told_no_more() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rest = format!(
        "[alerts]\nchannels = [\"w\"]\n[alerts.repeat]\nevery = \"30s\"\nfor = \"30m\"\n\
         [web]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"https://home.example.jp\"\n\
         [channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n",
        http.url("/hook")
    );
    let home = Home::on(&dovecot, Over::Tls, &rest);
    let loud = [("MODORI_LOG", std::ffi::OsStr::new("trace"))];
    let watch = home.start_with(&["watch"], &loud);
    until("it watches", || home.log().contains("watching"));
    let told = |item: &str| -> Vec<String> {
        let posts = http.requests();
        let alerts = posts.iter().filter(|one| one.answered == 200).map(super::super::support::http::Request::json);
        let titles = alerts.filter_map(|one| one["title"].as_str().map(str::to_owned));
        titles.filter(|title| title.contains(item)).collect()
    };
    dovecot.deliver_all(&[restock("opened"), restock("said"), restock("pressed")]);
    until("all are told and filed", || ["opened", "said", "pressed"].iter().all(|item| uid(&dovecot, item).is_some()));

    // another client opens it, once modori has read that it is unseen
    until("it was read unseen", || row(&home, "opened", "unseen").as_deref() == Some("1"));
    let mut oracle = dovecot.oracle();
    oracle.command(&format!("SELECT \"{}\"", encode(FOLDER))).unwrap();
    oracle.command(&format!("UID STORE {} +FLAGS (\\Seen)", uid(&dovecot, "opened").unwrap())).unwrap();
    // the page: to look changes nothing
    let page = format!("/ack/{}", row(&home, "pressed", "token").unwrap());
    assert!(ask(port, "GET", &page).contains("確認しました"));
    assert_eq!(row(&home, "pressed", "acknowledged_by"), None);
    assert!(ask(port, "POST", &page).contains("確認を受け付けました"));
    assert_eq!(row(&home, "pressed", "acknowledged_by").as_deref(), Some("button"));
    until("opening it counts", || row(&home, "opened", "acknowledged_by").as_deref() == Some("opened"));

    // the one that nobody answered is told again, over a kill
    watch.kill();
    let watch = home.start_with(&["watch"], &loud);
    until("it is told again", || told("said").len() == 2);
    assert!(told("said")[1].starts_with("再通知 2: "), "{:?}", told("said"));
    let listed = home.ok(&["ack", "--format", "json"]);
    let listed: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((listed.len(), &listed[0]["repeats"]), (1, &1.into()), "{listed:?}");
    assert_eq!(listed[0]["told_by"], serde_json::json!(["w"]));
    let name = listed[0]["alert"].as_str().unwrap();
    assert!(home.ok(&["ack"]).contains(&name[..8]));
    assert_eq!(home.run(&["ack", "zzzz"]).status.code(), Some(1));
    assert!(home.ok(&["ack", &name[..8]]).contains("it is not repeated any more"));
    assert_eq!(row(&home, "said", "acknowledged_by").as_deref(), Some("command"));
    assert!(home.ok(&["ack"]).contains("nothing awaits"));
    assert_eq!(home.run(&["ack", &name[..8]]).status.code(), Some(1));
    until("the watch has noticed", || row(&home, "said", "withdrawn_at").is_some());

    assert_eq!((told("opened").len(), told("said").len(), told("pressed").len()), (1, 2, 1));
    assert_eq!(watch.terminate(), Some(0));
    let log = home.log();
    for item in ["opened", "said", "pressed"] {
        let token = row(&home, item, "token").unwrap();
        assert!(!log.contains(&token), "a token is in the log");
    }
    let marked: Vec<_> = dovecot.mailboxes().remove(FOLDER).unwrap();
    let seen = marked.iter().filter(|one| one.flags.iter().any(|flag| flag == "\\Seen")).count();
    assert_eq!(seen, 1, "modori marks nothing as read");
}
