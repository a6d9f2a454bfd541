//! What starts `modori watch` by itself: a systemd unit of one's own user, or a launchd agent.

use super::super::args::Service;
use super::ask::shell;
use super::home::Home;
use crate::edge::config;
use std::path::{Path, PathBuf};

/// The unit that comes with modori.
const UNIT: &str = include_str!("../../../dist/modori.service");
/// The launchd agent that comes with modori.
const AGENT: &str = include_str!("../../../dist/jp.modori.watch.plist");
/// What it is called.
const LABEL: &str = "jp.modori.watch";

/// What is started: the program, and what stands behind it.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// The program.
    pub(super) program: PathBuf,
    /// The configuration, if the service would not find it by itself.
    pub(super) config: Option<PathBuf>,
    /// The state folder, if it is not where the unit looks for it.
    pub(super) state: Option<PathBuf>,
    /// The configuration names that state folder itself.
    pub(super) state_is_written: bool,
}

impl Start {
    /// How this program is started for what is set up. A service knows the home folder of its user, and nothing of what
    /// a shell set besides (XDG_CONFIG_HOME, XDG_STATE_HOME): what lies elsewhere is named.
    pub(super) fn new(program: PathBuf, home: &Home, user: Option<&Path>) -> Self {
        let below = |path: &str| user.map(|user| user.join(path));
        let config = Some(home.file.clone()).filter(|file| Some(file) != below(".config/modori/config.toml").as_ref());
        let state = home.state.clone().or_else(config::default_state);
        let state = state.filter(|state| Some(state) != below(".local/state/modori").as_ref());
        Self { program, config, state, state_is_written: home.state.is_some() }
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec![self.program.display().to_string(), "watch".to_owned()];
        if let Some(config) = &self.config {
            words.extend(["--config".to_owned(), config.display().to_string()]);
        }
        if let Some(state) = self.state.as_ref().filter(|_| !self.state_is_written) {
            words.extend(["--state".to_owned(), state.display().to_string()]);
        }
        words
    }

    /// The unit, with this start in it.
    pub(super) fn unit(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| systemd_word(word)).collect();
        let mut out = String::new();
        let mut begun = false;
        for line in UNIT.lines() {
            // how to copy it by hand is told at its head: that was done
            begun |= line.starts_with('[');
            if !begun {
                continue;
            }
            if line.starts_with("ExecStart=") {
                out.push_str(&format!("ExecStart={}\n", words.join(" ")));
            } else if let (Some(state), true) = (&self.state, line.starts_with("ReadWritePaths=")) {
                // without it the database could not be written: all else is read-only there
                let word = systemd_word(&format!("-{}", state.display()));
                out.push_str(&format!("ReadWritePaths={word}\n"));
            } else {
                out.push_str(line);
                out.push('\n');
            }
        }
        format!("# written by `modori init`; the unit that comes with modori, with the place of the program\n{out}")
    }

    /// The agent, with this start in it.
    pub(super) fn agent(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| shell(word)).collect();
        let text = AGENT.replace("exec modori watch", &format!("exec {}", xml(&words.join(" "))));
        // how to copy it by hand is told at its head: that was done
        match text.split_once("<!--").and_then(|(before, rest)| Some((before, rest.split_once("-->")?.1))) {
            Some((before, after)) => format!("{before}<!-- written by `modori init` -->{after}"),
            None => text,
        }
    }
}

impl Service {
    /// Where its file lies; `None`: there is none, or no home is known.
    pub(super) fn place(self) -> Option<PathBuf> {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        match self {
            Self::Systemd => {
                let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
                Some(config.unwrap_or_else(|| home.join(".config")).join("systemd/user/modori.service"))
            }
            Self::Launchd => Some(home.join(format!("Library/LaunchAgents/{LABEL}.plist"))),
            Self::None => None,
        }
    }

    /// What fits this machine.
    pub(super) fn of_here() -> Self {
        if cfg!(target_os = "macos") {
            Self::Launchd
        } else if Path::new("/run/systemd/system").is_dir() {
            Self::Systemd
        } else {
            Self::None
        }
    }

    /// How it is started.
    pub(super) fn how(self, place: &Path) -> Option<String> {
        match self {
            Self::Systemd => Some("systemctl --user daemon-reload && systemctl --user enable --now modori".to_owned()),
            Self::Launchd => Some(format!("launchctl bootstrap gui/$(id -u) '{}'", place.display())),
            Self::None => None,
        }
    }
}

/// A word of a systemd command line: `%` names something of systemd's, `$` a variable
/// (<https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines>).
fn systemd_word(word: &str) -> String {
    let word = word.replace('%', "%%").replace('$', "$$");
    let plain = word.chars().all(|c| c.is_alphanumeric() || "/._-%+=:@,".contains(c));
    if plain { word } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(config: Option<&str>) -> Start {
        Start {
            program: "/opt/my tools/modori".into(),
            config: config.map(PathBuf::from),
            state: None,
            state_is_written: false,
        }
    }

    #[test]
    fn the_unit_is_the_shipped_one_with_another_start() {
        let unit = start(Some("/home/h/50% off/$x/config.toml")).unit();
        let start = "ExecStart=\"/opt/my tools/modori\" watch --config \"/home/h/50%% off/$$x/config.toml\"\n";
        assert!(unit.contains(start), "{unit}");
        assert_eq!(unit.matches("ExecStart=").count(), 1);
        for line in UNIT.lines().skip_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with("ExecS")) {
            assert!(unit.contains(&format!("{line}\n")), "{line}");
        }
        assert!(!unit.contains("cp dist/"), "{unit}");
    }

    #[test]
    fn the_unit_may_write_where_the_state_is() {
        let elsewhere = Start { state: Some("/srv/my state".into()), ..start(None) }.unit();
        assert!(elsewhere.contains("ReadWritePaths=\"-/srv/my state\"\n"), "{elsewhere}");
        assert_eq!(UNIT.matches("\nReadWritePaths=").count(), 1, "the shipped unit names another folder");
        assert_eq!(elsewhere.matches("\nReadWritePaths=").count(), 1, "it names one folder");
        // nothing else tells it where: what a shell knows a service does not
        assert!(elsewhere.contains(" watch --state \"/srv/my state\"\n"), "{elsewhere}");
        let written = Start { state: Some("/srv/s".into()), state_is_written: true, ..start(None) }.unit();
        assert!(written.contains("-/srv/s\n") && !written.contains("--state"), "{written}");
    }

    #[test]
    fn the_agent_is_the_shipped_one_with_another_start() {
        let agent = start(Some("/Users/h&m/config.toml")).agent();
        let start = "exec '/opt/my tools/modori' watch --config '/Users/h&amp;m/config.toml' 2&gt;&gt;";
        assert!(agent.contains(start), "{agent}");
        assert!(agent.contains(&format!("<string>{LABEL}</string>")) && !agent.contains("cp dist/"), "{agent}");
    }
}
