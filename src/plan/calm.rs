//! When something is told: at once, later, or not at all. How urgent a category is, quiet hours, and how many alerts an
//! hour may bring.

use super::hot::{Hours, Sales, Window};
use super::{Alert, Why};
use crate::rules::Priority;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What an alert about something the shopper wants says of itself, in its details.
pub const WANTED: &str = "wanted";
/// The category of alerts about modori's own sight.
pub const SIGHT: &str = "sight";
/// The details that name a deadline.
const DEADLINES: [&str; 4] = ["reply_by", "pay_by", "until", "cancel_until"];

/// When something is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calm {
    /// How urgent a category is, instead of what its rule says. `silent`: it is not told.
    pub priority: BTreeMap<String, Priority>,
    /// Quiet hours, by the clock of Tokyo.
    pub quiet: Vec<Window>,
    /// What is told all the same: priorities, categories, or [`WANTED`].
    pub except: BTreeSet<String>,
    /// More alerts than this within an hour are kept back and told together; 0: no bound.
    pub most_an_hour: u32,
    /// So long (seconds) a late restock waits for others that are late, too.
    pub gather_s: i64,
}

impl Default for Calm {
    fn default() -> Self {
        Self {
            priority: BTreeMap::new(),
            quiet: Vec::new(),
            except: BTreeSet::from([WANTED.to_owned()]),
            most_an_hour: 0,
            gather_s: 60,
        }
    }
}

/// What becomes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is told now.
    Tell {
        /// Unless so many others were told within the hour.
        most: Option<u32>,
    },
    /// It is kept back.
    Hold {
        /// Why.
        why: Why,
        /// Until then at least.
        until: Timestamp,
    },
    /// It is not told.
    Silent,
}

impl Calm {
    /// How urgent a category is; `usual`: what its rule, or modori, says.
    #[must_use]
    pub fn priority_of(&self, category: &str, usual: Priority) -> Priority {
        self.priority.get(category).copied().unwrap_or(usual)
    }

    /// What becomes of an alert now. Its priority is what [`Calm::priority_of`] says.
    #[must_use]
    pub fn decide(&self, alert: &Alert, now: Timestamp) -> Decision {
        if alert.priority == Priority::Silent && self.priority.get(&alert.category) == Some(&Priority::Silent) {
            return Decision::Silent;
        }
        if let Some(until) = self.quiet_until(alert, now) {
            return Decision::Hold { why: Why::Quiet, until };
        }
        let bound =
            self.most_an_hour > 0 && !is_wanted(alert) && alert.category != SIGHT && deadline(alert, now).is_none();
        Decision::Tell { most: bound.then_some(self.most_an_hour) }
    }

    /// Until when a late alert waits for others.
    #[must_use]
    pub fn late_until(&self, alert: &Alert, now: Timestamp) -> Timestamp {
        let gathered = now.saturating_add(SignedDuration::from_secs(self.gather_s)).unwrap_or(Timestamp::MAX);
        self.quiet_until(alert, now).map_or(gathered, |quiet| quiet.max(gathered))
    }

    /// Until when this alert must not ring; `None`: it may now. One whose deadline comes before the end of the quiet
    /// hours rings: in the morning it would be too late.
    #[must_use]
    pub fn quiet_until(&self, alert: &Alert, now: Timestamp) -> Option<Timestamp> {
        let end = self.quiet_end(now)?;
        let named = self.except.contains(priority_word(alert.priority)) || self.except.contains(&alert.category);
        let wanted = is_wanted(alert) && self.except.contains(WANTED);
        let too_late = deadline(alert, now).is_some_and(|deadline| deadline <= end);
        (!named && !wanted && !too_late).then_some(end)
    }

    /// The end of the quiet hours that it is now; windows that touch each other are one.
    pub(super) fn quiet_end(&self, now: Timestamp) -> Option<Timestamp> {
        if self.quiet.is_empty() {
            return None;
        }
        Hours { windows: self.quiet.clone(), announced: None, ..Hours::default() }.hot_until(&Sales::default(), now)
    }
}

/// Whether an alert is about something the shopper wants.
#[must_use]
pub fn is_wanted(alert: &Alert) -> bool {
    alert.details.get(WANTED).and_then(serde_json::Value::as_bool) == Some(true)
}

/// By when something must be done that still can be, as far as the alert says. A mail that nobody vouches for sets no
/// deadline: forged ones would ring at night, and without bound.
#[must_use]
pub fn deadline(alert: &Alert, now: Timestamp) -> Option<Timestamp> {
    if alert.details.get("trust").is_some_and(|trust| trust != "verified") {
        return None;
    }
    let at = |key: &&str| alert.details.get(*key)?.as_str()?.parse().ok();
    DEADLINES.iter().filter_map(at).filter(|at| *at > now).min()
}

/// As it is written in the configuration.
#[must_use]
pub fn priority_word(priority: Priority) -> &'static str {
    match priority {
        Priority::Silent => "silent",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::civil;

    fn at(text: &str) -> Timestamp {
        format!("2026-{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
    }

    fn calm(hours: &[&str], except: &[&str]) -> Calm {
        Calm {
            quiet: hours.iter().map(|text| text.parse().unwrap()).collect(),
            except: except.iter().map(|name| (*name).to_owned()).collect(),
            most_an_hour: 20,
            ..Calm::default()
        }
    }

    fn alert(category: &str, priority: Priority, details: &[(&str, &str)]) -> Alert {
        let value = |text: &str| if text == "true" { true.into() } else { text.into() };
        let details = details.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect();
        Alert { category: category.to_owned(), priority, details, ..Alert::default() }
    }

    #[test]
    fn quiet_hours_hold_what_they_are_told_to_hold() {
        // 2026-11-27 is a Friday
        let calm = calm(&["23:00-07:00", "sat 00:00-09:00"], &["wanted", "high", "coupon"]);
        let restock = |details: &[(&str, &str)]| alert("restock", Priority::Urgent, details);
        for (now, alert, until) in [
            ("11-26 22:59", restock(&[]), None),
            ("11-26 23:00", restock(&[]), Some("27 07:00")),
            ("11-27 00:30", restock(&[]), Some("27 07:00")),
            ("11-27 06:59", restock(&[]), Some("27 07:00")),
            ("11-27 07:00", restock(&[]), None),
            // two windows that touch are one
            ("11-27 23:30", restock(&[]), Some("28 09:00")),
            ("11-27 00:30", restock(&[("wanted", "true")]), None),
            ("11-27 00:30", restock(&[("wanted", "false")]), Some("27 07:00")),
            ("11-27 00:30", alert("cancellation", Priority::High, &[]), None),
            ("11-27 00:30", alert("coupon", Priority::Normal, &[]), None),
            ("11-27 00:30", alert("cancellation", Priority::Normal, &[]), Some("27 07:00")),
            // a deadline within the quiet hours
            ("11-27 00:30", alert("order", Priority::Normal, &[("pay_by", "2026-11-27T06:00:00+09:00")]), None),
            ("11-27 00:30", alert("reminder", Priority::Normal, &[("until", "2026-11-27T07:00:00+09:00")]), None),
            (
                "11-27 00:30",
                alert("order", Priority::Normal, &[("reply_by", "2026-11-27T12:00:00+09:00")]),
                Some("27 07:00"),
            ),
            ("11-27 00:30", alert("order", Priority::Normal, &[("cancel_until", "2026-11-27T01:00:00+09:00")]), None),
            // nobody vouches for it
            (
                "11-27 00:30",
                alert("order", Priority::Normal, &[("pay_by", "2026-11-27T06:00:00+09:00"), ("trust", "unverified")]),
                Some("27 07:00"),
            ),
            (
                "11-27 00:30",
                alert("order", Priority::Normal, &[("pay_by", "2026-11-27T06:00:00+09:00"), ("trust", "verified")]),
                None,
            ),
            // one passed, the other is within the quiet hours
            (
                "11-27 00:30",
                alert(
                    "order",
                    Priority::Normal,
                    &[("reply_by", "2026-11-26T23:00:00+09:00"), ("pay_by", "2026-11-27T06:00:00+09:00")],
                ),
                None,
            ),
            // one that passed already
            (
                "11-27 00:30",
                alert("reminder", Priority::Normal, &[("until", "2026-11-26T23:59:00+09:00")]),
                Some("27 07:00"),
            ),
        ] {
            let held = calm.quiet_until(&alert, at(now)).map(|at| civil(at).strftime("%d %H:%M").to_string());
            assert_eq!(held.as_deref(), until, "{now} {alert:?}");
            let decision = calm.decide(&alert, at(now));
            assert_eq!(matches!(decision, Decision::Hold { why: Why::Quiet, .. }), until.is_some(), "{now} {alert:?}");
        }
    }

    #[test]
    fn a_bound_spares_what_is_wanted_or_has_a_deadline() {
        let calm = calm(&[], &["wanted"]);
        let most = |alert: &Alert| match calm.decide(alert, at("11-27 12:00")) {
            Decision::Tell { most } => most,
            other => panic!("{other:?}"),
        };
        assert_eq!(most(&alert("restock", Priority::Urgent, &[])), Some(20));
        assert_eq!(most(&alert("restock", Priority::Urgent, &[("wanted", "true")])), None);
        assert_eq!(most(&alert("order", Priority::High, &[("pay_by", "2026-11-29T06:00:00+09:00")])), None);
        assert_eq!(most(&alert("order", Priority::High, &[("pay_by", "2026-11-26T06:00:00+09:00")])), Some(20));
        let forged = [("pay_by", "2026-11-29T06:00:00+09:00"), ("trust", "unverified")];
        assert_eq!(most(&alert("order", Priority::High, &forged)), Some(20));
        assert_eq!(most(&alert(SIGHT, Priority::High, &[])), None, "that nothing is seen is always told");
        let free = Calm { most_an_hour: 0, ..calm.clone() };
        assert_eq!(
            free.decide(&alert("restock", Priority::Urgent, &[]), at("11-27 12:00")),
            Decision::Tell { most: None }
        );
    }

    #[test]
    fn a_category_has_the_urgency_that_the_shopper_gives_it() {
        let priority =
            BTreeMap::from([("coupon".to_owned(), Priority::Silent), ("cancellation".to_owned(), Priority::High)]);
        let calm = Calm { priority, ..Calm::default() };
        for (category, usual, is) in [
            ("coupon", Priority::Normal, Priority::Silent),
            ("cancellation", Priority::Normal, Priority::High),
            ("restock", Priority::Urgent, Priority::Urgent),
        ] {
            assert_eq!(calm.priority_of(category, usual), is);
        }
        assert_eq!(calm.decide(&alert("coupon", Priority::Silent, &[]), at("11-27 12:00")), Decision::Silent);
        // an alert that never had a priority is told all the same
        assert!(matches!(
            calm.decide(&alert("restock", Priority::Silent, &[]), at("11-27 12:00")),
            Decision::Tell { .. }
        ));
    }

    #[test]
    fn what_is_late_waits_for_others_and_for_the_morning() {
        let calm = calm(&["23:00-07:00"], &["wanted"]);
        let restock = alert("restock", Priority::Urgent, &[]);
        assert_eq!(calm.late_until(&restock, at("11-27 12:00")), at("11-27 12:01"));
        assert_eq!(calm.late_until(&restock, at("11-27 02:00")), at("11-27 07:00"));
    }
}
