//! The flag of a case on a real server, with the real program.

use super::support::dovecot::{Dovecot, Setup};
use super::support::http::{Http, Request};
use super::support::oracle::{Seen, encode};
use super::support::run::{Home, Over, cancellation, until};

const MOVED: &str = "399999-20261120-0000000001";
const TAKEN: &str = "399999-20261120-0000000002";
const FOLDER: &str = "楽天/キャンセル";

fn lies(dovecot: &Dovecot, folder: &str, name: &str) -> Option<Seen> {
    let all = dovecot.mailboxes().remove(folder).unwrap_or_default();
    all.into_iter().find(|one| one.message_id == format!("{name}@example.jp"))
}

fn is_flagged(dovecot: &Dovecot, name: &str) -> bool {
    lies(dovecot, FOLDER, name).is_some_and(|one| one.flags.iter().any(|flag| flag == "\\Flagged"))
}

/// How many flags modori has set and read back.
fn flags_set(home: &Home) -> usize {
    let history = home.ok(&["history", "--format", "json"]);
    let done = history.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    done.filter(|one| one["what"] == "flag" && one["to"] == "on" && one["state"] == "done").count()
}

/// Another client takes the flag off, and moves the mail if a folder is given.
fn take_off(dovecot: &Dovecot, name: &str, to: Option<&str>) {
    let uid = lies(dovecot, FOLDER, name).unwrap().uid;
    let mut oracle = dovecot.oracle();
    oracle.command(&format!("SELECT \"{}\"", encode(FOLDER))).unwrap();
    oracle.command(&format!("UID STORE {uid} -FLAGS (\\Flagged)")).unwrap();
    if let Some(to) = to {
        oracle.command(&format!("UID MOVE {uid} \"{}\"", encode(to))).unwrap();
    }
}

#[test]
fn a_flag_taken_off_in_any_mail_app_says_that_it_came_back() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let rest = format!(
        "flag_look_every = \"300ms\"\nflag_apart = \"500ms\"\n[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n",
        http.url("/hook")
    );
    let home = Home::on(&dovecot, Over::Tls, &rest);
    let watch = home.watch(1);
    let said = |order: &str| {
        let posts = http.requests();
        let alerts = posts.iter().filter(|one| one.answered == 200).map(Request::json);
        let by_flag = format!("by-flag:{order}:");
        alerts.filter(|alert| alert["key"].as_str().is_some_and(|key| key.starts_with(&by_flag))).count()
    };
    let tells = |order: &str| {
        let told = home.ok(&["case", order, "--format", "json"]);
        told.matches("said-by-flag").count()
    };

    dovecot.deliver_all(&[cancellation("moved", MOVED), cancellation("taken", TAKEN)]);
    until("both bear the flag, and modori has read it", || {
        is_flagged(&dovecot, "moved") && is_flagged(&dovecot, "taken") && flags_set(&home) == 2
    });
    dovecot.oracle().command("CREATE Archive").unwrap();
    take_off(&dovecot, "moved", Some("Archive"));
    take_off(&dovecot, "taken", None);
    until("the flag that was taken off is announced", || said(TAKEN) == 1);
    assert_eq!((tells(TAKEN), tells(MOVED), said(MOVED)), (1, 0, 0));

    // she says that it is not so: flagged again, over a kill of the program
    home.ok(&["deny", TAKEN]);
    until("it is flagged again", || is_flagged(&dovecot, "taken") && flags_set(&home) == 3);
    watch.kill();
    take_off(&dovecot, "taken", None);
    let _watch = home.watch(2);
    until("what she did meanwhile is announced, too", || said(TAKEN) == 2);
    assert_eq!((tells(TAKEN), tells(MOVED), said(MOVED)), (2, 0, 0), "a moved mail says nothing");
    assert!(!is_flagged(&dovecot, "taken"));

    let seen = dovecot.mailboxes().values().flatten().any(|one| one.flags.iter().any(|flag| flag == "\\Seen"));
    assert!(!seen, "nothing is marked as read");
    assert!(lies(&dovecot, "Archive", "moved").is_some(), "it lies where she put it");
}
