//! Hot windows: times in which mailboxes are asked far more often than their servers would tell by themselves, because
//! goods that come back are gone again in minutes. From the configuration, and around announced sales.

use super::wanted::Wanted;
use crate::calendar::{civil, days_after, instant};
use crate::facts::Item;
use jiff::civil::{Date, Time, Weekday};
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::str::FromStr;

/// When mailboxes are hot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// By the clock of Tokyo.
    pub windows: Vec<Window>,
    /// Around announced sales: from so long before to so long after; `None`: not.
    pub announced: Option<(SignedDuration, SignedDuration)>,
    /// The same around sales of goods that the shopper waits for, whether announced ones count or not.
    pub wanted: (SignedDuration, SignedDuration),
    /// At most so long a day (Tokyo).
    pub most_a_day: SignedDuration,
    /// Between two polls, if the account's provider bears it.
    pub every: SignedDuration,
}

impl Default for Hours {
    fn default() -> Self {
        Self {
            windows: Vec::new(),
            announced: Some((SignedDuration::from_secs(20), SignedDuration::from_mins(5))),
            wanted: (SignedDuration::from_secs(20), SignedDuration::from_mins(5)),
            most_a_day: SignedDuration::from_mins(60),
            every: SignedDuration::from_millis(20),
        }
    }
}

/// A time of day, on some days: `20:00-20:15`, `mon-fri 09:58-10:05`, `2026-12-04 19:55-20:15`. One that ends before it
/// begins ends on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    days: Days,
    from: Time,
    until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    Every,
    /// From one day of the week to another, both included; from Saturday to Monday is three days.
    Week(Weekday, Weekday),
    On(Date),
}

/// Why a text is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time like `20:00-20:15`, `fri 19:55-20:10`, `mon-fri 09:58-10:05` or `2026-12-04 19:55-20:15`")]
pub struct NotAWindow;

impl FromStr for Window {
    type Err = NotAWindow;

    fn from_str(text: &str) -> Result<Self, NotAWindow> {
        let (days, times) = match text.trim().rsplit_once(' ') {
            None => (Days::Every, text.trim()),
            Some((days, times)) => (days_of(days.trim()).ok_or(NotAWindow)?, times),
        };
        let (from, until) = times.split_once('-').ok_or(NotAWindow)?;
        let time = |text: &str| jiff::fmt::strtime::parse("%H:%M", text).ok()?.to_time().ok();
        let (from, until) = (time(from).ok_or(NotAWindow)?, time(until).ok_or(NotAWindow)?);
        if from == until { Err(NotAWindow) } else { Ok(Self { days, from, until }) }
    }
}

fn days_of(text: &str) -> Option<Days> {
    if let Ok(date) = text.parse::<Date>() {
        return Some(Days::On(date));
    }
    let day = |name: &str| match name.trim().to_ascii_lowercase().as_str() {
        "mon" => Some(Weekday::Monday),
        "tue" => Some(Weekday::Tuesday),
        "wed" => Some(Weekday::Wednesday),
        "thu" => Some(Weekday::Thursday),
        "fri" => Some(Weekday::Friday),
        "sat" => Some(Weekday::Saturday),
        "sun" => Some(Weekday::Sunday),
        _ => None,
    };
    match text.split_once('-') {
        Some((first, last)) => Some(Days::Week(day(first)?, day(last)?)),
        None => day(text).map(|day| Days::Week(day, day)),
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: Weekday| match day {
            Weekday::Monday => "mon",
            Weekday::Tuesday => "tue",
            Weekday::Wednesday => "wed",
            Weekday::Thursday => "thu",
            Weekday::Friday => "fri",
            Weekday::Saturday => "sat",
            Weekday::Sunday => "sun",
        };
        match self.days {
            Days::Every => {}
            Days::On(date) => write!(f, "{date} ")?,
            Days::Week(first, last) if first == last => write!(f, "{} ", name(first))?,
            Days::Week(first, last) => write!(f, "{}-{} ", name(first), name(last))?,
        }
        write!(f, "{}-{}", self.from.strftime("%H:%M"), self.until.strftime("%H:%M"))
    }
}

/// From one instant to another, the second not included.
type Span = (Timestamp, Timestamp);

impl Window {
    /// Its time on the day on which it begins.
    fn on(&self, day: Date) -> Option<Span> {
        let meant = match self.days {
            Days::Every => true,
            Days::On(date) => date == day,
            Days::Week(first, last) => {
                let (first, last, day) = (place(first), place(last), place(day.weekday()));
                if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
            }
        };
        let end = if self.until > self.from { day } else { days_after(day, 1) };
        meant.then(|| (instant(day.to_datetime(self.from)), instant(end.to_datetime(self.until))))
    }
}

fn place(day: Weekday) -> i8 {
    day.to_monday_zero_offset()
}

/// A sale that a mail announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resale {
    /// When it begins.
    pub from: Timestamp,
    /// Of which goods, as far as the mail names them.
    pub items: Vec<Item>,
    /// At which shop.
    pub shop_code: Option<String>,
}

/// A sale, and when it was last told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// When it begins.
    pub from: Timestamp,
    /// Of which goods, as far as the mail names them.
    pub items: Vec<Item>,
    /// At which shop.
    pub shop_code: Option<String>,
    /// When the mail came that announces it.
    pub told: Timestamp,
}

/// When sales begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sales {
    /// Of any goods.
    pub announced: Vec<Timestamp>,
    /// Of goods that the shopper waits for, and those that she wrote down herself.
    pub wanted: Vec<Timestamp>,
}

impl Sales {
    /// What is announced, and what of it is waited for.
    #[must_use]
    pub fn of(resales: &[Resale], wanted: &Wanted, now: Timestamp) -> Self {
        let awaited = |sale: &&Resale| wanted.awaits(&sale.items, sale.shop_code.as_deref(), now);
        let announced = resales.iter().map(|sale| sale.from).collect();
        let mut awaited: Vec<Timestamp> = resales.iter().filter(awaited).map(|sale| sale.from).collect();
        awaited.extend(wanted.sales());
        Self { announced, wanted: awaited }
    }
}

impl Hours {
    /// Until when it is hot now; `None`: it is not.
    #[must_use]
    pub fn hot_until(&self, sales: &Sales, now: Timestamp) -> Option<Timestamp> {
        // one that begins when another ends goes on
        let last = self
            .spans(sales, now)
            .into_iter()
            .fold(now, |last, (from, end)| if from <= last { last.max(end) } else { last });
        (last > now).then_some(last)
    }

    /// When it is hot next, after `now`, within the next eight days.
    #[must_use]
    pub fn next(&self, sales: &Sales, now: Timestamp) -> Option<Timestamp> {
        self.spans(sales, now).into_iter().map(|(from, _)| from).find(|from| *from > now)
    }

    /// What lies around now and ahead, soonest first.
    fn spans(&self, sales: &Sales, now: Timestamp) -> Vec<Span> {
        let today = civil(now).date();
        let yesterday = today.yesterday().unwrap_or(today);
        let days = || (0..=9_u16).map(|ahead| days_after(yesterday, ahead));
        let mut spans: Vec<Span> =
            self.windows.iter().flat_map(|window| days().filter_map(|day| window.on(day))).collect();
        let around = |sales: &[Timestamp], (before, after): (SignedDuration, SignedDuration)| -> Vec<Span> {
            let span = |sale: &Timestamp| Some((sale.checked_sub(before).ok()?, sale.checked_add(after).ok()?));
            sales.iter().filter_map(span).collect()
        };
        if let Some(span) = self.announced {
            spans.extend(around(&sales.announced, span));
        }
        spans.extend(around(&sales.wanted, self.wanted));
        spans.retain(|(_, end)| *end > now);
        spans.sort_unstable();
        spans
    }
}

/// How much of a day's hot time is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Which day (Tokyo).
    pub day: Date,
    /// How long.
    pub time: SignedDuration,
}

impl Used {
    /// Nothing yet.
    #[must_use]
    pub fn none(now: Timestamp) -> Self {
        Self { day: civil(now).date(), time: SignedDuration::ZERO }
    }

    /// So much more was used until now. A new day begins with nothing.
    #[must_use]
    pub fn and(self, more: SignedDuration, now: Timestamp) -> Self {
        let today = civil(now).date();
        let time = if today == self.day { self.time } else { SignedDuration::ZERO };
        Self { day: today, time: time.saturating_add(more.max(SignedDuration::ZERO)) }
    }

    /// What the day still has.
    #[must_use]
    pub fn left(&self, hours: &Hours) -> SignedDuration {
        hours.most_a_day.saturating_sub(self.time).max(SignedDuration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("{text}:00+09:00").parse().unwrap()
    }

    fn hours(windows: &[&str]) -> Hours {
        Hours { windows: windows.iter().map(|text| text.parse().unwrap()).collect(), ..Hours::default() }
    }

    #[test]
    fn windows_are_read_and_written_and_nothing_else_is_one() {
        for text in
            ["20:00-20:15", "fri 19:55-20:10", "mon-fri 09:58-10:05", "sat-mon 23:50-00:10", "2026-12-04 19:55-20:15"]
        {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
        for text in
            ["", "20:00", "20:00-20:00", "25:00-26:00", "xyz 20:00-20:15", "2026-13-04 19:55-20:15", "mon- 1:00-2:00"]
        {
            assert_eq!(text.parse::<Window>(), Err(NotAWindow), "{text}");
        }
    }

    #[test]
    fn a_window_opens_and_ends_by_itself() {
        // 2026-11-27 is a Friday
        let hours = hours(&["fri 19:55-20:10", "23:50-00:10", "2026-12-04 10:00-10:05"]);
        let until = |now: &str| {
            hours.hot_until(&Sales::default(), at(now)).map(|until| civil(until).strftime("%d %H:%M").to_string())
        };
        assert_eq!(until("2026-11-27T19:54"), None);
        assert_eq!(until("2026-11-27T19:55").as_deref(), Some("27 20:10"));
        assert_eq!(until("2026-11-27T20:10"), None);
        assert_eq!(until("2026-11-26T20:00"), None);
        assert_eq!(until("2026-11-28T00:05").as_deref(), Some("28 00:10"), "over midnight");
        assert_eq!(until("2026-12-04T10:01").as_deref(), Some("04 10:05"));
        assert_eq!(hours.next(&Sales::default(), at("2026-11-27T20:00")), Some(at("2026-11-27T23:50")));
    }

    #[test]
    fn an_announced_sale_opens_one_some_seconds_before_and_windows_that_touch_are_one() {
        let sale = at("2026-11-28T20:00");
        let hours = hours(&["20:05-20:20"]);
        let sales = Sales { announced: vec![sale], wanted: Vec::new() };
        let before = |seconds| sale.saturating_sub(SignedDuration::from_secs(seconds)).unwrap();
        assert_eq!(hours.hot_until(&sales, before(21)), None);
        assert_eq!(hours.next(&sales, before(21)), Some(before(20)));
        assert_eq!(hours.hot_until(&sales, before(20)), Some(at("2026-11-28T20:20")));
        let deaf = Hours { announced: None, ..hours };
        assert_eq!(deaf.hot_until(&sales, before(0)), None);
        // goods that are waited for are another matter
        let wanted = Sales { wanted: vec![sale], ..sales };
        assert_eq!(deaf.hot_until(&wanted, before(20)), Some(at("2026-11-28T20:20")));
        assert_eq!(deaf.hot_until(&wanted, before(21)), None);
    }

    #[test]
    fn of_announced_sales_those_of_wanted_goods_are_told_apart() {
        let file =
            "[[wanted]]\nname = \"ケトル\"\n[[wanted]]\nshop = \"x\"\nname = \"急須\"\nfrom = \"2026-11-29 10:00\"\n";
        let wanted = Wanted::parse(&crate::rules::Source::new("wanted.toml", file)).unwrap();
        let sale = |from: &str, name: &str| Resale {
            from: at(from),
            items: vec![Item { name: name.into(), ..Item::default() }],
            shop_code: Some("uminoya".into()),
        };
        let resales = [sale("2026-11-28T20:00", "琺瑯ケトル"), sale("2026-11-28T21:00", "急須")];
        let sales = Sales::of(&resales, &wanted, at("2026-11-27T10:00"));
        assert_eq!(sales.announced, [at("2026-11-28T20:00"), at("2026-11-28T21:00")]);
        assert_eq!(sales.wanted, [at("2026-11-28T20:00"), at("2026-11-29T10:00")]);
    }

    #[test]
    fn a_day_has_only_so_much_of_it() {
        let hours = hours(&[]);
        let used = Used::none(at("2026-11-27T10:00")).and(SignedDuration::from_mins(50), at("2026-11-27T11:00"));
        assert_eq!(used.left(&hours), SignedDuration::from_mins(10));
        let all = used.and(SignedDuration::from_mins(50), at("2026-11-27T23:00"));
        assert_eq!(all.left(&hours), SignedDuration::ZERO);
        let next = all.and(SignedDuration::from_mins(1), at("2026-11-28T00:01"));
        assert_eq!(next.left(&hours), SignedDuration::from_mins(59));
        assert_eq!(used.and(SignedDuration::from_mins(-50), at("2026-11-27T11:00")), used, "a clock that went back");
    }
}
