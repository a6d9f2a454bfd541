//! Japanese civil time: Asia/Tokyo, end of day, business days, holidays. Knows no clock.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

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

/// Business days: Japanese holidays, weekends and the turn of the year, extendable.
#[derive(Clone, Debug, Default)]
pub struct Calendar {}
