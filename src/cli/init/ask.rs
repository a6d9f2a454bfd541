//! Questions and answers, line by line: in a terminal, or from what is piped in. A screen reader reads them as they are.

use super::super::{Failure, login};
use secrecy::SecretString;
use std::cell::{Cell, RefCell};
use std::io::{IsTerminal as _, Write as _};
use tokio::sync::mpsc;

/// Where the talk stands, for whoever ends it.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// What was answered already, as flags.
    pub(super) given: RefCell<Vec<(&'static str, String)>>,
    /// Everything is written.
    pub(super) written: Cell<bool>,
}

impl Course {
    /// The command that goes on from here: what was typed, and what was answered since. `None`: nothing was answered.
    pub(super) fn again(&self) -> Option<String> {
        let given = self.given.borrow();
        if given.is_empty() {
            return None;
        }
        let typed = std::env::args().skip(1);
        let given = given.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]);
        let words = std::iter::once("modori".to_owned()).chain(typed).chain(given);
        Some(words.map(|word| shell(&word)).collect::<Vec<_>>().join(" "))
    }
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
        let mut given = self.course.given.borrow_mut();
        // asked once more, the last answer counts; only folders may be several
        given.retain(|(known, _)| *known != flag || flag == "--folder");
        if matches!(flag, "--host" | "--provider") {
            given.retain(|(known, _)| !matches!(*known, "--host" | "--provider"));
        }
        given.push((flag, value.to_owned()));
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
