//! Japanese dates and times (domain document 9.1), over text in normal form. Relative words count from the mail's own
//! date in Tokyo. What is vague stays a day or has low confidence; what cannot be a date is none.

use super::Confidence;
use super::money::kanji;
use super::pattern::patterns;
use crate::calendar::{civil, end_of_day, instant};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use std::ops::Range;

patterns! {
    DAY = r"(?x)
        (?: (?P<y>20[0-9]{2}) \s?(?:年|[-/.]) \s?(?P<ym>[0-9]{1,2}) \s?(?:月|[-/.]) \s?(?P<yd>[0-9]{1,2}) \s?日?
          | (?:令和|r) \s?(?P<era>元|[0-9]{1,2}) \s?(?:年|[-/.]) \s?(?P<em>[0-9]{1,2}) \s?(?:月|[-/.]) \s?(?P<ed>[0-9]{1,2}) \s?日?
          | (?P<sy>[0-9]{2}) / (?P<sm>[0-9]{1,2}) / (?P<sd>[0-9]{1,2})
          | (?P<m>[0-9]{1,2}) \s?月 \s?(?P<d>[0-9]{1,2}) \s?日
          | (?P<km>[一二三四五六七八九十]{1,2}) 月 (?P<kd>[一二三四五六七八九十]{1,3}) 日
          | (?P<om>[0-9]{1,2}) / (?P<od>[0-9]{1,2})
          | (?P<konly>[一二三四五六七八九十]{1,3}) 日
          | (?P<only>[0-9]{1,2}) \s?日
          | (?P<word>本日|今日|今夜|今晩|明後日|明日|明晩|翌日|あさって|今月末|月末|当日)
          | (?P<eng>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s[0-9]{1,2},?\s20[0-9]{2})
          | (?P<engm>(?:january|february|march|april|may|june|july|august|september|october|november|december|jan\.|feb\.|nov\.|dec\.|oct\.|sep\.)\s[0-9]{1,2}(?-u:\b))
        )";
    WORD = r"^\w";
    WEEKDAY = r"^\s?(?:[\(\[<]\s?(月|火|水|木|金|土|日)(?:曜日|曜)?(?:[・/]?祝日?)?\s?[\)\]>]|(月|火|水|木|金|土|日)曜日?|\((mon|tue|wed|thu|fri|sat|sun)[a-z]*\))";
    TIME = r"(?x)^
        (?P<gap>\s?(?:の|,|、|:|/|at)?\s?)
        (?P<half>午前|午後|am|pm|昼|夜|朝|夕方|深夜|未明)?\s?
        (?: (?P<h>[0-9]{1,2}) \s?(?: : \s?(?P<m>[0-9]{2}) (?::[0-9]{2})? | 時 \s?(?: (?P<jm>[0-9]{1,2}) \s?分 | (?P<quarter>半) )? )
          | (?P<bare>[0-9]{1,2}) \s? (?P<mark>am|pm|a\.m\.|p\.m\.)
          | (?P<kh>[一二三四五六七八九十〇]{1,3})時 (?: (?P<km>[一二三四五六七八九十]{1,3})分 | (?P<kquarter>半) )?
          | (?P<noon>正午) )
        \s?(?P<after>am|pm)?";
    /// 3 p.m. on Friday, …; noon on …: the hour before the day.
    HOUR_BEFORE = r"(?:(?P<noon>noon)|(?P<h>[0-9]{1,2})(?::(?P<m>[0-9]{2}))?\s?(?P<mark>am|pm|a\.m\.|p\.m\.))(?:\s(?:jst\s)?on|,)?\s(?:(?:mon|tues?|wednes|thurs|fri|satur|sun)day,?\s)?$";
    NEXT = r"翌\s?(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})";
    SPAN = r"(?:(?P<h>[0-9]{1,3})時間(?:限定|以内|限り)?|(?:本日より|本日から|受信後|メール到着後|到着後)?\s?(?P<d>[0-9]{1,2})日(?:間)?(?:以内|間限定|間有効))";
}

/// Most dates that are read of one text.
const MOST: usize = 300;

/// A date, perhaps with a time, read in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) range: Range<usize>,
    pub(super) day: Date,
    /// Hours (0 to 29) and minutes, if given.
    pub(super) time: Option<(i8, i8)>,
    /// `まで`, `限り` and the like follow.
    pub(super) until: bool,
    /// `から`, `より`, `~`, `スタート` and the like follow.
    pub(super) from: bool,
    pub(super) confidence: Confidence,
}

impl Stamp {
    /// The instant named: of a bare day its beginning. Hours above 23 belong to the next day.
    pub(super) fn start(&self) -> Timestamp {
        let (hour, minute) = self.time.unwrap_or((0, 0));
        at(self.day, hour, minute, 0)
    }

    /// The last second: of a bare day 23:59:59; `23:59` and `1:59` last their whole minute.
    pub(super) fn end(&self) -> Timestamp {
        match self.time {
            None => end_of_day(self.day),
            Some((hour, minute)) => at(self.day, hour, minute, if minute == 59 { 59 } else { 0 }),
        }
    }
}

fn at(day: Date, hour: i8, minute: i8, second: i8) -> Timestamp {
    let (days, hour) = (hour / 24, hour % 24);
    let day = day.checked_add(i32::from(days).days()).unwrap_or(day);
    instant(day.at(hour, minute, second, 0))
}

/// Whether a text can hold a date: most lines cannot, and no pattern needs to run over them.
pub(super) fn may_name_a_day(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
        || text.contains('日')
        || ["今夜", "今晩", "明晩", "あさって", "月末"].iter().any(|word| text.contains(word))
}

/// All dates of a text, in order of their places.
pub(super) fn stamps(text: &str, base: Timestamp) -> Vec<Stamp> {
    if !may_name_a_day(text) {
        return Vec::new();
    }
    let today = civil(base).date();
    let mut found: Vec<Stamp> = Vec::new();
    let mut from = 0;
    for _ in 0..MOST {
        let Some(captures) = DAY.captures_at(text, from) else { break };
        let Some(all) = captures.get(0) else { break };
        // december 4日: DAY knows no word but of English letters, or its search would be slow
        if captures.name("engm").is_some() && text.get(all.end()..).is_some_and(|rest| WORD.is_match(rest)) {
            from = all.start() + 1;
            continue;
        }
        from = all.end();
        if found.last().is_some_and(|last| all.start() < last.range.end) {
            continue;
        }
        if let Some(stamp) = stamp(text, &captures, all.range(), today) {
            found.push(stamp);
        }
    }
    // 12/10 20:00~翌1:59: the day after the date before it
    let next = text.contains('翌').then(|| NEXT.captures_iter(text));
    for captures in next.into_iter().flatten().take(MOST) {
        let (Some(all), Some((hour, minute))) = (captures.get(0), clock(&captures)) else { continue };
        let before = found.iter().filter(|stamp| stamp.range.end <= all.start()).max_by_key(|stamp| stamp.range.end);
        let near = before.filter(|stamp| all.start() - stamp.range.end < 60);
        let day = near.map_or(today, |stamp| stamp.day);
        let confidence = if near.is_some() { Confidence::High } else { Confidence::Low };
        let (until, from) = follows(text.get(all.end()..).unwrap_or_default());
        let Ok(day) = day.checked_add(1.day()) else { continue };
        found.push(Stamp { range: all.range(), day, time: Some((hour, minute)), until, from, confidence });
    }
    let span = (text.contains("時間") || text.contains('日')).then(|| SPAN.captures_iter(text));
    for captures in span.into_iter().flatten().take(MOST) {
        let Some(all) = captures.get(0) else { continue };
        let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<i32>().ok());
        let stamp = match (number("h"), number("d")) {
            (Some(hours), _) => {
                let end = civil(base.checked_add(hours.hours()).unwrap_or(base));
                Some((end.date(), Some((end.hour(), end.minute()))))
            }
            (_, Some(days)) => today.checked_add(days.days()).ok().map(|day| (day, None)),
            _ => None,
        };
        if let Some((day, time)) = stamp
            && !found.iter().any(|one| one.range.start < all.end() && all.start() < one.range.end && one.time.is_some())
        {
            found.retain(|one| one.range.end <= all.start() || one.range.start >= all.end());
            let range = all.range();
            found.push(Stamp { range, day, time, until: true, from: false, confidence: Confidence::Low });
        }
    }
    found.sort_by_key(|stamp| stamp.range.start);
    found
}

fn clock(captures: &regex::Captures<'_>) -> Option<(i8, i8)> {
    let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<i8>().ok());
    let (hour, minute) = (number("h")?, number("m").unwrap_or(0));
    ((0..=29).contains(&hour) && (0..60).contains(&minute)).then_some((hour, minute))
}

/// What follows a date: an end, a beginning.
fn follows(after: &str) -> (bool, bool) {
    let after = after.trim_start_matches([' ', ')', ']', '】']).trim_start_matches("いっぱい");
    let until =
        ["まで", "まで", "限り", "〆", "締", "必着", "が期限", "が締"].iter().any(|word| after.starts_with(word));
    let from = [
        "から", "より", "~", "スタート", "start", "開始", "に販売", "に再", "の再", "再販", "発売", "販売", "に発売",
        "に開始",
    ]
    .iter()
    .any(|word| after.starts_with(word));
    (until, from)
}

fn stamp(text: &str, captures: &regex::Captures<'_>, mut range: Range<usize>, today: Date) -> Option<Stamp> {
    let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<i16>().ok());
    let japanese = |name: &str| captures.name(name).and_then(|n| kanji(n.as_str())).and_then(|n| i8::try_from(n).ok());
    let small = |name: &str| number(name).and_then(|n| i8::try_from(n).ok());
    let has = |name: &str| captures.name(name).is_some();
    let before = text.get(..range.start).unwrap_or_default();
    let rest = text.get(range.end..).unwrap_or_default();
    // part of a longer number or of a path
    let digit = |c: char| c.is_ascii_digit();
    let first_is_digit = text.get(range.start..).is_some_and(|t| t.starts_with(digit));
    if first_is_digit && before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.' | ',')) {
        return None;
    }
    let last_is_digit = text.get(..range.end).is_some_and(|t| t.ends_with(digit));
    if last_is_digit && rest.starts_with(digit)
        || (rest.starts_with(['/', '-']) && rest.get(1..).is_some_and(|r| r.starts_with(digit)))
    {
        return None;
    }
    let weekday = WEEKDAY.captures(rest);
    let named =
        weekday.as_ref().and_then(|found| (1..=3).find_map(|n| found.get(n))).and_then(|day| week(day.as_str()));
    let mut end = range.end;
    if let Some(found) = weekday.as_ref().and_then(|found| found.get(0)) {
        end += found.end();
    }
    let tail = text.get(end..).unwrap_or_default();
    let time = time(tail);
    let mut time_of_day = None;
    if let Some((length, hour, minute)) = time {
        end += length;
        time_of_day = Some((hour, minute));
    }
    let (until, from) = follows(text.get(end..).unwrap_or_default());
    if time_of_day.is_none()
        && (has("eng") || has("engm"))
        && let Some((start, hour, minute)) = hour_before(before)
    {
        range.start = start;
        time_of_day = Some((hour, minute));
    }

    let mut confidence = Confidence::High;
    let day = if has("y") {
        Date::new(number("y")?, small("ym")?, small("yd")?).ok()?
    } else if has("era") {
        let year = if captures.name("era").is_some_and(|era| era.as_str() == "元") { 1 } else { number("era")? };
        Date::new(2018 + year, small("em")?, small("ed")?).ok()?
    } else if has("sy") {
        Date::new(2000 + number("sy")?, small("sm")?, small("sd")?).ok()?
    } else if has("m") || has("km") || has("om") {
        let (month, day) = if has("m") {
            (small("m")?, small("d")?)
        } else if has("km") {
            (japanese("km")?, japanese("kd")?)
        } else {
            // a fraction or a page (1/2), unless something says that it is a date
            if named.is_none() && time_of_day.is_none() && !until && !from {
                return None;
            }
            (small("om")?, small("od")?)
        };
        let (day, sure) = in_some_year(month, day, named, today)?;
        if !sure {
            confidence = Confidence::Low;
        }
        day
    } else if has("only") {
        // 11日(金): a day without its month needs its weekday
        let weekday = named?;
        on_weekday(small("only")?, weekday, today)?
    } else if has("konly") {
        let weekday = named?;
        on_weekday(japanese("konly")?, weekday, today)?
    } else if has("engm") {
        let words = captures.name("engm")?.as_str();
        let (month, day) = words.split_once(' ')?;
        let (day, sure) = in_some_year(month_of(month)?, day.parse().ok()?, None, today)?;
        if !sure {
            confidence = Confidence::Low;
        }
        day
    } else if has("eng") {
        english(captures.name("eng")?.as_str())?
    } else {
        let word = captures.name("word")?.as_str();
        match word {
            "明日" | "明晩" | "翌日" => today.checked_add(1.day()).ok()?,
            "明後日" | "あさって" => today.checked_add(2.days()).ok()?,
            "今月末" | "月末" => today.last_of_month(),
            "当日" => {
                confidence = Confidence::Low;
                today
            }
            _ => today,
        }
    };
    if let (Some(named), true) = (named, has("y") || has("era") || has("sy")) {
        // a full date with a wrong weekday: one of them is a typo
        if day.weekday() != named {
            confidence = Confidence::Low;
        }
    }
    if let (Some(word), Some((hour, minute))) = (captures.name("word"), time_of_day) {
        // 今夜8時, 明晩9時: the evening is meant
        if matches!(word.as_str(), "今夜" | "今晩" | "明晩") && (1..12).contains(&hour) {
            time_of_day = Some((hour + 12, minute));
        }
    }
    if time_of_day == Some((0, 0)) && until {
        confidence = Confidence::Low; // the beginning of that day, or its end in careless texts
    }
    range.end = end;
    Some(Stamp { range, day, time: time_of_day, until, from, confidence })
}

/// A time right behind a date: its length, hours (0 to 29) and minutes.
fn time(tail: &str) -> Option<(usize, i8, i8)> {
    let captures = TIME.captures(tail)?;
    let all = captures.get(0)?;
    let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<i8>().ok());
    let (mut hour, mut minute) = if captures.name("noon").is_some() {
        (12, 0)
    } else if let Some(kanji_hour) = captures.name("kh") {
        let minute = captures.name("km").and_then(|minute| i8::try_from(kanji(minute.as_str())?).ok());
        let hour = kanji(kanji_hour.as_str()).filter(|_| kanji_hour.as_str() != "〇")?;
        (i8::try_from(hour).ok()?, minute.unwrap_or(0))
    } else {
        (number("h").or_else(|| number("bare"))?, number("m").or_else(|| number("jm")).unwrap_or(0))
    };
    if captures.name("quarter").or_else(|| captures.name("kquarter")).is_some() {
        minute = 30;
    }
    let half = ["half", "after", "mark"].iter().find_map(|name| captures.name(name)).map(|half| half.as_str());
    match half {
        Some("午後" | "pm" | "p.m." | "夕方") if hour < 12 => hour += 12,
        Some("夜") if (5..12).contains(&hour) => hour += 12,
        Some("昼") if (1..5).contains(&hour) => hour += 12,
        Some("午前" | "am" | "a.m.") if hour == 12 => hour = 0,
        Some("深夜") if hour < 5 => hour += 24,
        _ => {}
    }
    ((0..=29).contains(&hour) && (0..60).contains(&minute)).then_some((all.end(), hour, minute))
}

/// The hour that stands right before an English date: where it begins, hours and minutes.
fn hour_before(before: &str) -> Option<(usize, i8, i8)> {
    let from = before.char_indices().rev().take(40).last().map_or(0, |(at, _)| at);
    let captures = HOUR_BEFORE.captures(before.get(from..)?)?;
    let start = from + captures.get(0)?.start();
    let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<i8>().ok());
    if captures.name("noon").is_some() {
        return Some((start, 12, 0));
    }
    let late = captures.name("mark").is_some_and(|mark| mark.as_str().starts_with('p'));
    let hour = number("h").filter(|hour| (1..=12).contains(hour))? % 12 + if late { 12 } else { 0 };
    Some((start, hour, number("m").unwrap_or(0)))
}

fn week(name: &str) -> Option<Weekday> {
    Some(match name {
        "月" | "mon" => Weekday::Monday,
        "火" | "tue" => Weekday::Tuesday,
        "水" | "wed" => Weekday::Wednesday,
        "木" | "thu" => Weekday::Thursday,
        "金" | "fri" => Weekday::Friday,
        "土" | "sat" => Weekday::Saturday,
        "日" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// The year that puts month and day within −30…+335 days of today; the weekday must fit, else one year off, else it
/// is doubtful.
fn in_some_year(month: i8, day: i8, weekday: Option<Weekday>, today: Date) -> Option<(Date, bool)> {
    let dates: Vec<Date> = (-1..=1).filter_map(|off| Date::new(today.year() + off, month, day).ok()).collect();
    let days = |date: &Date| today.until(*date).map_or(i32::MAX, |span| span.get_days());
    let usual = dates.iter().find(|date| (-30..=335).contains(&days(date))).copied();
    match weekday {
        None => Some((usual.or_else(|| dates.first().copied())?, usual.is_some())),
        Some(weekday) => {
            if let Some(usual) = usual.filter(|date| date.weekday() == weekday) {
                return Some((usual, true));
            }
            let other = dates.iter().find(|date| date.weekday() == weekday).copied();
            match other {
                Some(other) => Some((other, true)),
                None => Some((usual.or_else(|| dates.first().copied())?, false)),
            }
        }
    }
}

/// A day of the month that falls on a weekday: the nearest from today on.
fn on_weekday(day: i8, weekday: Weekday, today: Date) -> Option<Date> {
    (0..12).find_map(|months| {
        let month = today.first_of_month().checked_add(months.months()).ok()?;
        let date = Date::new(month.year(), month.month(), day).ok()?;
        (date.weekday() == weekday && date >= today).then_some(date)
    })
}

fn month_of(name: &str) -> Option<i8> {
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    i8::try_from(months.iter().position(|month| name.starts_with(month))? + 1).ok()
}

fn english(text: &str) -> Option<Date> {
    let mut words = text.split([' ', ',', '.']).filter(|word| !word.is_empty());
    let month = words.next()?.get(..3)?;
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = i8::try_from(months.iter().position(|name| *name == month)? + 1).ok()?;
    let (day, year) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::rfc3339;
    use crate::text::fold;

    /// Mon 30 Nov 2026 18:05 JST, as in the domain document.
    fn base() -> Timestamp {
        "2026-11-30T18:05:00+09:00".parse().unwrap()
    }

    fn ends(text: &str) -> Vec<String> {
        stamps(fold(text).text(), base()).iter().map(|stamp| rfc3339(stamp.end())).collect()
    }

    #[test]
    fn dates_and_times() {
        for (text, expect) in [
            ("11月30日(月)23:59まで", "2026-11-30T23:59:59+09:00"),
            ("１１月３０日（月）２３：５９まで", "2026-11-30T23:59:59+09:00"),
            ("11/30(月)まで", "2026-11-30T23:59:59+09:00"),
            ("11月30日限り", "2026-11-30T23:59:59+09:00"),
            ("本日20時", "2026-11-30T20:00:00+09:00"),
            ("今夜20:00", "2026-11-30T20:00:00+09:00"),
            ("今晩８時", "2026-11-30T20:00:00+09:00"),
            ("本日23:59まで", "2026-11-30T23:59:59+09:00"),
            ("明日20時から", "2026-12-01T20:00:00+09:00"),
            ("明日夜8時", "2026-12-01T20:00:00+09:00"),
            ("12月4日(金)20:00スタート", "2026-12-04T20:00:00+09:00"),
            ("11日(金)1:59まで", "2026-12-11T01:59:59+09:00"),
            ("12月10日(木)25:59まで", "2026-12-11T01:59:59+09:00"),
            ("2026年11月30日", "2026-11-30T23:59:59+09:00"),
            ("2026/11/30", "2026-11-30T23:59:59+09:00"),
            ("2026-11-30", "2026-11-30T23:59:59+09:00"),
            ("26/11/30", "2026-11-30T23:59:59+09:00"),
            ("令和8年11月30日", "2026-11-30T23:59:59+09:00"),
            ("R8.11.30", "2026-11-30T23:59:59+09:00"),
            ("㋿8年11月30日", "2026-11-30T23:59:59+09:00"),
            ("十一月三十日", "2026-11-30T23:59:59+09:00"),
            ("12月31日午後5時", "2026-12-31T17:00:00+09:00"),
            ("1月5日まで", "2027-01-05T23:59:59+09:00"),
            ("1月5日(火)まで", "2027-01-05T23:59:59+09:00"),
            ("明日正午", "2026-12-01T12:00:00+09:00"),
            ("12月4日 24:00まで", "2026-12-05T00:00:00+09:00"),
            ("月末まで", "2026-11-30T23:59:59+09:00"),
            ("2026/11/20 20:01:33", "2026-11-20T20:01:00+09:00"),
            ("本日より7日以内", "2026-12-07T23:59:59+09:00"),
            ("Dec 24, 2026", "2026-12-24T23:59:59+09:00"),
            ("December 4, 5 pm", "2026-12-04T17:00:00+09:00"),
            ("by noon on Friday, December 4", "2026-12-04T12:00:00+09:00"),
            ("by 3:30 p.m. on December 4", "2026-12-04T15:30:00+09:00"),
            ("December 4 at 11 a.m.", "2026-12-04T11:00:00+09:00"),
            ("明日二十時", "2026-12-01T20:00:00+09:00"),
            ("明日二十三時五十九分", "2026-12-01T23:59:59+09:00"),
            ("明日九時半", "2026-12-01T09:30:00+09:00"),
        ] {
            let found = ends(text);
            assert!(found.contains(&expect.to_owned()), "{text}: {found:?}");
        }
    }

    #[test]
    fn ranges_over_midnight() {
        assert_eq!(ends("12/4 20:00〜12/11 1:59"), ["2026-12-04T20:00:00+09:00", "2026-12-11T01:59:59+09:00"]);
        assert_eq!(ends("12/10 20:00～翌1:59まで"), ["2026-12-10T20:00:00+09:00", "2026-12-11T01:59:59+09:00"]);
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "399999-20261120-0123456789", "1/2", "(土日祝除く)", "3枚入り", "2月30日", "02-1234-5678", "100/200",
            "明日〇時", "x/12/4",
        ] {
            let found: Vec<_> = stamps(fold(text).text(), base())
                .into_iter()
                .filter(|one| one.time.is_some() || text != "明日〇時")
                .collect();
            assert_eq!(found, [], "{text}");
        }
    }

    #[test]
    fn a_weekday_decides_or_casts_doubt() {
        let one = |text: &str| stamps(fold(text).text(), base()).remove(0);
        assert_eq!(one("12月4日(金)").confidence, Confidence::High);
        assert_eq!(one("2026年12月4日(土)").confidence, Confidence::Low);
        assert_eq!(stamps("2月29日(月)まで", base()), [], "no such day in any year near");
    }
}
