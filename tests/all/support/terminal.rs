//! A person at a real terminal: `script` (util-linux) gives the program one, keys go in, what is shown comes out.

use super::run::until;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A program in a terminal. Dropped, the terminal hangs up.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How far the screen was read.
    at: usize,
}

/// A word for a shell.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

impl Terminal {
    /// Starts modori in a terminal, for somebody who lives in this folder.
    pub fn start(home: &Path, arguments: &[&str]) -> Self {
        // in the place of the shell, which would tell of Ctrl-C itself
        Self::shell(home, &format!("exec {}", Self::line(arguments)))
    }

    /// modori with these arguments, as a shell takes it.
    pub fn line(arguments: &[&str]) -> String {
        let words = std::iter::once(env!("CARGO_BIN_EXE_modori")).chain(arguments.iter().copied());
        words.map(word).collect::<Vec<_>>().join(" ")
    }

    /// Runs a shell's line in a terminal.
    pub fn shell(home: &Path, line: &str) -> Self {
        let mut command = Command::new("script");
        // -e: the exit code is the program's
        command.args(["-q", "-e", "-f", "-c", line, "/dev/null"]);
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "MODORI_CONFIG", "MODORI_STATE", "LC_ALL", "LC_MESSAGES"] {
            command.env_remove(name);
        }
        command
            .env("HOME", home)
            .env("LANG", "ja_JP.UTF-8")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("SHELL", "/bin/sh");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("script");
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(size @ 1..) = screen.read(&mut bytes) {
                into.lock().unwrap().extend_from_slice(&bytes[..size]);
            }
        });
        Self { child, keys, shown, at: 0 }
    }

    /// Everything that was shown, lines as they are in a file.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace("\r\n", "\n")
    }

    /// Waits until this is shown, behind what was waited for before.
    pub fn expect(&mut self, text: &str) {
        let begun = std::time::Instant::now();
        loop {
            let shown = self.shown();
            if let Some(found) = shown.get(self.at..).and_then(|rest| rest.find(text)) {
                self.at += found + text.len();
                return;
            }
            let waits = begun.elapsed() < std::time::Duration::from_secs(60);
            assert!(waits, "waited in vain for {text:?} behind byte {}; the screen:\n{shown}", self.at);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\r").as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for a question and answers it.
    pub fn answer(&mut self, question: &str, line: &str) {
        self.expect(question);
        self.say(line);
    }

    /// Ctrl-C.
    pub fn interrupt(&mut self) {
        self.keys.write_all(b"\x03").unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until it has ended: its exit code and all that was shown.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut code = None;
        until("the program in the terminal ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        // what it wrote last comes through another thread, which ends with the screen
        until("the screen is read to its end", || Arc::strong_count(&self.shown) == 1);
        (code.and_then(|status| status.code()), self.shown())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
