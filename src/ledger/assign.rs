//! What the shopper says of mails that name no order: whose points they speak of.

use super::event::{Event, EventKind, Said, Statement};
use super::owed::Assigned;
use crate::facts::{Form, OrderNumber};
use crate::mailbox::MailKey;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The last word about each mail and order: so many points since when, or none.
pub(super) type Words<'a> = BTreeMap<MailKey, BTreeMap<&'a OrderNumber, Option<(u64, Timestamp)>>>;

/// Statements oldest first within each order.
pub(super) fn words<'a>(statements: impl Iterator<Item = &'a Statement>) -> Words<'a> {
    let mut words = Words::new();
    for statement in statements {
        let (mail, word) = match statement.said {
            Said::Assign { mail, points } => (mail, Some((points, statement.at))),
            Said::Disown { mail } => (mail, None),
            _ => continue,
        };
        words.entry(mail).or_default().insert(&statement.order, word);
    }
    words
}

/// Mails given to orders. However much is given away, a mail has no more than it speaks of: no refund counts twice.
pub(super) fn given<'a>(loose: &[&'a Event], words: &Words<'a>) -> Vec<(&'a OrderNumber, Assigned<'a>)> {
    let mut given = Vec::new();
    for event in loose {
        let EventKind::Points { returned, .. } = &event.kind else { continue };
        if returned.form != Form::Done {
            continue;
        }
        let mut left = returned.amount.unwrap_or(u64::MAX);
        for (order, word) in words.get(&event.mail).into_iter().flatten() {
            let Some((points, said_at)) = *word else { continue };
            let points = points.min(left);
            left -= points;
            given.push((*order, Assigned { event, points, said_at }));
        }
    }
    given
}
