//! A case as JSON: the stable keys that `modori cases --format json` prints.

use super::case::{Case, Conflict, Evidence, Held};
use crate::calendar::rfc3339;
use crate::facts::Item;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// One order as programs read it. Instants are RFC 3339 with `+09:00`; `null` is "unknown" or "does not apply".
#[must_use]
pub fn sheet(case: &Case) -> Value {
    let at = |at: Option<Timestamp>| at.map(rfc3339);
    let due = &case.due;
    json!({
        "order_number": case.order_number,
        "shop_code": case.shop_code,
        "shop_name": case.shop_name,
        "ordered_at": at(case.ordered_at),
        "items": case.items.iter().map(item).collect::<Vec<_>>(),
        "stage": case.stage,
        "service": case.service,
        "risks": case.risks,
        "lead_days": case.lead_days,
        "cancelled": case.cancelled,
        "cause": case.cause,
        "points": case.points,
        "coupon": case.coupon,
        "due": {
            "look_at": at(due.look_at),
            "ask_shop_at": at(due.ask_shop_at),
            "ask_rakuten_at": at(due.ask_rakuten_at),
            "coupon_check_at": at(due.coupon_check_at),
            "coupon_until": at(due.coupon_until),
            "reply_by": at(due.reply_by),
            "pay_by": at(due.pay_by),
            "spend_by": at(due.spend_by),
            "late_claim_until": at(due.late_claim_until),
            "protection_until": at(due.protection_until),
        },
        "assumed": case.assumed,
        "may_ask_shop": case.may_ask_shop,
        "inquiry": case.inquiry,
        "questions": case.questions,
        "conflicts": case.conflicts.iter().map(conflict).collect::<Vec<_>>(),
        "coupons": case.coupons.iter().map(held).collect::<Vec<_>>(),
        "payment_yen": case.payment_yen,
        "open": !case.ended,
        "next": case.upcoming().map(|(step, at)| json!({ "step": step, "at": rfc3339(at) })),
        "evidence": case.evidence.iter().map(evidence).collect::<Vec<_>>(),
    })
}

fn item(item: &Item) -> Value {
    json!({
        "name": item.name, "code": item.code, "price_yen": item.price_yen, "quantity": item.quantity, "url": item.url,
    })
}

fn conflict(conflict: &Conflict) -> Value {
    json!({ "about": conflict.about, "proofs": conflict.proofs.each_ref().map(evidence) })
}

fn held(held: &Held) -> Value {
    let coupon = &held.coupon;
    json!({
        "role": coupon.role,
        "amount_yen": coupon.amount_yen,
        "percent": coupon.percent,
        "code": coupon.code,
        "url": coupon.url,
        "min_yen": coupon.min_yen,
        "expires_at": coupon.expires_at.map(rfc3339),
        "since": rfc3339(held.since),
    })
}

fn evidence(evidence: &Evidence) -> Value {
    json!({
        "claim": evidence.claim,
        "date": rfc3339(evidence.date),
        "excerpt": evidence.excerpt,
        "mail": evidence.mail,
        "sender": evidence.sender,
        "trust": evidence.trust,
    })
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        sheet(self).serialize(to)
    }
}
