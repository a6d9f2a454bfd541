//! A case as JSON: the stable keys that `modori cases --format json` prints.

use super::case::{Case, Evidence};
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
            "protection_until": at(due.protection_until),
        },
        "may_ask_shop": case.may_ask_shop,
        "inquiry": "none", // no letters yet
        "questions": case.questions,
        "evidence": case.evidence.iter().map(evidence).collect::<Vec<_>>(),
    })
}

fn item(item: &Item) -> Value {
    json!({
        "name": item.name, "code": item.code, "price_yen": item.price_yen, "quantity": item.quantity, "url": item.url,
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
