//! One restock mail, from its receipt to the shopper's having seen its alert.

use super::latency::Times;
use crate::facts::Item;
use crate::mailbox::MailKey;
use crate::plan::link::item_page;
use crate::plan::{LATE_S, Quiet, Why};
use jiff::Timestamp;

/// A restock mail and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Restock {
    /// Which mail.
    pub mail: MailKey,
    /// The mail's own date, where it is kept; else when the server took it in.
    pub at: Timestamp,
    /// When the server took it in.
    pub received: Timestamp,
    /// When modori had seen it (whole seconds, where nothing was told of it).
    pub seen: Timestamp,
    /// It came while its mailbox was watched; else it was caught up with, or swept up.
    pub live: bool,
    /// The goods, as the mail lists them.
    pub goods: Vec<Item>,
    /// First line of the alert, where there is one.
    pub title: Option<String>,
    /// The page of the goods that an alert opens.
    pub url: Option<String>,
    /// The shop's code.
    pub shop_code: Option<String>,
    /// The shop's name.
    pub shop_name: Option<String>,
    /// Who took the alert, the first one first.
    pub told: Vec<Told>,
    /// When it was told together with others, if it was: when the first channel took that alert.
    pub together: Option<Timestamp>,
    /// What became of it.
    pub fate: Fate,
    /// When the shopper said that she had seen it.
    pub acknowledged: Option<Timestamp>,
    /// She is asked to say so.
    pub awaited: bool,
}

/// A channel that took an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub channel: String,
    /// When the attempt that succeeded began.
    pub left: Timestamp,
    /// When the channel had taken it.
    pub accepted: Timestamp,
}

/// What became of a restock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was told.
    Told,
    /// It was kept back, and told later, alone or with others.
    ToldLater(Why),
    /// It is kept back.
    KeptBack(Why),
    /// It is being told.
    UnderWay,
    /// No channel took it.
    Missed,
    /// It was not to be told.
    Quiet(Quiet),
    /// Nothing is on record.
    Unknown,
}

impl Fate {
    /// Its stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::ToldLater(_) => "told-later",
            Self::KeptBack(_) => "kept-back",
            Self::UnderWay => "under-way",
            Self::Missed => "missed",
            Self::Quiet(_) => "quiet",
            Self::Unknown => "unknown",
        }
    }
}

impl Restock {
    /// When it was told: the first channel's word, or that it was told together with others.
    #[must_use]
    pub fn told_at(&self) -> Option<Timestamp> {
        self.told.first().map(|told| told.accepted).or(self.together)
    }

    /// Milliseconds from the server's date to the first channel's word that it took the alert. Up to a second more than it
    /// was: most servers' dates have whole seconds.
    #[must_use]
    pub fn whole_ms(&self) -> Option<i64> {
        self.told_at().map(|told| ms(self.received, told))
    }

    /// Milliseconds from being seen to that word: what modori and the channel take together.
    #[must_use]
    pub fn told_ms(&self) -> Option<i64> {
        self.told_at().map(|told| ms(self.seen, told))
    }

    /// Whether it was told late: as an alert says of itself, a minute or more after its mail had come.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.whole_ms().is_some_and(|ms| ms >= LATE_S * 1_000)
    }

    /// It was neither kept back nor caught up with: what it took is how fast modori is.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.live && self.fate == Fate::Told
    }

    /// What to call the goods: the alert's first line, else the mail's own words; `None` where it names none.
    #[must_use]
    pub fn called(&self) -> Option<&str> {
        let item = || self.goods.first().map(|item| item.name.as_str());
        self.title.as_deref().filter(|title| !title.is_empty()).or_else(item)
    }

    /// The price of the first goods, in yen.
    #[must_use]
    pub fn price_yen(&self) -> Option<u64> {
        self.goods.first().and_then(|item| item.price_yen)
    }

    /// The page of the goods, if it is one that a tap may open.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        let of_goods = || self.goods.iter().filter_map(|item| item.url.as_deref()).find_map(item_page);
        self.url.as_deref().and_then(open).or_else(of_goods)
    }

    /// The shop's name, else its code.
    #[must_use]
    pub fn shop(&self) -> Option<&str> {
        self.shop_name.as_deref().or(self.shop_code.as_deref())
    }
}

/// What an alert opens was checked when it was made, and is checked again.
fn open(url: &str) -> Option<String> {
    crate::plan::link::click_target(url)
}

/// How long restocks took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speed {
    /// From the server's date to the channel's word, of those that came while they were watched for.
    pub live: Times,
    /// From being seen to the channel's word, of the same.
    pub live_told: Times,
    /// From the server's date to the channel's word, of those that were caught up with or kept back.
    pub others: Times,
}

impl Speed {
    /// Of these restocks.
    #[must_use]
    pub fn of(all: &[Restock]) -> Self {
        let (live, others): (Vec<&Restock>, Vec<&Restock>) = all.iter().partition(|one| one.is_measured());
        Self {
            live: Times::of(live.iter().filter_map(|one| one.whole_ms()).collect()),
            live_told: Times::of(live.iter().filter_map(|one| one.told_ms()).collect()),
            others: Times::of(others.iter().filter_map(|one| one.whole_ms()).collect()),
        }
    }
}

fn ms(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_500_000 + seconds).unwrap()
    }

    /// A restock that came at a second and was told so many milliseconds later.
    pub(crate) fn restock(second: i64, took_ms: Option<i64>) -> Restock {
        let received = at(second);
        let accepted = |ms| Timestamp::from_millisecond(received.as_millisecond() + ms).unwrap();
        Restock {
            mail: MailKey::of(&second.to_be_bytes()),
            at: received,
            received,
            seen: received,
            live: true,
            goods: Vec::new(),
            title: None,
            url: None,
            shop_code: Some("modori-zakka".into()),
            shop_name: None,
            told: took_ms
                .map(|ms| Told { channel: "phone".into(), left: received, accepted: accepted(ms) })
                .into_iter()
                .collect(),
            together: None,
            fate: if took_ms.is_some() { Fate::Told } else { Fate::Quiet(Quiet::Muted) },
            acknowledged: None,
            awaited: false,
        }
    }

    #[test]
    fn late_is_what_its_alert_calls_late() {
        for (took, late) in [(Some(59_999), false), (Some(60_000), true), (None, false), (Some(0), false)] {
            assert_eq!(restock(0, took).is_late(), late, "{took:?}");
        }
    }

    #[test]
    fn only_what_was_watched_for_is_measured() {
        let caught_up = Restock { live: false, ..restock(1, Some(9_000_000)) };
        let kept = Restock { fate: Fate::ToldLater(Why::Quiet), ..restock(2, Some(8_000)) };
        let speed = Speed::of(&[restock(0, Some(40)), caught_up, kept, restock(3, None)]);
        assert_eq!((speed.live.all(), speed.others.all()), (&[40][..], &[8_000, 9_000_000][..]));
        // told with others: no channel took an alert of its own
        let together = Restock { together: Some(at(7_200)), fate: Fate::ToldLater(Why::Late), ..restock(0, None) };
        assert!(together.is_late() && !together.is_measured());
        assert_eq!(together.whole_ms(), Some(7_200_000));
    }

    #[test]
    fn a_page_is_only_one_that_a_tap_may_open() {
        let item = |url: &str| Item {
            name: "x".into(),
            code: None,
            price_yen: Some(1),
            quantity: None,
            url: Some(url.into()),
        };
        let with = |url: Option<&str>, goods: &[&str]| {
            let goods = goods.iter().map(|url| item(url)).collect();
            Restock { url: url.map(str::to_owned), goods, ..restock(0, None) }.page()
        };
        assert_eq!(with(Some("https://evil.example/"), &["javascript:alert(1)"]), None);
        assert_eq!(
            with(None, &["https://item.rakuten.co.jp/a/b/?x=1"]).as_deref(),
            Some("https://item.rakuten.co.jp/a/b/")
        );
        assert_eq!(with(Some("https://item.rakuten.co.jp/a/"), &[]).as_deref(), Some("https://item.rakuten.co.jp/a/"));
    }
}
