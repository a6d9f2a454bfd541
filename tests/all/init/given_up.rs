//! Given up in the middle, wherever: nothing is left behind, and one can go on from there.

use super::super::support::dovecot::PASSWORD;
use super::super::support::terminal::Terminal;
use super::{ADDRESS, Person, text, words};
use std::io::Write as _;
use std::process::Stdio;

/// Every question of the usual way, and an answer that goes on.
pub const WAY: &[(&str, &str)] = &[
    ("Answer with one of these words [ja]:", "en"),
    ("Your mail address, as the shops know it:", ADDRESS),
    ("Login name [shopper@example.test]:", "shopper"),
    ("Answer with one of these words [type]:", ""),
    ("Password (it is not shown):", PASSWORD),
    ("Take the word of mx.example.jp on that? [Y/n]", "y"),
    ("Call some of them otherwise? [y/N]", "n"),
    ("modori then reminds you of what is owed [Y/n]", "y"),
    ("File mail from now on? [y/N]", "y"),
    ("Answer with one of these words [ntfy]:", ""),
    ("Subscribed? A test alert is sent now [Y/n]", "y"),
    ("Did it arrive? [Y/n]", "y"),
    ("Serve the pages (what waits, shops, rules) on this machine, http://127.0.0.1:8580? [y/N]", "n"),
];

#[test]
fn ctrl_c_at_each_question_leaves_nothing() {
    let Some(person) = Person::new() else { return };
    let (servers, before) = (person.servers(), person.dovecot.mailboxes());
    for at in 0..WAY.len() {
        let mut talk = Terminal::start(person.home(), &words(&["init"], &servers));
        for (question, answer) in &WAY[..at] {
            talk.answer(question, answer);
        }
        let (question, _) = WAY[at];
        talk.expect(question);
        talk.interrupt();
        let (code, shown) = talk.end();
        assert_eq!(code, Some(1), "{question}: {shown}");
        assert!(shown.contains("stopped: nothing was written"), "{question}: {shown}");
        assert_eq!(person.tree(), Vec::<String>::new(), "{question}");
        let again = shown.split_once("to go on from here: modori init --host localhost");
        assert_eq!(again.is_some_and(|(_, again)| again.contains(" --language en")), at > 0, "{question}: {shown}");
        assert!(!shown.contains(PASSWORD), "{question}");
    }
    assert_eq!(person.dovecot.mailboxes(), before);
}

#[test]
fn one_goes_on_with_what_was_answered() {
    let Some(person) = Person::new() else { return };
    let servers = person.servers();
    let mut talk = Terminal::start(person.home(), &words(&["init"], &servers));
    for (question, answer) in &WAY[..9] {
        talk.answer(question, answer);
    }
    talk.expect(WAY[9].0);
    talk.interrupt();
    let (_, shown) = talk.end();
    let again = shown.lines().find_map(|line| line.strip_prefix("to go on from here: modori ")).unwrap();
    // what was answered is asked no more, but for the password
    let mut talk = Terminal::shell(person.home(), &format!("{} {again}", Terminal::line(&[])));
    talk.answer("Answer with one of these words [type]:", "");
    talk.answer("Password (it is not shown):", PASSWORD);
    talk.answer("Call some of them otherwise? [y/N]", "n");
    talk.answer("Answer with one of these words [ntfy]:", "none");
    talk.answer("http://127.0.0.1:8580? [y/N]", "");
    talk.expect("Done in");
    let (code, shown) = talk.end();
    assert_eq!(code, Some(0), "{shown}");
    for asked in ["In which language", "Your mail address", "Login name", "Take the word of", "File mail from now on?"]
    {
        assert!(!shown.contains(asked), "{asked}: {shown}");
    }
    let config = std::fs::read_to_string(person.config()).unwrap();
    assert!(config.contains("mode = \"move\"") && config.contains("authserv_ids = [\"mx.example.jp\"]"), "{config}");
}

#[test]
fn the_terminal_shows_what_is_typed_again_after_ctrl_c_at_the_password() {
    let Some(person) = Person::new() else { return };
    let servers = person.servers();
    let all = words(&["init", "--language", "en", "--email", ADDRESS, "--user", "shopper"], &servers);
    // the shell outlives the Ctrl-C, and tells how its terminal is
    let line = format!("trap : INT; {}; stty -a", Terminal::line(&all));
    let mut talk = Terminal::shell(person.home(), &line);
    talk.answer("Answer with one of these words [type]:", "");
    talk.expect("Password (it is not shown):");
    talk.interrupt();
    let (_, shown) = talk.end();
    assert!(shown.contains("stopped: nothing was written"), "{shown}");
    let modes: Vec<&str> = shown.split_whitespace().collect();
    assert!(modes.contains(&"echo") && !modes.contains(&"-echo"), "{shown}");
}

#[test]
fn input_that_ends_early_leaves_nothing_and_says_so() {
    let Some(person) = Person::new() else { return };
    let servers = person.servers();
    let mut command = person.command(&words(&["init"], &servers));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let typed = format!("en\n{ADDRESS}\nshopper\ntype\n{PASSWORD}\ny\n");
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("It works."), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("the input ended"), "{}", text(&output.stderr));
    assert_eq!(person.tree(), Vec::<String>::new());
}
