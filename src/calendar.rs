//! Japanese civil time: Asia/Tokyo, end of day, business days. Knows no clock.

mod holiday;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use std::collections::BTreeSet;

pub use holiday::is_national_holiday;

/// Asia/Tokyo: UTC+9 without daylight saving time since 1952.
#[must_use]
pub fn tokyo() -> TimeZone {
    TimeZone::fixed(Offset::constant(9))
}

/// The civil date and time in Tokyo at an instant.
#[must_use]
pub fn civil(at: Timestamp) -> DateTime {
    tokyo().to_datetime(at)
}

/// The instant of a civil date and time in Tokyo; at either end of the calendar the first or last there is.
#[must_use]
pub fn instant(civil: DateTime) -> Timestamp {
    tokyo().to_timestamp(civil).unwrap_or(if civil.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// 23:59:59 of a day in Tokyo.
#[must_use]
pub fn end_of_day(day: Date) -> Timestamp {
    instant(day.at(23, 59, 59, 0))
}

/// RFC 3339 with `+09:00`, seconds precision.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    civil(at).strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string()
}

/// An instant as a person writes it, in Tokyo unless an offset is written: `2026-07-03` (its first second),
/// `2026-07-03T10:00`, `2026-07-03T10:00:00+09:00`. `None` when it is none.
#[must_use]
pub fn first_second_of(text: &str) -> Option<Timestamp> {
    written(text, |day| day.at(0, 0, 0, 0))
}

/// The same, but a bare day means its last second.
#[must_use]
pub fn last_second_of(text: &str) -> Option<Timestamp> {
    written(text, |day| day.at(23, 59, 59, 0))
}

fn written(text: &str, of_day: impl Fn(Date) -> DateTime) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    // a bare day parses as a date and time too: look for it first
    let has_time = text.contains([':', 'T', ' ']);
    let civil = if has_time { text.parse::<DateTime>() } else { text.parse::<Date>().map(of_day) };
    civil.ok().map(instant)
}

/// A day some days later; stays at the end of the calendar instead of leaving it.
#[must_use]
pub fn days_after(day: Date, days: u16) -> Date {
    day.saturating_add(i64::from(days).days())
}

/// Business days: Monday to Friday without national holidays and the turn of the year. Laws change, so days can be
/// added and taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// Days nobody works, beside those known here.
    pub holidays: BTreeSet<Date>,
    /// Days that are known here as free and are not.
    pub workdays: BTreeSet<Date>,
    /// When nobody works at the turn of the year.
    pub year_end: YearEnd,
    /// A file with more days, for [`Calendar::add_list`]: whoever reads the settings reads it.
    pub file: Option<String>,
}

/// The turn of the year: from a day of the one to a day of the next. Rakuten states no dates for its "New Year period"
/// (domain document, 14), so the default is the span of public offices (行政機関の休日に関する法律, article 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenSpan")]
pub struct YearEnd {
    from: (i8, i8),
    until: (i8, i8),
}

/// `{ from = "12-29", until = "01-03" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSpan {
    from: String,
    until: String,
}

impl Default for YearEnd {
    fn default() -> Self {
        Self { from: (12, 29), until: (1, 3) }
    }
}

impl TryFrom<WrittenSpan> for YearEnd {
    type Error = String;

    fn try_from(written: WrittenSpan) -> Result<Self, String> {
        let day = |text: &str| {
            let (month, day) = text.split_once('-')?;
            let (month, day) = (month.parse().ok()?, day.parse().ok()?);
            Date::new(2024, month, day).is_ok().then_some((month, day)) // a leap year: 29 February is a day, too
        };
        match (day(&written.from), day(&written.until)) {
            (Some(from), Some(until)) if from > until => Ok(Self { from, until }),
            (Some(_), Some(_)) => Err("the turn of the year begins in the old year and ends in the new one".to_owned()),
            _ => Err("write days of a month like \"12-29\"".to_owned()),
        }
    }
}

impl YearEnd {
    fn holds(self, day: Date) -> bool {
        let day = (day.month(), day.day());
        day >= self.from || day <= self.until
    }
}

impl Calendar {
    /// Adds the days of a list: one a line, `2027-05-06` or `2027/5/6`, anything after it is a remark; `!` before a day
    /// makes it a working day. Lines that begin with no digit are passed by, so the list that the Cabinet Office
    /// publishes (syukujitsu.csv) can be taken as it is, whatever its characters are encoded in.
    ///
    /// # Errors
    /// The number of the first line that names a day which does not exist, and what it says.
    pub fn add_list(&mut self, list: &[u8]) -> Result<(), (usize, String)> {
        for (n, line) in list.split(|byte| *byte == b'\n').enumerate() {
            let line = String::from_utf8_lossy(line);
            let line = line.trim().trim_start_matches('\u{feff}');
            let (works, text) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            if !text.starts_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '/')).unwrap_or(text.len());
            let written = text.get(..end).unwrap_or_default();
            let day = parts(written).ok_or_else(|| (n + 1, written.to_owned()))?;
            if works {
                self.workdays.insert(day)
            } else {
                self.holidays.insert(day)
            };
        }
        Ok(())
    }

    /// A national holiday, or a day the settings add.
    #[must_use]
    pub fn is_holiday(&self, day: Date) -> bool {
        !self.workdays.contains(&day) && (self.holidays.contains(&day) || is_national_holiday(day))
    }

    /// Whether offices work on this day.
    #[must_use]
    pub fn is_business_day(&self, day: Date) -> bool {
        let turn_of_the_year = self.year_end.holds(day);
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        self.workdays.contains(&day) || !(weekend || turn_of_the_year || self.is_holiday(day))
    }

    /// The `count`th business day after a day, which itself is not counted; the day itself for 0.
    #[must_use]
    pub fn add_business_days(&self, day: Date, count: u16) -> Date {
        let mut at = day;
        let mut left = count;
        while left > 0 {
            let Ok(next) = at.tomorrow() else { return at };
            at = next;
            if self.is_business_day(at) {
                left -= 1;
            }
        }
        at
    }
}

/// `2027-05-06` or `2027/5/6`.
fn parts(text: &str) -> Option<Date> {
    let mut numbers = text.split(['-', '/']).map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() || !(1900..=9999).contains(&year) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn business_days_skip_weekends_holidays_and_the_turn_of_the_year() {
        let calendar = Calendar::default();
        let cases = [
            (date(2026, 11, 20), 2, date(2026, 11, 25)), // Monday the 23rd is a holiday
            (date(2026, 11, 20), 3, date(2026, 11, 26)),
            (date(2026, 11, 22), 2, date(2026, 11, 25)),
            (date(2026, 11, 22), 3, date(2026, 11, 26)),
            (date(2026, 11, 30), 2, date(2026, 12, 2)),
            (date(2026, 11, 30), 3, date(2026, 12, 3)),
            (date(2026, 12, 25), 2, date(2027, 1, 4)),
            (date(2026, 12, 25), 3, date(2027, 1, 5)),
            (date(2026, 12, 28), 2, date(2027, 1, 5)),
            (date(2026, 12, 28), 3, date(2027, 1, 6)),
            (date(2026, 5, 1), 1, date(2026, 5, 7)), // the substitute of Sunday the 3rd is Wednesday the 6th
            (date(2026, 11, 20), 0, date(2026, 11, 20)),
        ];
        for (from, count, expect) in cases {
            assert_eq!(calendar.add_business_days(from, count), expect, "{from} + {count}");
        }
    }

    #[test]
    fn settings_add_and_take_away_days() {
        let calendar: Calendar =
            toml::from_str("holidays = ['2026-11-24']\nworkdays = ['2026-11-23', '2026-12-29']").unwrap();
        assert!(!calendar.is_business_day(date(2026, 11, 24)));
        assert!(calendar.is_business_day(date(2026, 11, 23)));
        assert!(calendar.is_business_day(date(2026, 12, 29)));
        assert!(toml::from_str::<Calendar>("holiday = []").is_err());
    }

    #[test]
    fn the_turn_of_the_year_is_a_setting() {
        let calendar: Calendar = toml::from_str("year_end = { from = '12-28', until = '01-05' }").unwrap();
        assert_eq!(calendar.add_business_days(date(2026, 12, 25), 1), date(2027, 1, 6));
        for wrong in
            ["{ from = '01-03', until = '12-29' }", "{ from = '12-32', until = '01-03' }", "{ from = '12-29' }"]
        {
            assert!(toml::from_str::<Calendar>(&format!("year_end = {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_of_days_extends_the_calendar() {
        let mut calendar = Calendar::default();
        // the form of the Cabinet Office's file, Shift_JIS names and all, and one's own lines
        let list = b"\x8d\x91\x96\xaf\x82\xcc\x8fj\x93\xfa,\x96\xbc\x8f\xcc\r\n2027/5/6,\x8bx\x93\xfa\r\n# mine\n2026-11-24 closed\n! 2026-11-23\n\n";
        calendar.add_list(list).unwrap();
        assert!(!calendar.is_business_day(date(2027, 5, 6)) && !calendar.is_business_day(date(2026, 11, 24)));
        assert!(calendar.is_business_day(date(2026, 11, 23)));
        assert_eq!(calendar.add_list(b"2026-11-24\n2026-02-30\n"), Err((2, "2026-02-30".to_owned())));
        assert_eq!(calendar.add_list(b"2026"), Err((1, "2026".to_owned())));
    }

    #[test]
    fn the_end_of_time_is_survived() {
        assert_eq!(Calendar::default().add_business_days(Date::MAX, 3), Date::MAX);
        assert_eq!(days_after(Date::MAX, 90), Date::MAX);
        assert_eq!(end_of_day(Date::MAX), Timestamp::MAX);
        assert_eq!(instant(Date::MIN.at(0, 0, 0, 0)), Timestamp::MIN);
    }

    #[test]
    fn instants_are_shown_in_tokyo() {
        assert_eq!(rfc3339("2026-11-24T01:03:12Z".parse().unwrap()), "2026-11-24T10:03:12+09:00");
        assert_eq!(rfc3339(end_of_day(date(2026, 11, 24))), "2026-11-24T23:59:59+09:00");
    }
}
