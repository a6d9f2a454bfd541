//! The past: old mail imported, actions looked up and taken back.

mod calendar;
mod files;
mod mailbox;
mod mails;
mod undone;

/// Runs the real program with a state folder of its own and no configuration.
pub fn alone(state: &std::path::Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_modori"));
    command.args(arguments).arg("--state").arg(state);
    command.env_remove("MODORI_CONFIG").env("HOME", state).env_remove("XDG_CONFIG_HOME");
    command.stdin(std::process::Stdio::null());
    command
}

/// The same, to its end: whether it went well, and all it said.
pub fn run(state: &std::path::Path, arguments: &[&str]) -> (bool, String, String) {
    let output = alone(state, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// What a ledger holds, in an order that does not depend on when it came.
pub fn ledger(state: &std::path::Path) -> Vec<String> {
    let (good, text, errors) = run(state, &["ledger", "export"]);
    assert!(good, "{errors}");
    // the first line says who wrote it, and when
    let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    let at = mails::at(5000).to_string();
    let (good, cases, errors) = run(state, &["cases", "--all", "--format", "json", "--at", &at]);
    assert!(good, "{errors}");
    lines.extend(cases.lines().map(str::to_owned));
    lines
}
