//! The real program with three services of which the first answers 500, the second hangs and the third works: a restock
//! reaches the shopper and is filed, also when the program is killed meanwhile.

use super::support::embedded::Embedded;
use super::support::http::{Answer, Http};
use super::support::run::{Home, Running, restock, until};
use serde_json::Value;
use std::time::Duration;

const IN_VAIN: Duration = Duration::from_secs(60);

struct Three {
    first: Http,
    second: Http,
    third: Http,
}

impl Three {
    fn start() -> Self {
        let three = Self { first: Http::start(), second: Http::start(), third: Http::start() };
        three.first.answer(10_000, Answer::Status(500));
        three.second.answer(10_000, Answer::Hang);
        three
    }

    fn home(&self, embedded: &Embedded) -> Home {
        let hook = |name: &str, http: &Http| {
            format!("[channel.{name}]\nkind = \"webhook\"\nurl = \"{}\"\ntimeout = \"4s\"\n", http.url("/hook"))
        };
        let rest = format!(
            "[alerts]\nchannels = [\"first\"]\nfallback = [\"second\", \"third\"]\nfallback_after = \"2s\"\n{}{}{}",
            hook("first", &self.first),
            hook("second", &self.second),
            hook("third", &self.third)
        );
        embedded.home("", &rest)
    }
}

fn sheets(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Starts a watch and waits until everything that lay there was read: what comes now came while it watched.
fn watching(home: &Home) -> Running {
    let watch = home.start(&["watch"]);
    until("it watches", || {
        let output = home.run(&["status", "--format", "json"]);
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["watch"]["pid"] == watch.id() && status["mailboxes"][0]["state"] == "watching"
    });
    watch
}

#[test]
fn a_restock_reaches_the_third_channel_when_the_first_fails_and_the_second_hangs() {
    let embedded = Embedded::start();
    let three = Three::start();
    let home = three.home(&embedded);
    let watch = watching(&home);
    embedded.deliver("INBOX", &restock("mug"));
    let told = three.third.wait(1, IN_VAIN);
    assert_eq!(told.len(), 1, "{}", home.log());
    assert_eq!(told[0].json()["title"], "mug 1,980円");
    assert!(!three.first.requests().is_empty() && !three.second.requests().is_empty());
    // one announcement, whichever channel tells it
    let stem = |http: &Http| {
        let key = http.requests()[0].json()["key"].as_str().unwrap().to_owned();
        key.rsplit_once(':').unwrap().0.to_owned()
    };
    assert_eq!(stem(&three.first), stem(&three.third));
    until("it is filed", || embedded.lies_in("mug") == ["楽天/再入荷"]);

    let all = || sheets(&home.ok(&["history", "--format", "json"]));
    let of = |to: &str| all().into_iter().find(|one| one["to"] == to).unwrap();
    until("the second is closed", || of("second")["not_needed"] == true);
    assert_eq!(of("third")["state"], "done");
    assert_eq!(of("third")["not_needed"], false);
    let shown = home.ok(&["status"]);
    assert!(shown.contains("channel first: failing since") && shown.contains("channel third: ok since"), "{shown}");
    let status: Value = serde_json::from_str(home.ok(&["status", "--format", "json"]).trim()).unwrap();
    let channels = status["channels"].as_array().unwrap();
    assert_eq!(
        channels.iter().map(|one| one["state"].as_str().unwrap()).collect::<Vec<_>>(),
        ["failing", "failing", "ok"]
    );
    assert!(channels[0]["trouble"].as_str().unwrap().contains("500"), "{status}");

    let report: Value = serde_json::from_str(home.ok(&["report", "latency", "--format", "json"]).trim()).unwrap();
    let live = report["live"].as_array().unwrap();
    let stage = |stage: &str| live.iter().find(|one| one["stage"] == stage).unwrap().clone();
    assert_eq!(live.len(), 5, "{report}");
    assert_eq!((&stage("seen-accepted")["channel"], &stage("seen-accepted")["count"]), (&"third".into(), &1.into()));
    assert!(stage("seen-sent")["p50_ms"].as_i64() >= Some(1_000), "the third waited for its turn: {report}");
    assert_eq!(stage("received-seen")["begins_with_whole_seconds"], true);
    let svg = home.path().join("latency.svg");
    let table = home.ok(&["report", "latency", "--svg", svg.to_str().unwrap()]);
    assert!(table.contains("server's date → seen") && table.contains("█"), "{table}");
    assert!(std::fs::read_to_string(svg).unwrap().contains("<rect "));
    assert!(home.ok(&["report", "latency", "--format", "csv"]).starts_with("channel,stage,count,"));

    // the first is mended: it tells, and nobody else needs to
    let before = three.third.requests().len();
    watch.kill();
    let mended = Three { first: Http::start(), ..three };
    let text = std::fs::read_to_string(&home.config).unwrap();
    let at = text.find("[channel.first]").unwrap();
    let (head, tail) = text.split_at(at);
    let line = tail.lines().find(|line| line.starts_with("url")).unwrap();
    let tail = tail.replacen(line, &format!("url = \"{}\"", mended.first.url("/hook")), 1);
    std::fs::write(&home.config, format!("{head}{tail}")).unwrap();
    let _watch = home.watch(2);
    embedded.deliver("INBOX", &restock("plate"));
    until("the first tells it", || mended.first.requests().iter().any(|one| one.json()["title"] == "plate 1,980円"));
    until("it is filed", || embedded.lies_in("plate") == ["楽天/再入荷"]);
    assert_eq!(mended.third.requests().len(), before);
}

#[test]
fn a_kill_while_the_second_hangs_costs_no_alert() {
    let embedded = Embedded::start();
    let three = Three::start();
    let home = three.home(&embedded);
    let watch = home.watch(1);
    embedded.deliver("INBOX", &restock("mug"));
    assert_eq!(three.second.wait(1, IN_VAIN).len(), 1, "{}", home.log());
    watch.kill();
    let _watch = home.watch(2);
    assert!(!three.third.wait(1, IN_VAIN).is_empty(), "{}", home.log());
    until("it is filed", || embedded.lies_in("mug") == ["楽天/再入荷"]);
    let keys: std::collections::BTreeSet<String> =
        three.third.requests().iter().map(|one| one.json()["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 1);
}
