//! What a mail or the shopper said, as one stable word each: the words of a case's story.

use super::case::Evidence;
use super::event::{By, Event, EventKind, Said, Statement};
use crate::facts::{Cancelled, CouponRole, Form, Stage};

/// Everything that can be said of an order: what mails claim ([`Evidence::claim`]), and the shopper's own word.
pub const CLAIMS: &[&str] = &[
    "ordered", "accepted", "payment-due", "paid", "card-refused", "delayed", "split", "found-after-all", "agreed",
    "shipped", "cancel-confirmed", "cancel-claimed", "cancel-pending", "cancel-requested", "cancel-partial",
    "points-returned", "points-promised", "points-refused", "coupon-granted", "coupon-apology", "coupon-returned",
    "coupon-refused", "coupon-expiring", "coupon-advert", "pay-by", "restock", "said-confirm", "said-by-flag",
    "said-deny", "said-lost", "said-lives", "said-limited", "said-answered", "said-note", "said-assign", "said-disown",
];

/// What an event stands for among the evidence.
#[must_use]
pub fn evidence(event: &Event) -> Evidence {
    let claim = match &event.kind {
        EventKind::Order { stage, .. } => match stage {
            Stage::Ordered => "ordered",
            Stage::Accepted => "accepted",
            Stage::PaymentDue => "payment-due",
            Stage::Paid => "paid",
            Stage::CardRefused => "card-refused",
            Stage::Delayed => "delayed",
            Stage::Split => "split",
            Stage::FoundAfterAll => "found-after-all",
            Stage::Agreed => "agreed",
            Stage::Shipped => "shipped",
        },
        EventKind::Cancel { form, .. } => match form {
            Cancelled::Confirmed => "cancel-confirmed",
            Cancelled::Claimed => "cancel-claimed",
            Cancelled::Pending => "cancel-pending",
            Cancelled::Requested => "cancel-requested",
            Cancelled::Partial => "cancel-partial",
        },
        EventKind::Points { returned, .. } => match returned.form {
            Form::Done => "points-returned",
            Form::Promised => "points-promised",
            Form::Refused => "points-refused",
        },
        EventKind::Coupon(coupon) => match coupon.role {
            CouponRole::Granted => "coupon-granted",
            CouponRole::Apology => "coupon-apology",
            CouponRole::Returned => "coupon-returned",
            CouponRole::Refused => "coupon-refused",
            CouponRole::Expiring => "coupon-expiring",
            CouponRole::Advert => "coupon-advert",
        },
        EventKind::PayBy { .. } => "pay-by",
        EventKind::Restock { .. } => "restock",
        EventKind::Resale { .. } => "resale",
    };
    Evidence {
        mail: event.mail,
        date: event.at,
        claim,
        trust: event.trust,
        sender: event.sender.clone(),
        excerpt: event.excerpt.clone(),
    }
}

/// What a statement stands for in the story.
#[must_use]
pub fn claim_of(statement: &Statement) -> &'static str {
    match (&statement.said, statement.by) {
        (Said::Confirm { .. }, By::Flag) => "said-by-flag",
        (Said::Confirm { .. }, By::Command | By::Dashboard | By::Letter) => "said-confirm",
        (Said::Deny, _) => "said-deny",
        (Said::Lost, _) => "said-lost",
        (Said::Lives, _) => "said-lives",
        (Said::Limited { .. }, _) => "said-limited",
        (Said::Answered, _) => "said-answered",
        (Said::Note { .. }, _) => "said-note",
        (Said::Assign { .. }, _) => "said-assign",
        (Said::Disown { .. }, _) => "said-disown",
    }
}
