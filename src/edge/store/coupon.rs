//! Coupons that end soon, and what is told of them.

use super::agenda::enter_due;
use super::near::bodies;
use super::{Db, Row, StoreError, seconds};
use crate::ledger::Event;
use crate::plan::{Due, Wish};
use jiff::Timestamp;

const ENDING: &str = "SELECT body FROM event WHERE coupon_ends_at BETWEEN ?1 AND ?2 AND retired = 0";

impl Db {
    /// What mails tell of coupons that end between two instants.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn coupons_ending(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Event>, StoreError> {
        bodies(&self.connection, ENDING, (seconds(from), seconds(until)), "event")
    }

    /// Enters reminders that belong to no order; alerts that are due are handed back under way. Each is entered once.
    ///
    /// # Errors
    /// When the database refuses; none is entered then.
    pub fn remind(
        &mut self,
        due: &[Due],
        together: impl Fn(&[&Due]) -> Vec<Wish>,
        now: Timestamp,
    ) -> Result<Vec<Row>, StoreError> {
        self.write(|transaction| {
            let mut alerts = Vec::new();
            let due: Vec<&Due> = due.iter().collect();
            enter_due(transaction, &due, false, &together, &mut alerts, now)?;
            Ok(alerts)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::store::OldMail;
    use crate::facts::{Coupon, CouponRole};
    use crate::ledger::{EventKind, coupon};
    use crate::mail::TrustLevel;
    use crate::mailbox::MailKey;

    #[test]
    fn only_coupons_that_end_then_are_found_by_an_index() {
        let mut db = Db::in_memory().unwrap();
        let at = |hours: i64| Timestamp::from_second(1_796_000_000 + hours * 3600).unwrap();
        let event = |n: u8, ends: Option<i64>| Event {
            order: None,
            shop_code: None,
            kind: EventKind::Coupon(Coupon {
                role: CouponRole::Granted,
                amount_yen: Some(500),
                percent: None,
                code: Some(format!("AAAA-{n}")),
                url: None,
                expires_at: ends.map(at),
                min_yen: None,
            }),
            at: at(-100),
            mail: MailKey::of(&[n]),
            second_identity: n.to_string(),
            trust: TrustLevel::Verified,
            excerpt: String::new(),
            sender: String::new(),
        };
        let mails: Vec<OldMail> = [(1, Some(10)), (2, Some(100)), (3, None), (4, Some(-5))]
            .map(|(n, ends)| OldMail {
                key: MailKey::of(&[n]),
                events: vec![event(n, ends)],
                keep_trusted: true,
                mails: None,
            })
            .to_vec();
        db.import(&mails).unwrap();
        let found = db.coupons_ending(at(0), at(72)).unwrap();
        assert_eq!(coupon::owned(&found).iter().map(|one| one.mail).collect::<Vec<_>>(), [MailKey::of(&[1])]);
        let sql = format!("EXPLAIN QUERY PLAN {ENDING}");
        let plan: String = db.connection.query_row(&sql, [1, 2], |row| row.get(3)).unwrap();
        assert!(plan.contains("event_of_coupon"), "{plan}");
    }
}
