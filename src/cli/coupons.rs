//! `modori coupons`: the coupons that mails gave the shopper.

use super::args::{Coupons, Format};
use super::{Failure, render, setup};
use crate::calendar::rfc3339;
use crate::edge::clock::Clock;
use crate::ledger::coupon::{Owned, owned};
use crate::wording::Language;
use serde_json::json;
use std::path::Path;

/// Prints the coupons that can still be used, the soonest to end first; with `--all` also those that ended.
pub(super) fn run(arguments: &Coupons, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let db = setup::db(&folder)?;
    let language = config.as_ref().map_or(Language::Ja, |config| config.policy.language);
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let events = db.events().map_err(|error| Failure::new(error.to_string()))?;
    let mut coupons = owned(&events);
    coupons.retain(|one| arguments.all || one.coupon.expires_at.is_some_and(|at| at >= now));
    match arguments.format {
        Format::Json => {
            for one in &coupons {
                let line = format!("{}\n", sheet(one));
                if std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).is_err() {
                    break;
                }
            }
        }
        Format::Text => anstream::println!("{}", render::coupons(&coupons, language)),
    }
    Ok(())
}

fn sheet(one: &Owned) -> serde_json::Value {
    let coupon = &one.coupon;
    json!({
        "role": coupon.role,
        "amount_yen": coupon.amount_yen,
        "percent": coupon.percent,
        "min_yen": coupon.min_yen,
        "code": coupon.code,
        "url": coupon.url,
        "expires_at": coupon.expires_at.map(rfc3339),
        "shop_code": one.shop_code,
        "order_number": one.order,
        "since": rfc3339(one.since),
        "verified": one.verified,
        "mail": one.mail,
    })
}
