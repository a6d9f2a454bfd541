//! A channel that shows a notice on this machine's screen: `notify-send` (freedesktop) or `osascript` (macOS), never a
//! shell. What a mail says is an argument of its own behind `--`, so that it is never taken for an option or a script.

use super::{Accepted, Deliver, Delivery, Probing, process};
use crate::edge::clock::Clock;
use crate::plan::Alert;
use crate::plan::note::{Head, Note};
use crate::rules::Priority;
use crate::text::{Unit, fit};
use crate::wording::Buttons;
use std::time::Duration;

/// Longest title, in characters.
const TITLE: usize = 100;
/// Longest text: a notice is a few lines.
const TEXT: usize = 400;

/// Shows notices.
pub(super) struct Desktop {
    pub(super) limit: Duration,
    pub(super) clock: Clock,
    pub(super) buttons: Buttons,
}

impl Deliver for Desktop {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let _ = key; // a notice that is shown again is a second notice: nothing on this machine knows keys
            let mut note = Note::of(alert, &self.buttons, self.clock.now());
            // nobody types an address off a notice; the item's own is worth its line
            note.links.clear();
            let title = fit(&note.title, TITLE, Unit::Chars);
            let text = note.text(Head::Link, TEXT, Unit::Chars);
            let argv = if cfg!(target_os = "macos") {
                osascript(&title, &text, alert.priority)
            } else {
                notify_send(&title, &text, alert.priority)
            };
            process::run(&argv, b"", self.limit).await?;
            Ok(Accepted::default())
        })
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(async { Desktop::probe(self) })
    }
}

/// `notify-send` of libnotify. The text of a notice may be read as markup
/// (<https://specifications.freedesktop.org/notification-spec/latest/markup.html>): its signs are written wide.
fn notify_send(title: &str, text: &str, priority: Priority) -> Vec<String> {
    let urgency = match priority {
        Priority::Urgent => "critical",
        Priority::High | Priority::Normal => "normal",
        Priority::Silent => "low",
    };
    let plain = |c: char| match c {
        '<' => '＜',
        '>' => '＞',
        '&' => '＆',
        c => c,
    };
    let text: String = text.chars().map(plain).collect();
    let title = if title.is_empty() { "modori" } else { title };
    let fixed = ["notify-send", "--app-name=modori", "--category=email.arrived"].map(str::to_owned);
    let mut argv = fixed.to_vec();
    argv.push(format!("--urgency={urgency}"));
    argv.extend(["--".to_owned(), title.to_owned(), text]);
    argv
}

/// `osascript`: the script is fixed, the texts are its arguments.
fn osascript(title: &str, text: &str, priority: Priority) -> Vec<String> {
    let show = match priority {
        Priority::Urgent => "display notification (item 2 of argv) with title (item 1 of argv) sound name \"Glass\"",
        _ => "display notification (item 2 of argv) with title (item 1 of argv)",
    };
    ["osascript", "-e", "on run argv", "-e", show, "-e", "end run", "--", title, text].map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_never_an_option_a_script_or_markup() {
        let (title, text) = ("--help", "-e <b>x</b> & \"; do shell script \"id\"");
        for argv in [notify_send(title, text, Priority::Urgent), osascript(title, text, Priority::Urgent)] {
            let end = argv.iter().position(|argument| argument == "--").unwrap();
            assert_eq!(argv.len(), end + 3, "two texts, and nothing else, behind --: {argv:?}");
            assert_eq!(argv[end + 1], title);
            assert!(argv[..end].iter().all(|argument| !argument.contains("shell script")), "{argv:?}");
        }
        assert_eq!(
            notify_send("", "a<b", Priority::Silent),
            ["notify-send", "--app-name=modori", "--category=email.arrived", "--urgency=low", "--", "modori", "a＜b"]
        );
        assert_eq!(osascript("t", "x", Priority::Normal).last().map(String::as_str), Some("x"));
    }
}
