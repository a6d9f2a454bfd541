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

/// The instant of a civil date and time in Tokyo.
#[must_use]
pub fn instant(civil: DateTime) -> Timestamp {
    tokyo().to_timestamp(civil).unwrap_or(Timestamp::MAX)
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
}

impl Calendar {
    /// A national holiday, or a day the settings add.
    #[must_use]
    pub fn is_holiday(&self, day: Date) -> bool {
        !self.workdays.contains(&day) && (self.holidays.contains(&day) || is_national_holiday(day))
    }

    /// Whether offices work on this day. 29 December to 3 January they do not; Rakuten states no dates for its
    /// "New Year period", so this is the span public offices use.
    #[must_use]
    pub fn is_business_day(&self, day: Date) -> bool {
        let turn_of_the_year = matches!((day.month(), day.day()), (12, 29..) | (1, 1..=3));
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
    fn the_end_of_time_is_survived() {
        assert_eq!(Calendar::default().add_business_days(Date::MAX, 3), Date::MAX);
        assert_eq!(days_after(Date::MAX, 90), Date::MAX);
    }

    #[test]
    fn instants_are_shown_in_tokyo() {
        assert_eq!(rfc3339("2026-11-24T01:03:12Z".parse().unwrap()), "2026-11-24T10:03:12+09:00");
        assert_eq!(rfc3339(end_of_day(date(2026, 11, 24))), "2026-11-24T23:59:59+09:00");
    }
}
