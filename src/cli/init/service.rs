//! What starts `modori watch` by itself: a systemd unit of one's own user, or a launchd agent.

use super::super::args::Service;
use std::path::{Path, PathBuf};

/// The unit that comes with modori.
const UNIT: &str = include_str!("../../../dist/modori.service");
/// What a launchd agent is called.
const LABEL: &str = "modori.watch";

/// What is started: the program, and what stands behind it.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// The program.
    pub(super) program: PathBuf,
    /// The configuration, if it is not at the usual place.
    pub(super) config: Option<PathBuf>,
    /// The state folder, if it is named on the command line.
    pub(super) state: Option<PathBuf>,
}

impl Start {
    fn words(&self) -> Vec<String> {
        let mut words = vec![self.program.display().to_string(), "watch".to_owned()];
        if let Some(config) = &self.config {
            words.extend(["--config".to_owned(), config.display().to_string()]);
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
            } else if let (Some(state), "ProtectHome=read-only") = (&self.state, line) {
                out.push_str(&format!("{line}\nReadWritePaths={}\n", systemd_word(&state.display().to_string())));
            } else {
                out.push_str(line);
                out.push('\n');
            }
        }
        format!("# written by `modori init`; the unit that comes with modori, with the place of the program\n{out}")
    }

    /// The agent.
    pub(super) fn agent(&self, home: &Path) -> String {
        let words: String = self.words().iter().map(|word| format!("    <string>{}</string>\n", xml(word))).collect();
        let log = xml(&home.join("Library/Logs/modori.log").display().to_string());
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <!-- written by `modori init` -->\n\
             <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>{LABEL}</string>\n  \
             <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n  \
             <key>RunAtLoad</key>\n  <true/>\n  <key>KeepAlive</key>\n  <true/>\n  \
             <key>StandardErrorPath</key>\n  <string>{log}</string>\n</dict>\n</plist>\n"
        )
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
        Start { program: "/opt/my tools/modori".into(), config: config.map(PathBuf::from), state: None }
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
    fn the_agent_is_a_property_list() {
        let agent = start(None).agent(Path::new("/Users/h&m"));
        assert!(agent.contains("    <string>/opt/my tools/modori</string>\n    <string>watch</string>\n"), "{agent}");
        assert!(agent.contains("<string>/Users/h&amp;m/Library/Logs/modori.log</string>"), "{agent}");
    }
}
