//! The calendar file (iCalendar, RFC 5545): what waits, as entries that a calendar app shows.
//!
//! It follows from the ledger alone: the same ledger gives the same bytes, and an entry keeps its UID as long as it is
//! about the same thing. What is done is left out: a calendar that follows the file or the feed takes it away by itself.
//! Times are written in Asia/Tokyo, whose definition comes with the file: a calendar must hold at least one component
//! (RFC 5545, 3.4), so that one with no entry is good, too.

use super::hot::Announced;
use super::link::click_target;
use super::wanted::{Want, Wanted};
use crate::calendar::civil;
use crate::ledger::coupon::Owned;
use crate::ledger::due::Settings;
use crate::ledger::{Case, NextStep, agenda};
use crate::wording::{Labels, Language};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// Most octets of a line, its end not counted (RFC 5545, 3.1).
const LINE: usize = 75;
/// Most characters of a value.
const VALUE: usize = 200;
/// The alarm before goods are sold again, in minutes.
const ALARM: u8 = 10;
/// The label of goods that are sold again.
const SALE: &str = "what.sale";
/// A shopper's own list of orders.
const ORDERS: &str = "https://order.my.rakuten.co.jp/";

/// What the shopper thinks of announced goods.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Muted goods stand in no calendar.
    pub wanted: Arc<Wanted>,
    /// Only the sale of goods that are waited for rings before.
    pub only_wanted: bool,
}

/// An entry of the calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about, and stays so: order and step, coupon, or sale.
    about: String,
    /// The name of its label.
    what: &'static str,
    /// When.
    at: Timestamp,
    /// When it was last told something of it.
    told: Timestamp,
    /// Nobody stated the time.
    assumed: bool,
    /// Rings before.
    alarm: bool,
    order: Option<String>,
    shop: Option<String>,
    goods: Option<String>,
    points: Option<u64>,
    worth: Option<Worth>,
    url: Option<String>,
}

/// What a coupon is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Yen(u64),
    Percent(u64),
}

/// What waits of an order.
#[must_use]
pub fn of_case(case: &Case, settings: &Settings) -> Vec<Entry> {
    let told = case.evidence.iter().map(|one| one.date).chain(case.answered_at).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let order = case.order_number.to_string();
    let assumed = |step| {
        let key = match step {
            NextStep::Reply => "reply_by",
            NextStep::Pay => "pay_by",
            NextStep::Spend => "spend_by",
            NextStep::Claim => "late_claim_until",
            _ => return false,
        };
        case.assumed.contains(&key)
    };
    let dates = agenda::dates(case, settings).into_iter();
    let dates = dates.map(|(step, at)| (step, if is_rung(step) { at } else { last_moment(at) }));
    let waits = dates.filter(|(step, at)| is_rung(*step) || waits(*at, case.seen_at));
    waits
        .map(|(step, at)| Entry {
            about: format!("{order} {}", agenda::word(step)),
            what: label(step),
            at,
            told,
            assumed: assumed(step),
            alarm: false,
            order: Some(order.clone()),
            shop: case.shop().map(str::to_owned),
            goods: case.items.first().map(|item| item.name.clone()),
            points: case.points.outstanding.filter(|points| *points > 0),
            worth: None,
            url: Some(ORDERS.to_owned()),
        })
        .collect()
}

/// The end of a coupon.
#[must_use]
pub fn of_coupon(coupon: &Owned, now: Timestamp) -> Option<Entry> {
    let at = coupon.coupon.expires_at.map(last_moment).filter(|at| waits(*at, now))?;
    let worth = coupon.coupon.amount_yen.map(Worth::Yen).or(coupon.coupon.percent.map(Worth::Percent));
    Some(Entry {
        about: format!("coupon {}", coupon.identity()),
        what: label(NextStep::UseCoupon),
        at,
        told: coupon.since,
        assumed: false,
        alarm: false,
        order: coupon.order.as_ref().map(ToString::to_string),
        shop: coupon.shop_code.clone(),
        goods: None,
        points: None,
        worth,
        url: coupon.coupon.url.as_deref().and_then(click_target),
    })
}

/// Goods that are sold again, unless they are muted.
#[must_use]
pub fn of_sale(sale: &Announced, wishes: &Wishes, now: Timestamp) -> Option<Entry> {
    let want = wishes.wanted.of_sale(&sale.items, sale.shop_code.as_deref(), now);
    if want == Want::Muted {
        return None;
    }
    let first = sale.items.first();
    let goods = first.map(|item| item.name.clone());
    waits(sale.from, now).then(|| Entry {
        // another time is another sale
        about: format!(
            "sale {} {} {}",
            sale.shop_code.as_deref().unwrap_or_default(),
            goods.as_deref().unwrap_or_default(),
            sale.from.as_second()
        ),
        what: SALE,
        at: sale.from,
        told: sale.told,
        assumed: false,
        alarm: !wishes.only_wanted || want != Want::Neither,
        order: None,
        shop: sale.shop_code.clone(),
        goods,
        points: None,
        worth: None,
        url: first.and_then(|item| item.url.as_deref()).and_then(click_target),
    })
}

/// What has a time to be done after; it waits until it is done.
fn is_rung(step: NextStep) -> bool {
    matches!(step, NextStep::Look | NextStep::AskShop | NextStep::AskRakuten | NextStep::CheckCoupon)
}

/// Until the end of its day: what is over is taken out at midnight, not while one looks.
fn waits(at: Timestamp, now: Timestamp) -> bool {
    civil(at).date() >= civil(now).date()
}

/// A deadline at 0:00 is the end of the day before: "until 24:00 of the 4th".
fn last_moment(at: Timestamp) -> Timestamp {
    let midnight = civil(at).time() == jiff::civil::Time::midnight();
    if midnight { at.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(at) } else { at }
}

fn label(step: NextStep) -> &'static str {
    match step {
        NextStep::Reply => "what.reply",
        NextStep::Pay => "what.pay",
        NextStep::Look => "what.look",
        NextStep::CheckCoupon => "what.check-coupon",
        NextStep::AskShop => "what.ask-shop",
        NextStep::AskRakuten => "what.ask-rakuten",
        NextStep::Spend => "what.spend",
        NextStep::UseCoupon => "what.use-coupon",
        NextStep::Claim => "what.claim",
        NextStep::Protect => "what.protect",
    }
}

/// The file. Without `details` neither order numbers nor shops nor goods nor sums stand in it, and no link that tells
/// them.
#[must_use]
pub fn write(entries: &[Entry], labels: &Labels, language: Language, details: bool) -> String {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|one, other| (one.at, &one.about).cmp(&(other.at, &other.about)));
    // two mails may tell of one thing
    sorted.dedup_by(|one, other| one.about == other.about);
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        format!("PRODID:-//modori//modori//{}", language.folder().to_ascii_uppercase()),
        "CALSCALE:GREGORIAN".to_owned(),
        text("NAME", labels.get("title")),
        text("X-WR-CALNAME", labels.get("title")),
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H".to_owned(),
        "X-PUBLISHED-TTL:PT1H".to_owned(),
    ];
    lines.extend(TOKYO.iter().map(|line| (*line).to_owned()));
    for entry in sorted {
        event(&mut lines, entry, labels, details);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// UTC+9, without daylight saving time since 1952.
const TOKYO: [&str; 9] = [
    "BEGIN:VTIMEZONE", "TZID:Asia/Tokyo", "BEGIN:STANDARD", "DTSTART:19520101T000000", "TZOFFSETFROM:+0900",
    "TZOFFSETTO:+0900", "TZNAME:JST", "END:STANDARD", "END:VTIMEZONE",
];

fn event(lines: &mut Vec<String>, entry: &Entry, labels: &Labels, details: bool) {
    let digest = Sha256::digest(&entry.about);
    let uid = digest.iter().take(16).fold(String::new(), |mut uid, byte| {
        let _ = write!(uid, "{byte:02x}");
        uid
    });
    // what is told later has a higher number; it follows from the ledger, as all of the file does
    let minutes = entry.told.as_second().div_euclid(60).saturating_sub(FIRST_MINUTE).clamp(0, i64::from(i32::MAX));
    let told = entry.told.strftime("%Y%m%dT%H%M%SZ");
    let mut summary = labels.get(entry.what).to_owned();
    if let Some(name) = entry.goods.as_ref().filter(|_| entry.what == SALE).or(entry.shop.as_ref()).filter(|_| details)
    {
        summary = labels.with("summary", &[("what", &summary), ("name", &plain(name))]);
    }
    lines.push("BEGIN:VEVENT".to_owned());
    lines.push(format!("UID:{uid}@modori"));
    lines.push(format!("DTSTAMP:{told}"));
    lines.push(format!("LAST-MODIFIED:{told}"));
    lines.push(format!("SEQUENCE:{minutes}"));
    let at = civil(entry.at);
    if at.time() == jiff::civil::time(23, 59, 59, 0) {
        // the day as a whole; its end may be left out (RFC 5545, 3.6.1)
        lines.push(format!("DTSTART;VALUE=DATE:{}", at.strftime("%Y%m%d")));
    } else {
        lines.push(format!("DTSTART;TZID=Asia/Tokyo:{}", at.strftime("%Y%m%dT%H%M%S")));
    }
    lines.push(text("SUMMARY", &summary));
    lines.push(text("DESCRIPTION", &description(entry, labels, details)));
    lines.extend(entry.url.as_ref().filter(|_| details).map(|url| format!("URL:{url}")));
    lines.push("TRANSP:TRANSPARENT".to_owned());
    if entry.alarm {
        lines.push("BEGIN:VALARM".to_owned());
        lines.push("ACTION:DISPLAY".to_owned());
        lines.push(format!("TRIGGER:-PT{ALARM}M"));
        lines.push(text("DESCRIPTION", &summary));
        lines.push("END:VALARM".to_owned());
    }
    lines.push("END:VEVENT".to_owned());
}

/// 2020-01-01T00:00:00Z, in minutes since 1970.
const FIRST_MINUTE: i64 = 26_297_280;

fn description(entry: &Entry, labels: &Labels, details: bool) -> String {
    let mut out = Vec::new();
    if details {
        let mut tell = |name: &str, value: Option<String>| {
            out.extend(value.map(|value| labels.with(name, &[("value", &plain(&value))])));
        };
        tell("detail.order", entry.order.clone());
        tell("detail.shop", entry.shop.clone());
        tell("detail.goods", entry.goods.clone());
        tell("detail.points", entry.points.map(|points| points.to_string()));
        match entry.worth {
            Some(Worth::Yen(yen)) => tell("detail.yen", Some(yen.to_string())),
            Some(Worth::Percent(percent)) => tell("detail.percent", Some(percent.to_string())),
            None => {}
        }
    }
    if entry.assumed {
        out.push(labels.get("assumed").to_owned());
    }
    out.push(labels.get("by").to_owned());
    out.join("\n")
}

/// Words of a mail: one line, nothing that steers a screen, not too many.
fn plain(words: &str) -> String {
    let steers = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    let spaced: String = words.chars().filter(|c| !steers(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let spaced = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if spaced.chars().count() > VALUE { spaced.chars().take(VALUE).chain("...".chars()).collect() } else { spaced }
}

/// A property whose value is text (RFC 5545, 3.3.11).
fn text(name: &str, value: &str) -> String {
    let mut out = format!("{name}:");
    for c in value.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A line with its end, in pieces of at most 75 octets; a character is never torn.
fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + line.len() / 35 + 2);
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE {
            out.push_str("\r\n ");
            octets = 1;
        }
        out.push(c);
        octets += c.len_utf8();
    }
    out.push_str("\r\n");
    out
}

/// When a calendar may look different although nothing new is known: at the next midnight of Tokyo.
#[must_use]
pub fn changes_at(now: Timestamp) -> Timestamp {
    crate::calendar::end_of_day(civil(now).date())
        .saturating_add(SignedDuration::from_secs(1))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
