//! Makes a rule from a mail: telling words, the sender, what was read, and the mail itself as a masked example.
//!
//! A draft is tried before it is shown: it must pass the check with all other rules, decide the very mail it was made
//! from and its own masked example, and leave every shipped example as it was.

mod telling;

use super::mask::Mask;
use super::{Known, Layer, RuleSet, Severity, Source, category, check_layers, judge, read};
use crate::calendar;
use crate::facts::{Confidence, Facts, sheet};
use crate::mail::trust::is_rakuten;
use crate::mail::{Mail, TrustLevel};
use std::fmt::Write as _;
use telling::{Telling, telling};

/// Lines of the mail that are kept in the example.
const MOST_LINES: usize = 60;
/// Links that are written below the text where the text does not show them.
const MOST_LINKS: usize = 8;

/// What the shopper asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The category that such mail shall have; a new one may be named.
    pub category: String,
    /// The rule's name; made from sender and subject when none is given.
    pub name: Option<String>,
    /// The folder of a new category.
    pub folder: Option<String>,
}

/// A rule made from a mail, tried and fit to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The rule's name.
    pub name: String,
    /// The lines at the top of a new file: category and folder.
    pub head: String,
    /// The rule and its example, as TOML with comments.
    pub text: String,
    /// How it was made, one sentence each.
    pub notes: Vec<String>,
}

/// Makes a rule for mail like this one in the last of the layers over the shipped rules.
///
/// # Errors
/// Why no good rule can be made, for people.
pub fn draft(own: &[Layer], mail: &Mail, known: &Known, wish: &Wish) -> Result<Draft, String> {
    let rules =
        RuleSet::load_layers(own).map_err(|_| "the rules have errors; `modori rules check` shows them".to_owned())?;
    let facts = read(&rules, mail);
    let judged = judge(&rules, mail, &facts, known);
    if mail.trust.level == TrustLevel::Suspect {
        return Err("this mail is in quarantine, where no rule is asked; `modori release` takes it back in".into());
    }
    if judged.labels.contains(super::label::OWN) {
        return Err("this mail is your own or modori's; no rule is asked about it".into());
    }
    let mask = masked(mail);
    let words = telling(&rules, mail, &facts, &mask, &wish.category);
    let name = name_of(&rules, mail, &facts, &words, &mask, wish);
    let mut notes = Vec::new();
    if judged.category == wish.category {
        let rule = judged.rule.as_deref().unwrap_or("no rule");
        notes.push(format!("such mail is `{}` already (by `{rule}`); the new rule stands over it", wish.category));
    }
    let before = changed(own);
    let mut last = String::new();
    for tight in [Tight::Domain, Tight::Address, Tight::Everything] {
        let Some(rule) = written(mail, &facts, &words, &mask, &name, tight) else { continue };
        let head = head(&rules, wish);
        let all = with_file(own, Source::new("the new rule", format!("{head}\n{rule}")));
        match tried(&all, mail, known, wish, &name, &before) {
            Ok(()) => {
                notes.extend(tight.told());
                return Ok(Draft { name, head, text: rule, notes });
            }
            Err(why) => last = why,
        }
    }
    Err(format!("no rule could be made that decides this mail and no other: {last}"))
}

/// The layers with one more file in the last of them, instead of one of its name.
#[must_use]
pub fn with_file(own: &[Layer], file: Source) -> Vec<Layer> {
    let mut all = own.to_vec();
    match all.last_mut() {
        Some(last) => {
            last.files.retain(|known| known.name != file.name);
            last.files.push(file);
        }
        None => all.push(Layer::of_files(vec![file])),
    }
    all
}

/// How much a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tight {
    /// The sender's domain and most of the words.
    Domain,
    /// The sender's address and most of the words.
    Address,
    /// The sender's address and every word.
    Everything,
}

impl Tight {
    fn told(self) -> Option<String> {
        let told = match self {
            Self::Domain => return None,
            Self::Address => "it asks for the sender's address, because with the domain alone it caught other mail",
            Self::Everything => "it asks for every word, because with fewer it caught other mail",
        };
        Some(told.to_owned())
    }
}

fn masked(mail: &Mail) -> Mask {
    let recipients: Vec<String> = mail
        .to
        .iter()
        .flat_map(|one| [one.name.clone(), one.addr.split('@').next().unwrap_or_default().to_owned()])
        .chain(is_persons(mail).then(|| mail.from.name.clone()))
        .collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    Mask::of(&[&mail.subject.raw, &mail.body.raw], &recipients)
}

/// A person forwarded it: the sender says nothing of the kind of mail, and is nobody's business.
fn is_persons(mail: &Mail) -> bool {
    mail.inner.is_some() && !is_rakuten(mail.from.domain())
}

/// Why a draft does not do, if it does not.
fn tried(all: &[Layer], mail: &Mail, known: &Known, wish: &Wish, name: &str, before: &[String]) -> Result<(), String> {
    let report = check_layers(all);
    if let Some(found) = report.diagnostics.iter().find(|found| found.severity == Severity::Error) {
        return Err(format!("{} ({})", found.message, found.help));
    }
    let now: Vec<String> = warnings(&report);
    if let Some(more) = now.iter().find(|one| !before.contains(one)) {
        return Err(more.clone());
    }
    let rules = RuleSet::load_layers(all).map_err(|_| "the rules have errors".to_owned())?;
    let facts = read(&rules, mail);
    let verdict = judge(&rules, mail, &facts, known);
    if verdict.category != wish.category || verdict.rule.as_deref() != Some(name) {
        let by = verdict.rule.unwrap_or_default();
        return Err(format!("the mail would be `{}` by the rule `{by}`, which stands over it", verdict.category));
    }
    Ok(())
}

/// What the check warns of: shipped examples that come out otherwise, among others.
fn changed(own: &[Layer]) -> Vec<String> {
    warnings(&check_layers(own))
}

fn warnings(report: &super::Report) -> Vec<String> {
    report.diagnostics.iter().map(|found| found.message.clone()).collect()
}

fn head(rules: &RuleSet, wish: &Wish) -> String {
    let mut head = format!("category = {}\n", quoted(&wish.category));
    let known = rules.categories.iter().any(|one| one.name == wish.category);
    if let Some(folder) = wish.folder.as_ref().filter(|_| !known) {
        let _ = writeln!(head, "folder   = {}", quoted(folder));
    }
    head
}

fn name_of(rules: &RuleSet, mail: &Mail, facts: &Facts, words: &Telling, mask: &Mask, wish: &Wish) -> String {
    if let Some(name) = &wish.name {
        return name.clone();
    }
    let who =
        facts.shop_name.as_ref().filter(|found| found.confidence == Confidence::High).map(|found| found.value.clone());
    let who =
        who.unwrap_or_else(|| if is_persons(mail) { wish.category.clone() } else { mail.from.domain().to_owned() });
    let what = words.subject.first().or(words.body.first()).cloned().unwrap_or_else(|| wish.category.clone());
    let name: String = mask.over(&format!("{who}: {what}")).chars().filter(|c| !c.is_control()).take(60).collect();
    let taken = |name: &str| rules.list().iter().any(|rule| rule.name == name);
    (1..).map(|n| if n == 1 { name.clone() } else { format!("{name} ({n})") }).find(|name| !taken(name)).unwrap_or(name)
}

/// The rule and its example.
fn written(mail: &Mail, facts: &Facts, words: &Telling, mask: &Mask, name: &str, tight: Tight) -> Option<String> {
    let forwarded = is_persons(mail);
    if words.is_empty() && forwarded {
        return None;
    }
    let mut out = String::new();
    let day = mail.date.unwrap_or(mail.received);
    let day = calendar::civil(day).strftime("%Y-%m-%d").to_string();
    let _ = writeln!(
        out,
        "# Made from a mail of {day} by `modori rules new`. Loosen or tighten it as you like, then run `modori rules check`."
    );
    let _ = writeln!(
        out,
        "# {day} のメールから `modori rules new` が作りました。自由に直して `modori rules check` で確かめてください。"
    );
    let _ = writeln!(out, "[[rule]]\nname = {}", quoted(name));
    if !forwarded {
        let _ = writeln!(out, "# who writes; leave it out if others send the same kind of mail");
        let _ = writeln!(out, "# 差出人。ほかの差出人からも同じ種類のメールが届くなら、この行を消してください");
        match tight {
            Tight::Domain => writeln!(out, "from-domain = {}", quoted(mail.from.domain())).ok()?,
            Tight::Address | Tight::Everything => writeln!(out, "from = {}", quoted(&mail.from.addr)).ok()?,
        }
    }
    if !words.is_empty() {
        scored(&mut out, facts, mail, words, tight);
    }
    example(&mut out, mail, mask)?;
    Some(out)
}

fn scored(out: &mut String, facts: &Facts, mail: &Mail, words: &Telling, tight: Tight) {
    let mut lines: Vec<(u32, String)> = Vec::new();
    lines.extend(words.subject.iter().map(|word| (3, format!("subject = {}", quoted(word)))));
    lines.extend(words.body.iter().map(|word| (2, format!("text = {}", quoted(word)))));
    let of_words: u32 = lines.iter().map(|(weight, _)| weight).sum();
    lines.extend(stated(facts, mail).into_iter().map(|test| (1, test)));
    let sum: u32 = lines.iter().map(|(weight, _)| weight).sum();
    let threshold = match tight {
        Tight::Domain | Tight::Address => (sum * 3).div_ceil(5).max(of_words.min(2)),
        Tight::Everything => of_words,
    };
    let _ = writeln!(
        out,
        "# words that tell this mail from others: {threshold} of {sum} points are enough, so one changed word does no harm"
    );
    let _ = writeln!(
        out,
        "# このメールらしい言葉。合計 {sum} 点のうち {threshold} 点で十分なので、言い回しが少し変わっても働きます"
    );
    let _ = writeln!(out, "threshold = {threshold}\nscore = [");
    for (weight, test) in lines {
        let _ = writeln!(out, "  {{ weight = {weight}, {test} }},");
    }
    let _ = writeln!(out, "]");
}

/// Conditions on what was read in the mail.
fn stated(facts: &Facts, mail: &Mail) -> Vec<String> {
    let sheet = sheet::sheet(facts);
    let mut tests = Vec::new();
    let word = |key: &str| sheet.get(key).and_then(|value| value.as_str().map(str::to_owned));
    let inner = |key: &str, field: &str| sheet.get(key)?.get(field)?.as_str().map(str::to_owned);
    for (key, value) in [
        ("cancelled", word("cancelled")),
        ("stage", word("stage")),
        ("stock", word("stock")),
        ("points_return", inner("points_return", "form")),
        ("coupon", inner("coupon", "role")),
    ] {
        tests.extend(value.map(|value| format!("fact = {}", quoted(&format!("{key}:{value}")))));
    }
    if sheet.get("order_number").is_some() {
        tests.push("fact = \"order_number\"".into());
    }
    if mail.links.iter().any(|link| link.host == "item.rakuten.co.jp") {
        tests.push("link-host = \"item.rakuten.co.jp\"".into());
    }
    tests.truncate(3);
    tests
}

fn example(out: &mut String, mail: &Mail, mask: &Mask) -> Option<()> {
    let forwarded = is_persons(mail);
    let address = if forwarded { "hanako@example.jp".to_owned() } else { mail.from.addr.clone() };
    let name = mask.over(&mail.from.name);
    let from = if name.is_empty() { address } else { format!("{name} <{address}>") };
    let body: Vec<&str> = mail.body.raw.lines().take(MOST_LINES).map(str::trim_end).collect();
    let mut body = mask.over(body.join("\n").trim_matches('\n'));
    for link in mail.links.iter().filter(|link| is_rakuten(&link.host)).take(MOST_LINKS) {
        let href = mask.over(&link.href);
        if !body.contains(&href) {
            let _ = write!(body, "\n{href}");
        }
    }
    let _ = writeln!(out, "# the mail itself, without what is personal: `modori rules check` runs it every time");
    let _ = writeln!(out, "# 元のメール（個人情報は伏せてあります）。`modori rules check` が毎回ためします");
    let _ = writeln!(out, "[[rule.example]]\nfrom = {}", quoted(&from));
    let _ = writeln!(out, "subject = {}", quoted(&mask.over(&mail.subject.raw)));
    let date = calendar::rfc3339(mail.date.unwrap_or(mail.received));
    let _ = writeln!(out, "date = {}", quoted(&date));
    if mail.trust.level == TrustLevel::Unverified {
        let _ = writeln!(out, "trust = \"unverified\"");
    }
    let _ = writeln!(out, "body = {}", block(&body));
    Some(())
}

/// A TOML string on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A TOML string over several lines, literal where it can be.
fn block(text: &str) -> String {
    let plain = !text.contains("'''")
        && !text.ends_with('\'')
        && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    if plain {
        return format!("'''\n{text}\n'''");
    }
    let escaped: Vec<String> = text.split('\n').map(|line| quoted(line).trim_matches('"').to_owned()).collect();
    let escaped: Vec<String> = escaped
        .iter()
        .map(|line| if line.ends_with('\\') && !line.ends_with("\\\\") { format!("{line}\"") } else { line.clone() })
        .collect();
    format!("\"\"\"\n{}\n\"\"\"", escaped.join("\n"))
}

/// Whether a category is one that modori gives a meaning to.
#[must_use]
pub fn is_shipped(name: &str) -> bool {
    [
        category::RESTOCK,
        category::CANCELLATION,
        category::POINT_REFUND,
        category::COUPON,
        category::ORDER,
        category::OTHER,
    ]
    .contains(&name)
}
