//! The only place that draws: tables, trees, bars.

mod awaiting;
mod cases;
pub(super) mod latency;
mod letters;
pub(super) mod month;
pub(super) mod month_page;
pub(super) mod shops;
mod status;
mod wanted;

use crate::calendar;
use crate::cli::classify::Sheet;
use crate::cli::tested::Tested;
use crate::edge::store::{Action, Latency, LeftOver, State, is_no_loss};
use crate::engine::Mailbox;
use crate::engine::backtest::Change;
use crate::engine::sweep::{Acting, Planned, Swept};
use crate::mailbox::Place;
use crate::plan::{Effect, Way};
use crate::rules::{Listed, ListedExtractor, Verdict};
use crate::text::visible;
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::IsTerminal;

pub(super) use awaiting::awaiting;
pub(super) use cases::{accounts, case, cases, coupon_state, coupons, questions};
pub(super) use letters::letters;
pub(super) use status::{checks, status};
pub(super) use wanted::wanted;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();

/// Whether standard error shows colours.
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// `error: …`
pub(super) fn error(text: &str) -> String {
    format!("{RED}error{RED:#}: {text}")
}

/// `1 mail`, `2 mails`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A title line.
pub(super) fn title(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}")
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    table
}

/// Day and time in Tokyo, short.
pub(super) fn at(at: Timestamp) -> String {
    calendar::civil(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// One mail of `classify`.
pub(super) fn classified(file: &str, sheet: &Sheet) -> String {
    let mut out = String::new();
    let verdict = &sheet.verdict;
    let labels: Vec<&str> = verdict.labels.iter().map(String::as_str).collect();
    let plus = if labels.is_empty() { String::new() } else { format!(" + {}", labels.join(", ")) };
    let _ = writeln!(out, "{BOLD}{file}{BOLD:#}");
    let alert = if verdict.escalate { ", alert at once" } else { "" };
    let _ = writeln!(out, "  {}{plus} ({}{alert})", verdict.category, sheet.trust);
    if let Some(folder) = &verdict.folder {
        let _ = writeln!(out, "  → {folder}");
    }
    if let Some(rule) = &verdict.rule {
        let _ = writeln!(out, "  rule: {rule}");
    }
    for reason in &verdict.reasons {
        let _ = writeln!(out, "  {DIM}{}: {}{DIM:#}", reason.condition, one_line(&reason.saw));
    }
    if let Value::Object(facts) = &sheet.facts {
        for (key, value) in facts {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(out, "  {key} = {}", one_line(&text));
        }
    }
    for note in &sheet.notes {
        let _ = writeln!(out, "  {DIM}note: {note}{DIM:#}");
    }
    out
}

/// Text of a mail in one line that is not long, with nothing in it that is not seen: no escape reaches the terminal, no
/// mark turns its letters round.
pub(super) fn one_line(text: &str) -> String {
    let flat = whole(text);
    match flat.char_indices().nth(160) {
        Some((end, _)) => format!("{}...", flat.get(..end).unwrap_or_default()),
        None => flat,
    }
}

/// The same, however long it is: what is wrong, and what to do about it. The terminal breaks it where it must, so that a
/// pin or a command in it is copied in one piece.
pub(super) fn whole(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The mails of `rules test` that came out otherwise than expected.
pub(super) fn tested(all: &[Tested]) -> String {
    let mut table = table(&["mail", "came out as", "by the rule", "expected otherwise"]);
    for one in all.iter().filter(|one| !one.wrong.is_empty()) {
        let wrong: Vec<String> = one.wrong.iter().map(|line| one_line(line)).collect();
        let rule = one.rule.clone().unwrap_or_default();
        table.add_row([one.file.clone(), one.category.clone(), rule, wrong.join("\n")]);
    }
    if all.iter().all(|one| one.wrong.is_empty()) { String::new() } else { table.to_string() }
}

/// What `rules diff` found in a mailbox.
pub(super) fn changes(all: &[Change]) -> String {
    let mut table = table(&["received", "from", "subject", "was", "is", "by the rule", ""]);
    for change in all {
        let (was, is) = (verdict_line(&change.before), verdict_line(&change.after));
        let way = match &change.way {
            Way::To(folder) => format!("{} → {folder}", change.place.mailbox),
            Way::Stays(why) => format!("stays in {}: {why}", change.place.mailbox),
        };
        let rule = change.after.rule.clone().unwrap_or_default();
        table.add_row([at(change.received), one_line(&change.from), one_line(&change.subject), was, is, rule, way]);
    }
    table.to_string()
}

/// A mail of a file, judged twice.
type ChangedFile = (String, Timestamp, String, String, Verdict, Verdict);

/// What `rules diff` found in files.
pub(super) fn changed_files(all: &[ChangedFile]) -> String {
    let mut table = table(&["file", "received", "from", "subject", "was", "is", "by the rule"]);
    for (file, received, from, subject, before, after) in all {
        let rule = after.rule.clone().unwrap_or_default();
        let row = [
            file.clone(),
            at(*received),
            one_line(from),
            one_line(subject),
            verdict_line(before),
            verdict_line(after),
            rule,
        ];
        table.add_row(row);
    }
    table.to_string()
}

fn verdict_line(verdict: &Verdict) -> String {
    match &verdict.folder {
        Some(folder) => format!("{} ({folder})", verdict.category),
        None => verdict.category.clone(),
    }
}

/// The actions of `history`.
pub(super) fn history(all: &[Action], why: bool) -> String {
    let mut table = table(&["#", "when", "what", "mail", "category", "cause", ""]);
    let of_account = |action: &&Action| !matches!(action.effect, Effect::Alert { .. } | Effect::Held { .. });
    let accounts: BTreeSet<&str> = all.iter().filter(of_account).map(|action| action.lane.as_str()).collect();
    for action in all {
        // with one account there is nothing to tell apart
        let account = if accounts.len() > 1 && of_account(&action) {
            format!("{}: ", one_line(&action.lane))
        } else {
            String::new()
        };
        let what = match (&action.effect, &action.origin) {
            (Effect::File { folder }, Some(origin)) => format!("{origin} → {folder}"),
            (Effect::File { folder }, None) => format!("→ {folder}"),
            (Effect::Alert { channel, alert }, _) => format!("alert by {channel}: {}", one_line(&alert.title)),
            (Effect::Held { alert, .. }, _) => format!("kept back: {}", one_line(&alert.title)),
            (Effect::Draft { letter }, _) => {
                let place = lies(action.place.as_ref());
                format!("draft to {}: {}{place}", one_line(&letter.to), one_line(&letter.subject))
            }
            (Effect::Send { letter, .. }, _) => {
                format!("letter to {}: {}", one_line(&letter.to), one_line(&letter.subject))
            }
            (Effect::Copy { letter, .. }, _) => {
                format!("copy of the letter to {}{}", one_line(&letter.to), lies(action.place.as_ref()))
            }
            (Effect::Flag { set: true }, _) => "flagged".to_owned(),
            (Effect::Flag { set: false }, _) => "flag removed".to_owned(),
        };
        let message = action.message.as_ref();
        let mail = message.and_then(|message| message.message_id.as_deref()).map(one_line).unwrap_or_default();
        let rule =
            message.and_then(|message| message.rule.as_deref()).map_or(String::new(), |rule| format!(" ({rule})"));
        let mut category = message.map(|message| format!("{}{rule}", message.category)).unwrap_or_default();
        for reason in message.iter().filter(|_| why).flat_map(|message| &message.reasons) {
            let _ = write!(category, "\n{}: 「{}」", one_line(&reason.condition), one_line(&reason.saw));
        }
        // what was not needed was not missed
        let needed = !action.error.as_deref().is_some_and(is_no_loss);
        let state = if action.state == State::Done || !needed { "" } else { action.state.word() };
        let error = action.error.as_deref().map_or(String::new(), |error| format!(" {}", one_line(error)));
        let cause = crate::cli::history::cause(action).to_owned();
        let what = format!("{account}{what}");
        table.add_row([action.id.to_string(), at(action.at), what, mail, category, cause, format!("{state}{error}")]);
    }
    table.to_string()
}

/// Where a letter was laid, in brackets.
fn lies(place: Option<&Place>) -> String {
    place.map_or(String::new(), |place| format!(" ({}, UID {})", one_line(&place.mailbox), place.uid))
}

/// The rules of `rules list`.
pub(super) fn rules(list: &[Listed]) -> String {
    let mut table = table(&["category", "rule", "rank", "file", ""]);
    for rule in list {
        table.add_row([
            rule.category.clone(),
            rule.name.clone(),
            rule.rank.to_string(),
            format!("{}:{}", rule.file, rule.line),
            match &rule.inherits {
                Some(name) if rule.enabled => format!("changes `{name}`"),
                _ => state(rule.replaces.as_deref(), rule.enabled),
            },
        ]);
    }
    table.to_string()
}

/// The folders of `rules list`.
pub(super) fn folders(list: &[(&str, &str)]) -> String {
    let mut table = table(&["category", "folder"]);
    for (category, folder) in list {
        table.add_row([*category, *folder]);
    }
    table.to_string()
}

/// The extractors of `rules list`.
pub(super) fn extractors(list: &[ListedExtractor]) -> String {
    let mut table = table(&["extractor", "reads", "file", ""]);
    for one in list {
        let place = format!("{}:{}", one.file, one.line);
        table.add_row([one.name.clone(), one.keys.join(", "), place, state(one.replaces.as_deref(), one.enabled)]);
    }
    table.to_string()
}

fn state(replaces: Option<&str>, enabled: bool) -> String {
    match (replaces, enabled) {
        (_, false) => "off".to_owned(),
        (Some(file), true) => format!("instead of {file}"),
        (None, true) => String::new(),
    }
}

/// Folders with their counts, as a tree.
pub(super) fn tree(folders: &BTreeMap<String, usize>) -> String {
    let mut out = String::new();
    let mut shown: Vec<String> = Vec::new();
    for (name, count) in folders {
        let parts: Vec<&str> = name.split('/').collect();
        for depth in 1..parts.len() {
            let parent = parts.get(..depth).unwrap_or_default().join("/");
            if !shown.contains(&parent) && !folders.contains_key(&parent) {
                let _ = writeln!(out, "{}{}", "  ".repeat(depth), parts.get(depth - 1).unwrap_or(&""));
                shown.push(parent);
            }
        }
        shown.push(name.clone());
        let leaf = parts.last().copied().unwrap_or_default();
        let pad = 30_usize.saturating_sub(parts.len() * 2 + unicode_width::UnicodeWidthStr::width(leaf));
        let _ = writeln!(out, "{}{leaf}{}{count:>6}", "  ".repeat(parts.len()), " ".repeat(pad));
    }
    out
}

/// How long each alert took.
pub(super) fn latencies(latencies: &[Latency]) -> String {
    let mut table = table(&["alert", "channel", "seen to accepted"]);
    for one in latencies {
        let ms = one.accepted.duration_since(one.seen).as_millis();
        table.add_row([one_line(&one.title), one.channel.clone(), format!("{ms} ms")]);
    }
    table.to_string()
}

/// What a sweep did.
pub(super) fn swept(mailbox: &Mailbox, swept: &Swept, acting: Acting) -> String {
    let head = format!(
        "{} {}: {}, {} known before",
        mailbox.account.name,
        mailbox.name,
        count(swept.seen, "mail"),
        swept.known
    );
    let would = if acting == Acting::DryRun { "would go to" } else { "to" };
    let mut table = table(&["category", "mails", would]);
    for ((category, folder), number) in &swept.folders {
        table.add_row([category.clone(), number.to_string(), folder.clone().unwrap_or_else(|| "(stays)".to_owned())]);
    }
    let alerts = if swept.alerts > 0 { format!("\n{}", count(swept.alerts, "alert")) } else { String::new() };
    let poison = if swept.poison > 0 {
        format!("\n{} could not be understood at all and stay where they are", count(swept.poison, "mail"))
    } else {
        String::new()
    };
    format!("{}\n{table}{alerts}{poison}", title(&head))
}

/// What a sweep did, for programs.
pub(super) fn swept_json(mailbox: &Mailbox, swept: &Swept) -> Value {
    let folders: Vec<Value> = swept
        .folders
        .iter()
        .map(|((category, folder), number)| json!({ "category": category, "folder": folder, "mails": number }))
        .collect();
    json!({
        "account": mailbox.account.name, "mailbox": mailbox.name, "seen": swept.seen, "known": swept.known,
        "alerts": swept.alerts, "poison": swept.poison, "folders": folders,
    })
}

/// One line of a dry run.
pub(super) fn planned(planned: &Planned) -> String {
    format!(
        "UID {:>6}  {:<13} → {}  {DIM}{}{DIM:#}",
        planned.place.uid,
        planned.category,
        planned.folder.as_deref().unwrap_or("(stays)"),
        planned.rule.as_deref().unwrap_or("")
    )
}

/// One line of a dry run, for programs.
pub(super) fn planned_json(planned: &Planned) -> Value {
    json!({
        "account": planned.place.account, "mailbox": planned.place.mailbox, "uid": planned.place.uid,
        "category": planned.category, "rule": planned.rule, "folder": planned.folder,
    })
}

/// What is still open or was given up, and whether something went wrong.
pub(super) fn left_over(left: &[LeftOver]) -> (String, bool) {
    let line = |one: &LeftOver| {
        let why = one.why.as_deref().unwrap_or("not yet done");
        let what = if one.given_up { "given up" } else { "will be tried again" };
        format!("{}, {what}: {why}", count(one.effects as usize, "effect"))
    };
    let bad = left.iter().any(|one| one.given_up || one.why.is_some());
    (left.iter().map(line).collect::<Vec<_>>().join("\n"), bad)
}

/// A progress bar with rate and remaining time; silent when standard error is not a terminal.
pub(super) fn bar(thing: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {thing}  {{per_sec}}  {{eta}} left"));
    let bar = ProgressBar::new(0);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_mail_writes_a_line_or_a_mark_of_its_own() {
        assert_eq!(one_line("a\r\nb\u{2028}c\u{2029}d\te"), "a b c d e");
        assert_eq!(one_line("\u{1b}[2J\u{7}shop\u{9b}2J"), "[2Jshop2J");
        assert_eq!(one_line("\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{e0041}"), "gpj.exe");
        assert_eq!(one_line(&"店".repeat(10_000)), format!("{}...", "店".repeat(160)));
    }
}
