//! Japan's national holidays, computed from the Act on National Holidays (祝日法) as it stood in each year.

use jiff::civil::{Date, Weekday};

/// A holiday of the Act, a substitute for one that fell on a Sunday, or a day between two holidays. Right for 2000 to
/// 2099 as far as the law is known today; other years follow the nearest rules and are not to be relied on.
#[must_use]
pub fn is_national_holiday(day: Date) -> bool {
    is_named(day) || is_substitute(day) || is_between(day)
}

/// A day that the Act (or the special act of its year) names.
fn is_named(day: Date) -> bool {
    let year = day.year();
    let monday = |nth: i8| day.weekday() == Weekday::Monday && (day.day() - 1) / 7 + 1 == nth;
    match (day.month(), day.day()) {
        (1, 1) | (2, 11) | (4, 29) | (5, 3 | 5) | (11, 3 | 23) => true,
        (2, 23) => year >= 2020,
        (5, 4) => year >= 2007, // before, a day between two holidays
        (12, 23) => (1989..2019).contains(&year),
        // the accession and its ceremony in 2019, the Olympic summers of 2020 and 2021
        (5, 1) | (10, 22) if year == 2019 => true,
        (7, 23 | 24) | (8, 10) if year == 2020 => true,
        (7, 22 | 23) | (8, 8) if year == 2021 => true,
        (7 | 8 | 10, _) if matches!(year, 2020 | 2021) => false,
        (8, 11) => year >= 2016,
        (1, _) => monday(2),
        (7, date) => {
            if year >= 2003 {
                monday(3)
            } else {
                date == 20
            }
        }
        (9, 15) if year < 2003 => true,
        (9, date) => (year >= 2003 && monday(3)) || date == autumn_equinox(year),
        (10, _) => monday(2),
        (3, date) => date == spring_equinox(year),
        _ => false,
    }
}

/// 振替休日: the first day after a Sunday's holiday that is none itself; until 2006 only the Monday right after.
fn is_substitute(day: Date) -> bool {
    let mut before = day;
    loop {
        let Ok(earlier) = before.yesterday() else { return false };
        before = earlier;
        if !is_named(before) {
            return false;
        }
        if before.weekday() == Weekday::Sunday {
            return !is_named(day);
        }
        if day.year() < 2007 {
            return false;
        }
    }
}

/// 国民の休日: a day between two holidays; until 2006 not if it was a Sunday.
fn is_between(day: Date) -> bool {
    let (Ok(before), Ok(after)) = (day.yesterday(), day.tomorrow()) else { return false };
    day.weekday() != Weekday::Sunday && !is_named(day) && is_named(before) && is_named(after)
}

/// The day of March; the usual approximation of the almanac for 1980 to 2099.
fn spring_equinox(year: i16) -> i8 {
    equinox(year, 20_843_100)
}

/// The day of September; as [`spring_equinox`].
fn autumn_equinox(year: i16) -> i8 {
    equinox(year, 23_248_800)
}

/// `start` and the yearly drift are millionths of a day, so that no rounding can differ between machines.
fn equinox(year: i16, start: i64) -> i8 {
    // wide enough for every year a date can have
    let years = i64::from(year) - 1980;
    let day = (start + 242_194 * years).div_euclid(1_000_000) - years.div_euclid(4);
    i8::try_from(day).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// Every holiday of a year, as `month/day`.
    fn of(year: i16) -> String {
        let mut day = date(year, 1, 1);
        let mut found = Vec::new();
        while day.year() == year {
            if is_national_holiday(day) {
                found.push(format!("{}/{}", day.month(), day.day()));
            }
            day = day.tomorrow().unwrap();
        }
        found.join(" ")
    }

    #[test]
    fn every_year_a_date_can_have_is_survived() {
        for year in [-9999, -6000, 0, 9999] {
            assert!(is_national_holiday(date(year, 1, 1)), "{year}");
            assert!(!is_national_holiday(date(year, 9, 30)) && !is_national_holiday(date(year, 3, 31)), "{year}");
        }
    }

    #[test]
    fn holidays_are_those_the_cabinet_office_published() {
        let years = [
            (2000, "1/1 1/10 2/11 3/20 4/29 5/3 5/4 5/5 7/20 9/15 9/23 10/9 11/3 11/23 12/23"),
            (2003, "1/1 1/13 2/11 3/21 4/29 5/3 5/5 7/21 9/15 9/23 10/13 11/3 11/23 11/24 12/23"),
            (2008, "1/1 1/14 2/11 3/20 4/29 5/3 5/4 5/5 5/6 7/21 9/15 9/23 10/13 11/3 11/23 11/24 12/23"),
            (2009, "1/1 1/12 2/11 3/20 4/29 5/3 5/4 5/5 5/6 7/20 9/21 9/22 9/23 10/12 11/3 11/23 12/23"),
            (2015, "1/1 1/12 2/11 3/21 4/29 5/3 5/4 5/5 5/6 7/20 9/21 9/22 9/23 10/12 11/3 11/23 12/23"),
            (2016, "1/1 1/11 2/11 3/20 3/21 4/29 5/3 5/4 5/5 7/18 8/11 9/19 9/22 10/10 11/3 11/23 12/23"),
            (
                2019,
                "1/1 1/14 2/11 3/21 4/29 4/30 5/1 5/2 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/23 10/14 10/22 11/3 \
                 11/4 11/23",
            ),
            (2020, "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/23 7/24 8/10 9/21 9/22 11/3 11/23"),
            (2021, "1/1 1/11 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/22 7/23 8/8 8/9 9/20 9/23 11/3 11/23"),
            (2022, "1/1 1/10 2/11 2/23 3/21 4/29 5/3 5/4 5/5 7/18 8/11 9/19 9/23 10/10 11/3 11/23"),
            (2023, "1/1 1/2 1/9 2/11 2/23 3/21 4/29 5/3 5/4 5/5 7/17 8/11 9/18 9/23 10/9 11/3 11/23"),
            (
                2024,
                "1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/22 9/23 10/14 11/3 11/4 11/23",
            ),
            (2025, "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24"),
            (2026, "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23"),
            (2027, "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23"),
        ];
        for (year, expect) in years {
            assert_eq!(of(year), expect, "{year}");
        }
    }
}
