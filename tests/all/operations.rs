//! What belongs to running modori: the log for programs, units of systemd and launchd, completions, manual pages, the
//! release archive.

use super::support::embedded::Embedded;
use super::support::http::Http;
use super::support::run::{mail, until};
use modori::edge::hand::HandLock;
use modori::edge::store::Db;
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn modori(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_modori")).args(arguments).output().unwrap()
}

/// A tool that need not be on every machine; where the tests of this project run whole, it must be.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--help").output().is_ok();
    let needed = std::env::var("MODORI_TEST_NEEDS").unwrap_or_default().split(',').any(|one| one == tool);
    assert!(there || !needed, "{tool} is not installed");
    there
}

#[test]
fn the_log_for_programs_is_one_object_a_line_and_holds_no_secret_and_no_mail() {
    const BODY: &str = "鳥籠のカナリアは赤い";
    const TOKEN: &str = "tk_canary_7f3a";
    let embedded = Embedded::start();
    let http = Http::start();
    let hook = format!(
        "[alerts]\nchannels = [\"h\"]\n[channel.h]\nkind = \"webhook\"\nurl = \"{}\"\n\
         token = {{ command = [\"printf\", \"{TOKEN}\"] }}\n",
        http.url("/hook-canary-9c1d")
    );
    let home = embedded.home("", &hook);
    let watch = home.start_with(&["watch"], &[("MODORI_LOG_FORMAT", "json".as_ref())]);
    until("the mailbox is seen", || home.run(&["status"]).status.code() == Some(0));
    let words = format!(
        "ご登録いただいた商品が再入荷しました。\n商品名：{BODY}\n価格：1,980円\nhttps://item.rakuten.co.jp/modori-zakka/canary/\n"
    );
    embedded.deliver("INBOX", &mail("restock", "info@rakuten.co.jp", "再入荷のお知らせ", &words));
    embedded.deliver("INBOX", &mail("other", "friend@example.jp", BODY, BODY));
    assert!(!http.wait(1, std::time::Duration::from_secs(60)).is_empty());
    until("it is filed", || embedded.lies_in("restock") == ["楽天/再入荷"]);
    drop(http);
    embedded
        .deliver("INBOX", &mail("second", "info@rakuten.co.jp", "再入荷のお知らせ", &words.replace("canary", "two")));
    until("the channel fails", || home.log().contains("channel") || home.log().contains("alert"));
    assert_eq!(watch.terminate(), Some(0));
    let log = home.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(lines.len() >= 3, "{log}");
    for line in &lines {
        let keys: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        for key in ["timestamp", "level", "message", "target"] {
            assert!(keys.contains(key), "{key}: {line}");
        }
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(["ERROR", "WARN", "INFO"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(!line["message"].as_str().unwrap().contains('\u{1b}'), "{line}");
    }
    let watching = lines.iter().find(|line| line["message"] == "watching").unwrap();
    assert_eq!((&watching["account"], &watching["mailbox"]), (&"a".into(), &"INBOX".into()), "{watching}");
    let password = std::fs::read_to_string(home.path().join("password")).unwrap();
    for canary in [BODY, TOKEN, "hook-canary-9c1d", password.trim()] {
        assert!(!log.contains(canary), "{canary} stands in the log:\n{log}");
    }
    // why a command ended is a line, too
    std::fs::write(&home.config, "nonsense = 1\n").unwrap();
    let output = home.run(&["watch", "--log-format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let line: Value = serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(line["level"] == "ERROR" && line["message"].as_str().unwrap().contains("nonsense"), "{line}");
}

#[test]
fn the_units_of_systemd_are_well_formed_and_closed() {
    if !has("systemd-analyze") {
        return;
    }
    // what it says is given here and in docs/operations.md, by the systemd of Debian 12 (252); others may weigh otherwise
    for (unit, most) in [("modori.service", 5.5), ("modori-system.service", 1.5)] {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(root().join("dist").join(unit)).unwrap();
        let start = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        let (_, arguments) = start.split_once(' ').unwrap();
        let here = format!("ExecStart={} {arguments}", env!("CARGO_BIN_EXE_modori"));
        let path = folder.path().join(unit);
        std::fs::write(&path, text.replace(start, &here)).unwrap();
        let analyze = |arguments: &[&str]| {
            let output = Command::new("systemd-analyze").args(arguments).arg(&path).output().unwrap();
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{unit}: {said}");
            said
        };
        assert_eq!(analyze(&["verify"]), "", "{unit}");
        let said = analyze(&["security", "--offline=true"]);
        let level = said.lines().find_map(|line| line.split("exposure level for ").nth(1)).unwrap();
        let score: f32 = level.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(score <= most, "{unit} is more open than it was: {score}\n{said}");
        // the command in it is one that modori takes
        let words: Vec<&str> = arguments.split_whitespace().filter(|word| !word.starts_with('/')).collect();
        assert!(words.contains(&"watch"), "{words:?}");
    }
    let system = std::fs::read_to_string(root().join("dist/modori-system.service")).unwrap();
    for line in ["DynamicUser=yes", "StateDirectory=modori", "LoadCredential=mail-password:", "ProtectSystem=strict"] {
        assert!(system.contains(line), "{line}");
    }
}

#[test]
fn a_credential_of_systemd_is_a_password() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    let text = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, text.replace("{ file = \"password\" }", "{ credential = \"mail-password\" }"))
        .unwrap();
    let without = home.run(&["doctor"]);
    let said = String::from_utf8(without.stdout).unwrap();
    assert!(
        said.contains("no credential mail-password: only a service with LoadCredential=mail-password:/PATH"),
        "{said}"
    );
    let folder = home.path().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(home.path().join("password"), folder.join("mail-password")).unwrap();
    // as systemd gives it to a user that exists only while the service runs: an access list, which the mode shows as the group's
    std::fs::set_permissions(folder.join("mail-password"), std::fs::Permissions::from_mode(0o440)).unwrap();
    let with = home.run_with(&["doctor"], &[("CREDENTIALS_DIRECTORY", folder.as_os_str())]);
    let said = String::from_utf8(with.stdout).unwrap();
    assert!(said.contains("ok       account a: login: as "), "{said}");
    for bad in ["", "a/b", ".."] {
        std::fs::write(&home.config, text.replace("{ file = \"password\" }", &format!("{{ credential = \"{bad}\" }}")))
            .unwrap();
        assert_eq!(home.run(&["status"]).status.code(), Some(2), "{bad}");
    }
}

/// The names of the elements of an XML document that is well-formed, in the order they open.
fn elements(text: &str) -> Vec<String> {
    let (mut open, mut all): (Vec<String>, Vec<String>) = (vec![], vec![]);
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let before = &rest[..start];
        assert!(
            open.is_empty() && before.trim().is_empty() || !open.is_empty() && !before.contains('>'),
            "text: {before}"
        );
        assert!(!before.replace("&amp;", "").replace("&gt;", "").replace("&lt;", "").contains('&'), "{before}");
        let tag = &rest[start..];
        let (end, skip) = if tag.starts_with("<!--") {
            let end = tag.find("-->").unwrap();
            assert!(!tag[4..end].contains("--"), "two dashes within a comment");
            (end, 3)
        } else {
            (tag.find('>').unwrap(), 1)
        };
        let inner = &tag[1..end];
        match inner {
            _ if inner.starts_with(['!', '?']) => {}
            _ if inner.starts_with('/') => assert_eq!(open.pop().as_deref(), Some(&inner[1..])),
            _ => {
                let name = inner.split([' ', '/']).next().unwrap().to_owned();
                all.push(name.clone());
                if !inner.ends_with('/') {
                    open.push(name);
                }
            }
        }
        rest = &tag[end + skip..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?}");
    all
}

#[test]
fn the_agent_of_launchd_is_a_property_list() {
    let text = std::fs::read_to_string(root().join("dist/jp.modori.watch.plist")).unwrap();
    let all = elements(&text);
    assert_eq!(all[..2], ["plist", "dict"]);
    let known = ["plist", "dict", "key", "string", "array", "true", "false", "integer"];
    assert!(all.iter().all(|name| known.contains(&name.as_str())), "{all:?}");
    // a key, a value, a key, a value
    let inner: Vec<&String> = all[2..].iter().collect();
    assert_eq!(inner.iter().filter(|name| **name == "key").count(), 8);
    assert!(text.contains("<string>jp.modori.watch</string>") && text.contains("exec modori watch"));
}

#[test]
fn a_real_bash_completes_commands_and_flags() {
    let script = modori(&["completions", "bash"]);
    assert!(script.status.success());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("modori.bash");
    std::fs::write(&file, &script.stdout).unwrap();
    let complete = |words: &[&str]| -> BTreeSet<String> {
        let last = words.last().unwrap();
        let before = if words.len() > 1 { words[words.len() - 2] } else { "modori" };
        let text = format!(
            "source {}; fn=$(complete -p modori | sed 's/.*-F \\([^ ]*\\).*/\\1/'); COMP_WORDS=(modori {}); \
             COMP_CWORD={}; \"$fn\" modori '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            file.display(),
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            words.len()
        );
        let output = Command::new("bash").args(["--norc", "-c", &text]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(complete(&["doc"]), set(&["doctor"]));
    assert_eq!(complete(&["ledger", "ex"]), set(&["expire", "export"]));
    assert!(complete(&["doctor", "--fo"]).contains("--format"));
    assert_eq!(complete(&["doctor", "--format", "j"]), set(&["json"]));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = modori(&["completions", shell]);
        assert!(script.status.success() && String::from_utf8(script.stdout).unwrap().contains("doctor"), "{shell}");
    }
    assert_eq!(modori(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn every_command_has_a_manual_page_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = modori(&["man", "--out", folder.path().to_str().unwrap()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let pages: BTreeSet<String> =
        std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    for page in ["modori.1", "modori-doctor.1", "modori-ledger-expire.1", "modori-alert-test.1", "modori-watch.1"] {
        assert!(pages.contains(page), "{page}: {pages:?}");
    }
    let again = tempfile::tempdir().unwrap();
    modori(&["man", "--out", again.path().to_str().unwrap()]);
    for page in &pages {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert_eq!(text, std::fs::read_to_string(again.path().join(page)).unwrap(), "{page}: the same each time");
        assert!(text.contains(".SH NAME") && text.contains(".SH DESCRIPTION"), "{page}");
    }
    if has("mandoc") {
        // bold is a letter struck twice
        let plain = regex::Regex::new(".\u{8}").unwrap();
        for page in &pages {
            // style and warnings are the generator's; an error would be unreadable
            let output =
                Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(folder.path().join(page)).output().unwrap();
            assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stdout));
            let shown = Command::new("mandoc").args(["-Tutf8"]).arg(folder.path().join(page)).output().unwrap();
            let shown = plain.replace_all(&String::from_utf8_lossy(&shown.stdout), "").into_owned();
            assert!(shown.contains("NAME") && shown.contains("modori"), "{page}: {shown}");
        }
    }
}

/// Packs the program of the tests; a few lines stand for it, so that packing is quick.
fn archive(out: &Path) -> PathBuf {
    let stand_in = out.join("stand-in");
    std::fs::write(&stand_in, format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_modori"))).unwrap();
    std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(root().join("scripts/release"))
        .arg("--binary")
        .arg(&stand_in)
        .arg("--out")
        .arg(out.join("made"))
        .env("SOURCE_DATE_EPOCH", "1790000000")
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    PathBuf::from(said.lines().last().unwrap())
}

#[test]
fn the_release_archive_holds_what_it_should_and_is_the_same_each_time() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| {
        let archive = archive(folder.path());
        let list = Command::new("tar").args(["-tvf"]).arg(&archive).env("TZ", "UTC").output().unwrap();
        (archive, String::from_utf8(list.stdout).unwrap())
    });
    assert_eq!(one.1.lines().count(), other.1.lines().count());
    let name = one.0.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.gz").unwrap();
    assert!(name.starts_with(concat!("modori-", env!("CARGO_PKG_VERSION"), "-")), "{name}");
    let listed: Vec<&str> = one.1.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(listed, sorted, "in the order of their names");
    for line in one.1.lines() {
        assert!(line.contains(" 0/0 ") && line.contains(" 2026-09-21 "), "owner and time are fixed: {line}");
    }
    for file in [
        "bin/modori",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "THIRD-PARTY.txt",
        "SHA256SUMS",
        "CHANGELOG.md",
        "dist/modori.service",
        "dist/modori-system.service",
        "dist/jp.modori.watch.plist",
        "docs/doctor.md",
        "docs/operations.md",
        "licenses/ring-0.17.14/LICENSE-BoringSSL",
        "rules/restock.toml",
        "schema/config.schema.json",
        "completions/modori.bash",
        "man/modori.1",
        "man/modori-doctor.1",
    ] {
        assert!(listed.contains(&format!("{name}/{file}").as_str()), "{file} is missing");
    }
    let words = |crate_of: &str| listed.iter().any(|file| file.contains(&format!("/licenses/{crate_of}-")));
    assert!(words("ring") && words("rustls"), "texts of licences are missing");
    let unpacked = folders[0].path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    assert!(Command::new("tar").arg("-xf").arg(&one.0).arg("-C").arg(&unpacked).status().unwrap().success());
    let root = unpacked.join(name);
    let sums =
        Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&root).output().unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    let demo = Command::new(root.join("bin/modori")).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(demo.stdout).unwrap().trim(), concat!("modori ", env!("CARGO_PKG_VERSION")));
    let third = std::fs::read_to_string(root.join("THIRD-PARTY.txt")).unwrap();
    assert!(third.contains("rustls v") && third.contains("rusqlite v") && !third.contains("proptest"), "{third}");
    // the stand-ins name the same program: the archives are equal, byte by byte
    assert_eq!(std::fs::read(&one.0).unwrap(), std::fs::read(&other.0).unwrap());
}

#[test]
fn a_newer_program_leaves_the_database_to_an_older_watch_that_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    drop(Db::open(folder.path()).unwrap());
    let raw = rusqlite::Connection::open(folder.path().join("modori.sqlite")).unwrap();
    let newest: u32 = raw.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    raw.pragma_update(None, "user_version", newest - 1).unwrap();
    let version = || raw.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap();
    // the watch of before the upgrade: this test
    let watch = HandLock::take(folder.path()).unwrap();
    for command in [&["history"][..], &["cases"], &["ledger", "rebuild"]] {
        let refused = modori(&[command, &["--state", state]].concat());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains(&format!("(process {}) is older", std::process::id())), "{command:?}: {said}");
        assert!(said.contains("stop that one first"), "{command:?}: {said}");
        assert_eq!(version(), newest - 1, "{command:?}");
        assert!(!folder.path().join("modori.before-upgrade.sqlite").exists(), "{command:?}");
    }
    // of the same schema they work side by side
    raw.pragma_update(None, "user_version", newest).unwrap();
    assert!(modori(&["history", "--state", state]).status.success());
    drop(watch);
}
