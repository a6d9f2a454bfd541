//! Everything that follows from events and statements, made anew.

use super::{Db, StoreError};

impl Db {
    /// Makes anew what follows from events and statements; answers how many orders are looked at again.
    ///
    /// # Errors
    /// When the database refuses; all is as before then.
    pub fn rebuild(&mut self) -> Result<usize, StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM agenda", [])?;
            // an order that only retired events name is looked at, too: what was planned for it falls away then
            let sql = "INSERT INTO agenda (order_number, wake_at) \
                       SELECT order_number, 0 FROM event WHERE order_number IS NOT NULL \
                       UNION SELECT order_number, 0 FROM statement";
            Ok(transaction.execute(sql, [])?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{By, Said, Statement};

    #[test]
    fn the_agenda_names_every_order_once_and_no_other() {
        let mut db = Db::in_memory().unwrap();
        let order = crate::facts::OrderNumber::parse("399999-20261120-0123456789").unwrap();
        let at = jiff::Timestamp::from_second(1_780_000_000).unwrap();
        db.say(&Statement { order: order.clone(), said: Said::Deny, at, by: By::Command }, at).unwrap();
        let rows = |db: &Db| {
            let mut query = db.connection.prepare("SELECT order_number, wake_at, cancelled_at FROM agenda").unwrap();
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            rows.collect::<Result<Vec<(String, Option<i64>, Option<i64>)>, _>>().unwrap()
        };
        let anew = vec![(order.to_string(), Some(0), None)];
        for damage in [
            "DELETE FROM agenda",
            "UPDATE agenda SET wake_at = NULL, cancelled_at = 5",
            "INSERT INTO agenda VALUES ('nobody', 7, 7)",
        ] {
            db.connection.execute(damage, []).unwrap();
            assert_ne!(rows(&db), anew, "{damage}");
            assert_eq!(db.rebuild().unwrap(), 1);
            assert_eq!(rows(&db), anew, "{damage}");
        }
    }
}
