//! Gmail's meaning of folders, in raw conversations.

use super::{Client, at, check, mail, uids};
use crate::demo::Server;
use crate::edge::clock::Clock;

const ALL: &str = "[Gmail]/All Mail";
const TRASH: &str = "[Gmail]/Trash";

fn server_with(count: u32) -> Server {
    let server = Server::gmail("u", "p", Clock::system(), false);
    for n in 1..=count {
        server.deliver("INBOX", &mail(n), at());
    }
    server
}

/// The views a message is in.
fn views(server: &Server, n: u32) -> Vec<String> {
    let all = server.mailboxes().into_iter();
    all.filter(|(_, all)| all.iter().any(|one| *one.bytes == *mail(n))).map(|(name, _)| name).collect()
}

#[tokio::test]
async fn special_mailboxes_are_listed_with_their_use() {
    let server = Server::gmail("u", "p", Clock::system(), true);
    let mut c = Client::enter(&server, "").await;
    let listed = c.ask("LIST \"\" \"*\"").await;
    let has = |wanted: &str| assert!(listed.iter().any(|line| line == wanted), "{wanted}: {listed:?}");
    has("* LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"");
    has("* LIST (\\HasNoChildren \\All) \"/\" \"[Gmail]/&MFkweTBmMG4w4TD8MOs-\"");
    has("* LIST (\\HasNoChildren \\Trash) \"/\" \"[Gmail]/&MLQw33ux-\"");
    check(&mut c, "CREATE [Gmail]/mine", &["t NO [CANNOT] Gmail's own"]).await;
    check(&mut c, "DELETE [Gmail]/&MLQw33ux-", &["t NO [CANNOT] Gmail's own"]).await;
}

#[tokio::test]
async fn a_message_is_one_thing_with_labels() {
    let server = server_with(2);
    let mut c = Client::enter(&server, "").await;
    c.ask("CREATE &aX1ZKQ-").await;
    c.ask("SELECT INBOX").await;
    check(&mut c, "UID COPY 1 &aX1ZKQ-", &["t OK [COPYUID 1700000009 1 1] copied"]).await;
    // once more: it is there already, and keeps its number
    check(&mut c, "UID COPY 1 &aX1ZKQ-", &["t OK [COPYUID 1700000009 1 1] copied"]).await;
    assert_eq!(views(&server, 1), ["INBOX", ALL, "楽天"]);
    // the mailbox that is looked at does not show its own label
    let fetched = c.ask("UID FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)").await;
    assert_eq!(
        fetched[0],
        "* 1 FETCH (UID 1 X-GM-MSGID 1800000000000065537 X-GM-THRID 1800000000000065537 X-GM-LABELS (&aX1ZKQ-))"
    );
    c.ask(&format!("SELECT \"{ALL}\"")).await;
    let fetched = c.ask("FETCH 1 X-GM-LABELS").await;
    assert_eq!(fetched[0], "* 1 FETCH (X-GM-LABELS (\"\\\\Inbox\" &aX1ZKQ-))");
    check(&mut c, "UID SEARCH X-GM-MSGID 1800000000000131074", &["* SEARCH 2", "t OK searched"]).await;
    check(&mut c, "UID SEARCH X-GM-LABELS &aX1ZKQ-", &["* SEARCH 1", "t OK searched"]).await;
    check(&mut c, "UID SEARCH X-GM-RAW \"in:inbox\"", &["t BAD arguments not understood"]).await;
    assert_eq!(c.ask("SEARCH X-GM-LABELS \\Inbox").await[0], "* SEARCH 1 2");
}

#[tokio::test]
async fn a_move_exchanges_labels_and_repeats_without_harm() {
    let server = server_with(2);
    let mut c = Client::enter(&server, "").await;
    c.ask("CREATE shop").await;
    server.copy("INBOX", 2, "shop");
    c.ask("SELECT INBOX").await;
    check(&mut c, "UID MOVE 2 shop", &["* 2 EXPUNGE", "t OK [COPYUID 1700000009 2 1] moved"]).await;
    check(&mut c, "UID MOVE 1 shop", &["* 1 EXPUNGE", "t OK [COPYUID 1700000009 1 2] moved"]).await;
    assert_eq!(
        (views(&server, 1), views(&server, 2)),
        (vec![ALL.into(), "shop".into()], vec![ALL.into(), "shop".into()])
    );
}

#[tokio::test]
async fn what_is_expunged_leaves_its_view_and_nothing_else() {
    for auto in [true, false] {
        let server = server_with(3);
        server.auto_expunge(auto);
        let mut c = Client::enter(&server, "SELECT INBOX").await;
        c.ask("UID STORE 2 +FLAGS.SILENT (\\Deleted)").await;
        assert_eq!(views(&server, 2).contains(&"INBOX".to_owned()), !auto);
        c.ask("UID EXPUNGE 2").await;
        assert_eq!(views(&server, 2), [ALL]);
        // out of All Mail it goes to Trash, and out of Trash it is gone
        c.ask(&format!("SELECT \"{ALL}\"")).await;
        c.ask("UID STORE 3 +FLAGS.SILENT (\\Deleted)").await;
        c.ask("UID EXPUNGE 3").await;
        assert_eq!(views(&server, 3), [TRASH]);
        c.ask(&format!("SELECT {TRASH}")).await;
        c.ask("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
        c.ask("UID EXPUNGE 1").await;
        assert_eq!(views(&server, 3), Vec::<String>::new());
        assert_eq!(views(&server, 1), ["INBOX", ALL]);
    }
}

#[tokio::test]
async fn labels_are_stored() {
    let server = server_with(1);
    let mut c = Client::enter(&server, &format!("SELECT \"{ALL}\"")).await;
    check(
        &mut c,
        "UID STORE 1 +X-GM-LABELS (\"new one\" \\Important)",
        &["* 1 FETCH (UID 1 X-GM-LABELS (\"\\\\Inbox\" \"\\\\Important\" \"new one\"))", "t OK stored"],
    )
    .await;
    check(&mut c, "UID STORE 1 -X-GM-LABELS.SILENT (\\Inbox)", &["t OK stored"]).await;
    assert_eq!(views(&server, 1), [ALL, "[Gmail]/Important", "new one"]);
    check(&mut c, "STORE 1 X-GM-LABELS (\\Inbox)", &["* 1 FETCH (X-GM-LABELS (\"\\\\Inbox\"))", "t OK stored"]).await;
    assert_eq!(views(&server, 1), ["INBOX", ALL]);
    // the mailbox's own label cannot be taken off in it
    c.ask("SELECT INBOX").await;
    c.ask("UID STORE 2 -X-GM-LABELS (\\Inbox)").await;
    assert_eq!(views(&server, 1), ["INBOX", ALL]);
}

#[tokio::test]
async fn flags_and_news_are_shared_by_all_views() {
    let server = server_with(1);
    let mut inbox = Client::enter(&server, "SELECT INBOX").await;
    let mut all = Client::enter(&server, &format!("EXAMINE \"{ALL}\"")).await;
    inbox.ask("UID STORE 1 +FLAGS (\\Seen \\Flagged)").await;
    check(&mut all, "NOOP", &["* 1 FETCH (FLAGS (\\Flagged \\Seen))", "t OK done"]).await;
    assert_eq!(uids(&server, "[Gmail]/Starred"), [1]);
    server.deliver("INBOX", &mail(2), at());
    check(&mut all, "NOOP", &["* 2 EXISTS", "* 0 RECENT", "t OK done"]).await;
    check(&mut inbox, "NOOP", &["* 2 EXISTS", "* 0 RECENT", "t OK done"]).await;
    server.relocate(ALL, 1, TRASH);
    check(&mut all, "NOOP", &["* 1 EXPUNGE", "t OK done"]).await;
    check(&mut inbox, "NOOP", &["* 1 EXPUNGE", "t OK done"]).await;
    assert_eq!(views(&server, 1), [TRASH]);
}
