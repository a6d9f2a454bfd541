//! Questions and answers, line by line: in a terminal, or from what is piped in. A screen reader reads them as they are.

use super::super::{Failure, login};
use secrecy::SecretString;
use std::cell::{Cell, RefCell};
use std::io::{IsTerminal as _, Write as _};
use tokio::sync::mpsc;

/// Where the talk stands, for whoever ends it.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// What was answered already, as flags; without a value: what was typed so counts no more.
    given: RefCell<Vec<(&'static str, Option<String>)>>,
    /// Everything is written.
    pub(super) written: Cell<bool>,
}

impl Course {
    /// The command that goes on from here: what was typed, and what was answered since. `None`: nothing was answered.
    pub(super) fn again(&self) -> Option<String> {
        let words = self.words(std::env::args().skip(1))?;
        Some(words.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" "))
    }

    /// The same as words, after what was typed.
    fn words(&self, typed: impl Iterator<Item = String>) -> Option<Vec<String>> {
        let given = self.given.borrow();
        if given.is_empty() {
            return None;
        }
        let mut words = vec!["modori".to_owned()];
        let mut typed = typed;
        while let Some(word) = typed.next() {
            let (flag, with_value) = word.split_once('=').map_or((word.as_str(), false), |(flag, _)| (flag, true));
            if !given.iter().any(|(later, _)| replaces(later, flag)) {
                words.push(word);
            } else if !with_value && flag != "--password-stdin" {
                // its value
                typed.next();
            }
        }
        for (flag, value) in given.iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?))) {
            match value.starts_with('-') {
                true => words.push(format!("{flag}={value}")),
                false => words.extend([(*flag).to_owned(), value.clone()]),
            }
        }
        Some(words)
    }

    /// Keeps an answer as the flag that would have given it.
    fn gave(&self, flag: &'static str, value: Option<&str>) {
        let mut given = self.given.borrow_mut();
        // asked once more, the last answer counts; only folders may be several
        given.retain(|(known, _)| !replaces(flag, known) || flag == "--folder");
        given.push((flag, value.map(str::to_owned)));
    }
}

/// Flags of which one alone can be given.
const RIVALS: &[&[&str]] = &[
    &["--host", "--provider"],
    &["--ca-file", "--pin"],
    &["--authserv-id", "--authserv"],
    &[
        "--password-file", "--password-command", "--password-env", "--password-credential", "--password-stdin",
        "--oauth-client-id", "--oauth-client-secret-file", "--token-command",
    ],
];

/// Whether an answer takes the place of an earlier one.
fn replaces(later: &str, earlier: &str) -> bool {
    later == earlier || RIVALS.iter().any(|rivals| rivals.contains(&later) && rivals.contains(&earlier))
}

/// A word as a shell takes it.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The one who asks.
pub(super) struct Ask<'a> {
    lines: Option<mpsc::Receiver<String>>,
    talks: bool,
    terminal: bool,
    course: &'a Course,
}

impl<'a> Ask<'a> {
    /// `talks`: there is somebody to be asked.
    pub(super) fn new(talks: bool, course: &'a Course) -> Self {
        Self { lines: None, talks, terminal: std::io::stdin().is_terminal(), course }
    }

    /// Whether there is somebody to be asked.
    pub(super) fn talks(&self) -> bool {
        self.talks
    }

    /// Everything is written.
    pub(super) fn wrote(&self) {
        self.course.written.set(true);
    }

    /// Keeps an answer as the flag that would have given it, for whoever goes on another time.
    pub(super) fn gave(&self, flag: &'static str, value: &str) {
        self.course.gave(flag, Some(value));
    }

    /// An earlier answer, or a flag that was typed, counts no more.
    pub(super) fn took_back(&self, flag: &'static str) {
        self.course.gave(flag, None);
    }

    /// A line that was typed or piped in, whatever it holds.
    async fn next(&mut self) -> Result<String, Failure> {
        if !self.talks {
            return Err(Failure::new("something must be answered, and nobody is asked (--non-interactive)"));
        }
        let lines = self.lines.get_or_insert_with(login::lines);
        let line = lines.recv().await;
        if !self.terminal {
            // what is piped in is not seen: the answer's line ends here
            anstream::println!();
        }
        line.ok_or_else(|| Failure::new("the input ended before the last question was answered: nothing was written"))
    }

    /// The next line of standard input, for a flag that takes its value from there.
    pub(super) async fn piped(&mut self, flag: &str) -> Result<SecretString, Failure> {
        let line = self.lines.get_or_insert_with(login::lines).recv().await;
        let text = SecretString::from(line.unwrap_or_default().trim_end_matches(['\r', '\n']).to_owned());
        match secrecy::ExposeSecret::expose_secret(&text).is_empty() {
            true => Err(Failure::broken(format!("{flag}: standard input holds nothing; nothing was written"))),
            false => Ok(text),
        }
    }

    fn prompt(text: &str) {
        anstream::print!("{text} ");
        let _ = std::io::stdout().flush();
    }

    /// A line; empty means the usual answer, where there is one.
    pub(super) async fn line(&mut self, question: &str, usual: Option<&str>) -> Result<String, Failure> {
        loop {
            Self::prompt(&match usual {
                Some(usual) => format!("{question} [{usual}]:"),
                None => format!("{question}:"),
            });
            let answer = self.next().await?.trim().to_owned();
            match (answer.is_empty(), usual) {
                (false, _) => return Ok(answer),
                (true, Some(usual)) => return Ok(usual.to_owned()),
                (true, None) => anstream::println!("An answer is needed here; Ctrl-C ends, and nothing is written."),
            }
        }
    }

    /// A secret: what is typed is not shown.
    pub(super) async fn hidden(&mut self, question: &str) -> Result<SecretString, Failure> {
        loop {
            let quiet = if self.terminal { Quiet::begin() } else { None };
            Self::prompt(&match (self.terminal, quiet.is_some()) {
                (true, true) => format!("{question} (it is not shown):"),
                (true, false) => format!("{question} (this terminal shows it):"),
                (false, _) => format!("{question}:"),
            });
            let answer = self.next().await;
            if quiet.is_some() {
                anstream::println!();
            }
            drop(quiet);
            let answer = SecretString::from(answer?.trim_matches(['\r', '\n']).to_owned());
            if !secrecy::ExposeSecret::expose_secret(&answer).trim().is_empty() {
                return Ok(answer);
            }
            anstream::println!("Nothing was typed; Ctrl-C ends, and nothing is written.");
        }
    }

    /// Yes or no. Where nobody is asked it is the usual answer.
    pub(super) async fn yes(&mut self, question: &str, usual: bool) -> Result<bool, Failure> {
        if !self.talks {
            return Ok(usual);
        }
        loop {
            Self::prompt(&format!("{question} [{}]", if usual { "Y/n" } else { "y/N" }));
            match self.next().await?.trim().to_lowercase().as_str() {
                "" => return Ok(usual),
                "y" | "yes" | "はい" => return Ok(true),
                "n" | "no" | "いいえ" => return Ok(false),
                _ => anstream::println!("Please answer y (yes) or n (no)."),
            }
        }
    }

    /// One of some words, or the beginning of one; each with what it means.
    pub(super) async fn word<'w>(
        &mut self,
        question: &str,
        words: &[(&'w str, &str)],
        usual: &'w str,
    ) -> Result<&'w str, Failure> {
        let width = words.iter().map(|(word, _)| word.len()).max().unwrap_or_default();
        anstream::println!("{question}");
        for (word, meaning) in words {
            anstream::println!("  {word:<width$}  {meaning}");
        }
        loop {
            let answer = self.line("Answer with one of these words", Some(usual)).await?.to_lowercase();
            let exact = words.iter().find(|(word, _)| *word == answer);
            let begun: Vec<_> = words.iter().filter(|(word, _)| word.starts_with(&answer)).collect();
            match (exact, begun.as_slice()) {
                (Some((word, _)), _) | (None, [(word, _)]) => return Ok(word),
                _ => anstream::println!("`{}` is none of them.", super::super::render::one_line(&answer)),
            }
        }
    }
}

/// The terminal does not show what is typed, until this is dropped.
#[cfg(unix)]
struct Quiet(rustix::termios::Termios);

#[cfg(unix)]
impl Quiet {
    fn begin() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &quiet).ok()?;
        Some(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn begin() -> Option<Self> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Arguments;
    use clap::Parser as _;

    #[test]
    fn the_command_that_goes_on_says_each_thing_once_and_parses() {
        let course = Course::default();
        let of = |typed: &str| {
            let words = course.words(typed.split(' ').map(str::to_owned))?;
            Arguments::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            Some(words.join(" "))
        };
        assert_eq!(of("init --host a"), None, "nothing was answered");
        course.gave("--user", Some("hanako"));
        course.gave("--user", Some("-h"));
        course.gave("--provider", Some("gmail"));
        course.gave("--pin", Some("sha256:00"));
        course.gave("--password-env", Some("P"));
        course.gave("--authserv", Some("no"));
        course.gave("--folder", Some("restock=a"));
        course.gave("--folder", Some("coupon=b"));
        course.gave("--port", None);
        assert_eq!(
            of("--config c init --user=h --host a --ca-file b --password-file c --authserv-id d --port 1 --web no")
                .unwrap(),
            "modori --config c init --web no --user=-h --provider gmail --pin sha256:00 --password-env P --authserv no \
             --folder restock=a --folder coupon=b"
        );
        assert!(of("init --password-stdin --email h@i.jp").unwrap().contains("init --email h@i.jp"));
        course.gave("--password-file", None);
        assert!(!of("init --oauth-client-id c --oauth-client-secret-file d").unwrap().contains("--oauth"));
    }
}
