//! Nobody is asked: every answer is a flag, and what is missing is told at once.

use super::super::support::dovecot::PASSWORD;
use super::{ADDRESS, Person, text, words};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

/// `init` that reads this password from standard input.
fn with_password(person: &Person, flags: &[&str], password: &str) -> Output {
    let servers = person.servers();
    let mut all = words(&["init", "--non-interactive", "--email", ADDRESS, "--password-stdin"], &servers);
    all.extend(flags);
    let mut command = person.command(&all);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A file with the password that only its owner can read.
fn password_file(person: &Person) -> String {
    let file = person.home().join("secret");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}

#[test]
fn with_all_flags_it_is_set_up_without_a_question() {
    let Some(person) = Person::new() else { return };
    let flags = [
        "--channel", "ntfy", "--authserv", "yes", "--ledger", "yes", "--mode", "move", "--folder",
        "restock=買い物/再入荷", "--web", "no", "--user", "shopper",
    ];
    let output = with_password(&person, &flags, PASSWORD);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!text(&output.stdout).contains(PASSWORD));
    let config = std::fs::read_to_string(person.config()).unwrap();
    assert_eq!(std::fs::metadata(person.config()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(config.lines().find(|line| !line.starts_with('#')), Some("version = 1"));
    for line in [
        "language = \"en\"",
        "user = \"shopper\"",
        "own_addresses = [\"shopper@example.test\"]",
        "authserv_ids = [\"mx.example.jp\"]",
        "mode = \"move\"",
        "restock = \"買い物/再入荷\"",
        "channels = [\"phone\"]",
    ] {
        assert!(config.lines().any(|one| one.starts_with(line)), "{line}: {config}");
    }
    assert_eq!(person.run(&["doctor"]).status.code(), Some(0));
    assert!(text(&person.run(&["cases"]).stdout).contains("388888-20261112-0234567890"));
    assert_eq!(person.phone.requests().len(), 1, "the test alert");
}

#[test]
fn without_agreement_nobodys_word_is_taken_nothing_is_filed_and_the_ledger_stays_empty() {
    let Some(person) = Person::new() else { return };
    let output = with_password(&person, &["--channel", "none"], PASSWORD);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let config = std::fs::read_to_string(person.config()).unwrap();
    assert!(config.contains("\n# authserv_ids") && config.contains("mode = \"observe\""), "{config}");
    assert!(text(&output.stdout).contains("388888-20261112-0234567890"), "it is shown");
    assert!(!person.home().join(".local").exists(), "there is no ledger yet: {:?}", person.tree());
}

#[test]
fn what_is_missing_is_told_in_one_message_and_a_wrong_password_leaves_nothing() {
    let Some(person) = Person::new() else { return };
    let output = person.run(&["init", "--non-interactive", "--email", ADDRESS]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for flag in ["--host HOST", "--password-stdin", "--channel KIND"] {
        assert!(said.contains(flag), "{said}");
    }
    let output = with_password(&person, &["--channel", "none"], "wrong-horse");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("check user and password") && said.contains("nothing was written"), "{said}");
    assert!(!said.contains("wrong-horse"));
    assert_eq!(person.tree(), Vec::<String>::new());
}

#[test]
fn a_configuration_that_is_there_is_written_over_only_when_asked_to_and_is_kept() {
    let Some(person) = Person::new() else { return };
    let folder = person.config().parent().unwrap().to_path_buf();
    std::fs::create_dir_all(folder.join("rules")).unwrap();
    std::fs::write(person.config(), "# mine\n").unwrap();
    std::fs::write(folder.join("mail-password"), "old\n").unwrap();
    let before = person.tree();
    let output = with_password(&person, &["--channel", "none"], PASSWORD);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("modori init --force"), "{}", text(&output.stderr));
    assert_eq!(person.tree(), before);

    let output = with_password(&person, &["--channel", "none", "--force"], PASSWORD);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("config.toml.old"), "# mine\n");
    assert_eq!(read("mail-password"), "old\n", "the old configuration may name it");
    assert_eq!(read("mail-password-2"), format!("{PASSWORD}\n"));
    assert!(read("config.toml").contains("password = { file = \"mail-password-2\" }"));
    // once more: no copy is written over
    assert_eq!(with_password(&person, &["--channel", "none", "--force"], PASSWORD).status.code(), Some(0));
    assert_eq!(read("config.toml.old"), "# mine\n");
    assert!(read("config.toml.old-2").contains("mail-password-2"));
}

#[test]
fn a_password_is_taken_from_a_file_a_program_or_a_variable_and_is_not_kept_twice() {
    let Some(person) = Person::new() else { return };
    let secret = person.home().join("my secret");
    std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
    let servers = person.servers();
    let shown = secret.display().to_string();
    let try_it = |flag: &str, value: &str| {
        let flags =
            ["init", "--non-interactive", "--force", "--email", ADDRESS, "--channel", "none", "--preview-days", "0"];
        let all = words(&[&flags[..], &[flag, value]].concat(), &servers);
        person.command(&all).env("MODORI_TEST_PASSWORD", PASSWORD).output().unwrap()
    };
    let output = try_it("--password-file", &shown);
    assert_eq!(output.status.code(), Some(1), "others can read it");
    assert!(text(&output.stderr).contains("chmod 600"), "{}", text(&output.stderr));
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (flag, value, written) in [
        ("--password-file", shown.clone(), format!("password = {{ file = \"{shown}\" }}")),
        (
            "--password-command",
            format!("head -n 1 '{shown}'"),
            format!("password = {{ command = [\"head\", \"-n\", \"1\", \"{shown}\"] }}"),
        ),
        (
            "--password-env",
            "MODORI_TEST_PASSWORD".to_owned(),
            "password = { env = \"MODORI_TEST_PASSWORD\" }".to_owned(),
        ),
    ] {
        let output = try_it(flag, &value);
        assert_eq!(output.status.code(), Some(0), "{flag}: {}", text(&output.stderr));
        let config = std::fs::read_to_string(person.config()).unwrap();
        assert!(config.contains(&written), "{flag}: {config}");
        assert!(!person.config().with_file_name("mail-password").exists(), "{flag}");
    }
}

#[test]
fn a_unit_is_written_that_starts_this_program_with_this_configuration() {
    let Some(person) = Person::new() else { return };
    let elsewhere = person.home().join("else where/config.toml");
    let servers = person.servers();
    let at = elsewhere.display().to_string();
    let file = password_file(&person);
    let flags = [
        "init", "--non-interactive", "--email", ADDRESS, "--channel", "none", "--preview-days", "0", "--password-file",
        &file, "--config", &at,
    ];
    let mut all = words(&flags, &servers);
    assert_eq!(all.pop(), Some("none"), "the last word of the servers is which service");
    all.push("systemd");
    let output = person.run(&all);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let unit = std::fs::read_to_string(person.home().join(".config/systemd/user/modori.service")).unwrap();
    let program = env!("CARGO_BIN_EXE_modori");
    assert!(unit.contains(&format!("ExecStart={program} watch --config \"{at}\"\n")), "{unit}");
    assert!(text(&output.stdout).contains("systemctl --user enable --now modori"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains(&format!("modori status --config '{at}'")), "{}", text(&output.stdout));
}

#[test]
fn a_service_is_told_what_only_the_shell_knows_and_has_its_state_folder() {
    let Some(person) = Person::new() else { return };
    let (config, state) = (person.home().join("c"), person.home().join("s"));
    let (servers, file) = (person.servers(), password_file(&person));
    let set_up = |password: [&str; 2]| {
        let flags =
            ["init", "--non-interactive", "--email", ADDRESS, "--channel", "none", "--preview-days", "0", "--force"];
        let mut all = words(&[&flags[..], &password[..]].concat(), &servers);
        assert_eq!(all.pop(), Some("none"), "the last word of the servers is which service");
        all.push("systemd");
        let mut command = person.command(&all);
        command.env("XDG_CONFIG_HOME", &config).env("XDG_STATE_HOME", &state).env("MODORI_TEST_PASSWORD", PASSWORD);
        command.output().unwrap()
    };
    let refused = set_up(["--password-env", "MODORI_TEST_PASSWORD"]);
    assert_eq!(refused.status.code(), Some(2), "a service has no variable of a shell");
    assert!(text(&refused.stderr).contains("--password-file"), "{}", text(&refused.stderr));
    assert!(!config.exists());

    let output = set_up(["--password-file", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let unit = std::fs::read_to_string(config.join("systemd/user/modori.service")).unwrap();
    let named = format!(" --config {}/modori/config.toml --state {}/modori\n", config.display(), state.display());
    assert!(unit.contains(&named), "{unit}");
    // the unit is there already, and is the same
    std::fs::remove_dir(state.join("modori")).unwrap();
    assert_eq!(set_up(["--password-file", &file]).status.code(), Some(0));
    assert!(state.join("modori").is_dir());
}

#[test]
fn an_old_configuration_is_kept_whatever_it_holds_and_stays_when_own_rules_do_not_pass() {
    let Some(person) = Person::new() else { return };
    let folder = person.config().parent().unwrap().to_path_buf();
    std::fs::create_dir_all(folder.join("rules")).unwrap();
    std::fs::write(person.config(), b"# \xff\n").unwrap();
    std::fs::write(folder.join("rules/mine.toml"), "[[rule]]\n").unwrap();
    let before = person.tree();
    let servers = person.servers();
    // such a login is not tried, and nothing but the writing looks at the rules
    let flags =
        ["init", "--non-interactive", "--force", "--email", ADDRESS, "--channel", "none", "--password-credential", "m"];
    let output = person.run(&words(&flags, &servers));
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("nothing was written"), "{}", text(&output.stderr));
    assert_eq!((person.tree(), std::fs::read(person.config()).unwrap()), (before, b"# \xff\n".to_vec()));

    std::fs::remove_file(folder.join("rules/mine.toml")).unwrap();
    let output = person.run(&words(&flags, &servers));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(folder.join("config.toml.old")).unwrap(), b"# \xff\n");
}

#[test]
fn a_look_that_trusts_less_does_not_replace_what_the_ledger_knows() {
    let Some(person) = Person::new() else { return };
    let known = || {
        let db = rusqlite::Connection::open(person.home().join(".local/state/modori/modori.sqlite")).unwrap();
        let mut query = db.prepare("SELECT mail_key, CAST(body AS BLOB), retired FROM event ORDER BY id").unwrap();
        let rows =
            query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?)));
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let set_up = |word| {
        let flags = ["--channel", "none", "--ledger", "yes", "--force", "--authserv", word];
        let output = with_password(&person, &flags, PASSWORD);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        known()
    };
    let vouched = set_up("yes");
    assert!(!vouched.is_empty());
    assert_eq!(set_up("no"), vouched);
}

#[test]
fn nobody_is_waited_for_who_would_agree_in_a_browser() {
    let Some(person) = Person::new() else { return };
    let output = person.run(&[
        "init", "--non-interactive", "--email", "hanako@gmail.com", "--oauth-client-id", "c", "--channel", "none",
        "--service", "none",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("modori login"), "{}", text(&output.stderr));
    assert_eq!(person.tree(), Vec::<String>::new());
}
