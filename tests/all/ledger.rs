//! `modori ledger`: the ledger goes out and comes in without losing or doubling anything, and never by halves.

use super::support::embedded::Embedded;
use super::support::run::{Home, cancellation, mail, restock, until};
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const ORDER: &str = "399999-20261120-0123456789";
const OTHER: &str = "399999-20261121-0123456789";

fn home(embedded: &Embedded) -> Home {
    embedded.home("", "backlog = \"sort\"\n")
}

/// A home whose ledger knows two cancelled orders, and what the shopper said of one.
fn filled(embedded: &Embedded) -> Home {
    let home = home(embedded);
    embedded.deliver("INBOX", &cancellation("first", ORDER));
    embedded.deliver("INBOX", &cancellation("second", OTHER));
    home.ok(&["sweep"]);
    home.ok(&["confirm", ORDER, "--points", "200", "--at", "2026-11-26T10:00"]);
    home.ok(&["note", ORDER, "=電話した, \"二回\""]);
    home
}

fn cases(home: &Home) -> String {
    home.ok(&["cases", "--all", "--format", "json", "--at", "2026-12-10"])
}

/// The program with a state folder and nothing else.
fn alone(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modori"));
    command.args(arguments).arg("--state").arg(state).env_remove("MODORI_CONFIG").env("HOME", state);
    command.env("XDG_CONFIG_HOME", state);
    command
}

fn said(output: &Output) -> (bool, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

/// Imports a text from standard input into a ledger of its own.
fn import(state: &Path, text: &str) -> (bool, String) {
    let mut command = alone(state, &["ledger", "import", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // a program that refused early reads no more
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    said(&child.wait_with_output().unwrap())
}

fn cases_of(state: &Path) -> String {
    let output = alone(state, &["cases", "--all", "--format", "json", "--at", "2026-12-10"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where mails lie is not taken along: elsewhere nobody knows which account they came to.
fn but_accounts(cases: &str) -> Vec<Value> {
    let sheet = |line: &str| {
        let mut sheet: Value = serde_json::from_str(line).unwrap();
        sheet.as_object_mut().unwrap().remove("accounts").expect("accounts are told");
        sheet
    };
    let sheets: Vec<Value> = cases.lines().map(sheet).collect();
    assert!(!sheets.is_empty());
    sheets
}

#[test]
fn an_export_brings_the_ledger_to_another_machine_once() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    let exported = home.ok(&["ledger", "export"]);
    let head: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    assert_eq!(head["modori-ledger"]["version"], 1);
    let events = usize::try_from(head["modori-ledger"]["events"].as_u64().unwrap()).unwrap();
    assert!(events >= 2);
    assert_eq!(exported.lines().filter(|line| line.starts_with("{\"event\":{")).count(), events);

    let elsewhere = tempfile::tempdir().unwrap();
    // the order of the lines does not matter, nor do blank ones and those of another system
    let mut lines: Vec<&str> = exported.lines().collect();
    lines.reverse();
    let turned = lines.join("\r\n\r\n");
    let (good, text) = import(elsewhere.path(), &turned);
    assert!(good && text.contains(&format!("{events} events, {events} new; 2 statements, 2 new")), "{text}");
    assert_eq!(but_accounts(&cases_of(elsewhere.path())), but_accounts(&cases(&home)));
    for again in [&turned, &exported, &format!("{exported}{exported}")] {
        let (good, text) = import(elsewhere.path(), again);
        assert!(good && text.contains("events, 0 new; ") && text.contains("statements, 0 new"), "{text}");
    }
    // what comes out of there is what came in, but for the instant of the export
    let output = alone(elsewhere.path(), &["ledger", "export"]).output().unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&String::from_utf8(output.stdout).unwrap()), sorted(&exported));
    assert_eq!(said(&home.run(&["ledger", "import", "no such file"])).1.matches("no such file").count(), 1);
}

#[test]
fn a_broken_export_is_refused_whole() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    let exported = home.ok(&["ledger", "export"]);
    let lines: Vec<&str> = exported.lines().collect();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n")
    };
    let cut_off = &exported[..exported.len() - 40];
    let cases: &[(&str, String, &str)] = &[
        ("cut inside a line", cut_off.to_owned(), &format!("line {}: ", lines.len())),
        ("cut between lines", lines[..lines.len() - 1].join("\n"), "it is not whole"),
        ("no head", lines[1..].join("\n"), "no export of modori's ledger"),
        ("empty", String::new(), "no export of modori's ledger"),
        ("another file", "From: a@example.jp\n\nhello".to_owned(), "line 1: "),
        ("a line of another kind", with(1, "{\"weather\":{}}"), "line 2: unknown variant `weather`"),
        ("half an event", with(1, "{\"event\":{\"order\":null}}"), "line 2: missing field `kind`"),
        ("a false order number", with(2, &lines[2].replace("399999-", "39999-")), "line 3: "),
        ("not UTF-8", with(1, "\u{fffd}"), "line 2: "),
        (
            "newer, with lines unknown here",
            with(1, "{\"weather\":{}}").replace("\"version\":1", "\"version\":2"),
            "line 1: it was written by a newer modori (version 2, this one knows 1)",
        ),
    ];
    for (what, text, expect) in cases {
        let elsewhere = tempfile::tempdir().unwrap();
        let (good, told) = import(elsewhere.path(), text);
        assert!(!good && told.contains(expect) && told.contains("nothing was taken in"), "{what}: {told}");
        assert_eq!(cases_of(elsewhere.path()), "", "{what}");
    }
}

#[test]
fn a_file_is_never_written_over_silently() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    let file = home.path().join("out");
    let out = file.to_str().unwrap();
    for command in [&["ledger", "export", "--out", out][..], &["ledger", "backup", out]] {
        std::fs::write(&file, "mine").unwrap();
        let (good, text) = said(&home.run(command));
        assert!(!good && text.contains("--force") && text.contains(out), "{text}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        home.ok(&[command, &["--force"]].concat());
        assert_ne!(std::fs::read(&file).unwrap(), b"mine");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&file).unwrap();
        home.ok(command);
        assert!(file.exists());
    }
    let names: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{names:?}");
    // least of all the database itself
    let database = home.state().join("modori.sqlite");
    for command in [&["ledger", "export", "--out"][..], &["ledger", "backup"]] {
        let output = home.run(&[command, &[database.to_str().unwrap(), "--force"]].concat());
        assert!(output.status.code() == Some(2) && said(&output).1.contains("modori's own"), "{output:?}");
    }
    assert_eq!(cases(&home).lines().count(), 2);
    let (good, text) = said(&home.run(&["ledger", "export", "--out", "/no/such/folder/out"]));
    assert!(!good && text.contains("/no/such/folder/out: cannot be written"), "{text}");
    assert_eq!(home.run(&["ledger", "export", "--at", "2026-12-10"]).status.code(), Some(2));
}

#[test]
fn a_spreadsheet_shows_every_order_and_runs_no_formula() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    // a shop that calls itself a formula
    let body = "[受注番号] 399999-20261122-0123456789\n[日時] 2026-11-22 10:00:00\n\
                [ショップ名] @SUM\n[支払方法] クレジットカード\n\
                小計 3,000(円)\nポイント利用 -500(ポイント)\n支払い金額 2,500(円)\n";
    embedded
        .deliver("INBOX", &mail("order", "order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", body));
    home.ok(&["sweep"]);
    let table = home.ok(&["ledger", "export", "--format", "csv", "--at", "2026-12-10"]);
    assert!(table.starts_with("\u{feff}注文番号,ショップコード,"), "{table}");
    let rows: Vec<&str> = table.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert!(rows.iter().all(|row| !row.contains('\n')), "every line ends as RFC 4180 wants it");
    let columns = rows[0].split(',').count();
    assert_eq!(columns, 16);
    let row = |order: &str| *rows.iter().find(|row| row.starts_with(order)).unwrap();
    assert_eq!(row(OTHER).split(',').count(), columns);
    let confirmed: Vec<&str> = row(ORDER).split(',').collect();
    assert_eq!(&confirmed[8..11], ["500", "200", "300"], "{table}");
    let shop = row("399999-20261122");
    assert!(shop.contains(",'@SUM,"), "{shop}");
    assert!(shop.contains(",2500,500,"), "what was to be paid, and the points used: {shop}");

    // in English
    let text = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, format!("language = \"en\"\n{text}")).unwrap();
    let output = home.run(&["ledger", "export", "--format", "csv"]);
    let (good, table) = said(&output);
    assert!(good && table.contains("order,shop code,shop,ordered at,state"), "{table}");
}

#[test]
fn a_backup_is_made_while_a_watch_runs_and_opens_as_a_database() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    let watch = home.watch(1);
    let folder = tempfile::tempdir().unwrap();
    for n in 0..5 {
        embedded.deliver("INBOX", &restock(&format!("r{n}")));
        let file = folder.path().join(format!("{n}"));
        let text = home.ok(&["ledger", "backup", file.to_str().unwrap()]);
        assert!(text.contains("looked over and sound") && text.contains("2 statements"), "{text}");
        let state = folder.path().join(format!("state{n}"));
        std::fs::create_dir(&state).unwrap();
        std::fs::rename(file, state.join("modori.sqlite")).unwrap();
        assert_eq!(cases_of(&state), cases(&home));
    }
    until("the watch goes on", || embedded.lies_in("r4") == ["楽天/再入荷"]);
    assert_eq!(watch.terminate(), Some(0));

    let empty = tempfile::tempdir().unwrap();
    let target = empty.path().join("copy");
    let output = alone(empty.path(), &["ledger", "backup", target.to_str().unwrap()]).output().unwrap();
    let (good, text) = said(&output);
    assert!(!good && text.contains("there is no database at"), "{text}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is left lying about");
}

#[test]
fn a_rebuild_reads_the_mail_again_and_what_it_does_not_say_any_more_counts_no_more() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    let before = cases(&home);
    let text = home.ok(&["ledger", "rebuild"]);
    assert!(text.contains("and 2 statements: 2 orders, 2 cancelled, "), "{text}");
    assert_eq!(cases(&home), before, "what follows from events follows again");

    // the shopper's own mail, and one that lies in a folder no rule knows
    let text = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, text.replace("name = \"a\"\n", "name = \"a\"\nown_addresses = [\"me@example.jp\"]\n"))
        .unwrap();
    let own = |name: &str| {
        let text = format!("受注番号：399999-20261125-0123456789\nご注文をキャンセルいたしました。\n{name}\n");
        mail(name, "me@example.jp", "ご注文キャンセルのお知らせ", &text)
    };
    embedded.server.create("手で", None);
    embedded.deliver("手で", &cancellation("aside", "399999-20261123-0123456789"));
    embedded.deliver("手で", &own("own"));
    let text = home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert!(text.contains("楽天/ポイント: there is no such folder") && text.contains(": 2 orders,"), "{text}");
    let mailboxes = format!("{:?}", embedded.server.mailboxes());
    let spoken = embedded.server.commands().len();
    let text = home.ok(&["ledger", "rebuild", "--mailbox", "--account", "a", "--folder", "手で"]);
    assert!(text.contains("a 手で: 2 mails read, 1 about orders, ") && text.contains(": 3 orders,"), "{text}");
    assert!(!text.contains("INBOX"), "only that folder: {text}");
    let writes = ["SELECT", "STORE", "APPEND", "MOVE", "COPY", "EXPUNGE", "CREATE"];
    let read_only = &embedded.server.commands()[spoken..];
    assert!(read_only.iter().any(|one| one.contains("EXAMINE")), "{read_only:?}");
    assert!(!read_only.iter().any(|one| writes.iter().any(|word| one.contains(word))), "{read_only:?}");
    assert_eq!(format!("{:?}", embedded.server.mailboxes()), mailboxes, "no mail and no flag was touched");

    for (arguments, code, why) in [
        (&["--mailbox", "--folder", "どこにも"][..], 1, "there is no folder どこにも"),
        (&["--mailbox", "--account", "b"], 2, "there is no account `b`"),
        (&["--all-folders"], 2, "--mailbox"),
    ] {
        let output = home.run(&[&["ledger", "rebuild"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(said(&output).1.contains(why), "{output:?}");
    }

    // files: own mail tells nothing, neither to a rebuild nor to an import
    let files = home.path().join("mails");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("own.eml"), own("own again")).unwrap();
    std::fs::write(files.join("other.eml"), cancellation("file", "399999-20261124-0123456789")).unwrap();
    let from = files.to_str().unwrap();
    let text = home.ok(&["ledger", "rebuild", "--from", from]);
    assert!(text.contains("2 mails read, 1 about orders") && text.contains(": 4 orders,"), "{text}");
    let text = home.ok(&["import", from]);
    assert!(text.contains("2 mails read, 1 about orders, 0 events new"), "{text}");
    // what had been taken in before the address was known to be hers counts no more
    std::fs::write(
        &home.config,
        std::fs::read_to_string(&home.config).unwrap().replace("me@example.jp", "x@example.jp"),
    )
    .unwrap();
    assert!(home.ok(&["ledger", "rebuild", "--from", from]).contains(": 5 orders,"));
    std::fs::write(
        &home.config,
        std::fs::read_to_string(&home.config).unwrap().replace("x@example.jp", "me@example.jp"),
    )
    .unwrap();
    assert!(home.ok(&["ledger", "rebuild", "--from", from]).contains(": 4 orders,"));
}

#[test]
fn a_rebuild_that_is_cut_off_is_simply_run_again() {
    let embedded = Embedded::start();
    let home = home(&embedded);
    for n in 0..250 {
        embedded.deliver("INBOX", &cancellation(&format!("m{n}"), &format!("399999-20261120-{n:010}")));
    }
    let orders = || cases(&home).lines().count();
    // in the middle of the second window
    embedded.server.cut_after_writing(110_000);
    let (good, text) = said(&home.run(&["ledger", "rebuild", "--mailbox"]));
    assert!(!good && text.contains("run it again"), "{text}");
    assert_eq!(orders(), 100, "what was read is kept: {text}");
    embedded.server.clear_faults();
    let text = home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert!(text.contains("INBOX: 250 mails read, 250 about orders, "), "{text}");
    assert_eq!(orders(), 250);
    assert!(embedded.lies_in("m0") == ["INBOX"], "nothing is filed");
    // nothing is made up about where mail lay: for the hand it is unknown, and a sweep sorts it like any other
    assert_eq!(home.ok(&["history", "--format", "json"]), "");
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("m0"), ["楽天/キャンセル"]);
    assert_eq!(orders(), 250);
}

#[test]
fn a_damaged_row_ends_a_watch_with_a_way_out_and_a_rebuild_mends_it() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    let before = cases(&home);
    let database = rusqlite::Connection::open(home.state().join("modori.sqlite")).unwrap();
    for (what, damage) in [
        ("not JSON", "UPDATE event SET body = '{half'"),
        ("of another kind", "UPDATE event SET body = '{}'"),
        ("no text of any encoding", "UPDATE event SET body = CAST(x'ff' AS TEXT)"),
    ] {
        database.execute_batch(&format!("{damage} WHERE id = (SELECT max(id) FROM event WHERE retired = 0)")).unwrap();
        let mut watch = home.start(&["watch"]);
        until("the watch ends", || watch.ended().is_some());
        assert_eq!(watch.ended(), Some(false), "{what}");
        let log = home.log();
        let told = log.lines().last().unwrap();
        assert!(told.contains("error: the database holds a damaged value (event"), "{what}: {told}");
        assert!(told.contains("modori ledger rebuild --mailbox") && told.contains("backup"), "{what}: {told}");
        for command in [&["cases"][..], &["shops"], &["case", ORDER], &["ledger", "export"]] {
            let (good, text) = said(&home.run(command));
            assert!(!good && text.contains("modori ledger rebuild --mailbox"), "{what}, {command:?}: {text}");
        }
        let (good, text) = said(&home.run(&["ledger", "rebuild", "--mailbox"]));
        assert!(good && text.contains("1 damaged event set aside"), "{what}: {text}");
        assert_eq!(cases(&home), before, "{what}");
    }
    // her own words are in no mail: they are shown before they go
    database.execute_batch("UPDATE statement SET body = '{\"order\":\"my word\"}' WHERE id = 1").unwrap();
    assert!(said(&home.run(&["cases"])).1.contains("damaged value (statement"));
    let (good, text) = said(&home.run(&["ledger", "rebuild"]));
    assert!(good && text.contains("my word"), "{text}");
    home.ok(&["cases", "--all"]);
    assert!(!said(&home.run(&["ledger", "rebuild"])).1.contains("damaged"));
}

#[test]
fn a_backup_or_an_export_that_finds_no_room_says_where_and_leaves_nothing_behind() {
    let embedded = Embedded::start();
    let home = filled(&embedded);
    // an export longer than the room there is
    for n in 0..40 {
        home.ok(&["note", ORDER, &format!("{n} {}", "長い話".repeat(200))]);
    }
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("out");
    let out = file.to_str().unwrap();
    let state = home.state();
    let state = state.to_str().unwrap();
    for command in [&["ledger", "backup", out][..], &["ledger", "export", "--out", out]] {
        // no file grows beyond 50 KiB, as on a disk that is full
        let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
        let mut program = Command::new("sh");
        program.args(["-c", script, "sh", env!("CARGO_BIN_EXE_modori")]).args(command).args(["--state", state]);
        let (good, text) = said(&program.output().unwrap());
        assert!(!good && text.contains(out), "{command:?}: {text}");
        let left: Vec<_> = std::fs::read_dir(target.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{command:?}: {left:?}");
    }
    home.ok(&["ledger", "backup", out]);
}
