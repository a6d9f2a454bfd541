//! When two mails tell of one event, so that it is told once: copies at two addresses, the shop's mail beside Rakuten's.
//!
//! Restocks: one is missed by nobody who looks twice, so goods that could be others are never taken for the same. The names
//! of an event are its items' pages, and shop and names. Two mails that both name pages are compared by these alone: a shop
//! may sell two things under one name. A mail that names none is compared by shop and names with both kinds.
//!
//! Cancellations: the later mail is told only if it says more than one that was told within half an hour. What a mail says
//! is a set of things: how far it is, that its sender is vouched for, the cause, that an answer is wanted, that something is
//! offered. The earlier mail leaves every part of its set as a name, and the later one asks for its whole set.

use super::link::item_page;
use super::on_mail::Arrived;
use super::tell::{clean, sure};
use super::{Same, Use};
use crate::facts::{self, Cancelled, CouponRole};
use crate::mail::{Mail, TrustLevel};
use crate::rules::label;
use crate::text;

/// Two restock mails about one item within this many seconds of receipt are one restock.
const ITEM_S: i64 = 15 * 60;
/// Two mails with one Message-ID within this many seconds are one mail.
const ID_S: i64 = 24 * 3600;
/// Two cancellation mails about one order within this many seconds are one cancellation, unless the later one says more.
const CANCELLATION_S: i64 = 30 * 60;

/// A copy of a mail, at another address.
pub(super) fn mail(mail: &Mail) -> Vec<Same> {
    mail.message_id.iter().map(|id| Same::new(format!("mail:id:{id}"), ID_S)).collect()
}

/// What makes two restocks one: the items' pages; shop and names; the Message-ID. A mail about more items is not the same
/// as one about fewer, so that none is missed.
pub(super) fn restock(arrived: &Arrived<'_>, url: Option<&str>) -> Vec<Same> {
    let facts = arrived.facts;
    let stated = facts.items.iter().filter_map(|item| item.value.url.as_deref().and_then(item_page));
    let mut pages: Vec<String> = stated.collect();
    if pages.len() < facts.items.len() {
        pages.clear();
    }
    // one item, or none that is listed: the page that a tap opens is its page
    if pages.is_empty() && facts.items.len() <= 1 {
        pages.extend(url.and_then(item_page));
    }
    pages.sort();
    pages.dedup();
    let mut names: Vec<String> = facts.items.iter().map(|item| name_key(&item.value.name)).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();

    let mut same = Vec::new();
    if !pages.is_empty() {
        same.push(Same::new(format!("restock:item:{}", pages.join(" ")), ITEM_S));
    }
    if !names.is_empty() && (pages.is_empty() || pages.len() == names.len()) {
        for shop in sellers(arrived, &pages) {
            let of = |kind: &str| Same::new(format!("restock:{kind}:{shop}:{}", names.join(" ")), ITEM_S);
            same.extend(match pages.is_empty() {
                true => [of("name"), of("paged").only(Use::Asks)],
                false => [of("name").only(Use::Asks), of("paged").only(Use::Leaves)],
            });
        }
    }
    let id = arrived.mail.message_id.iter();
    same.extend(id.map(|id| Same::new(format!("restock:id:{id}"), ID_S)));
    same
}

/// A name in normal form, without slogans; the whole name when it is nothing else.
fn name_key(name: &str) -> String {
    let name = clean(name);
    Some(facts::exact_key(&name)).filter(|key| !key.is_empty()).unwrap_or(name)
}

/// The shop's code and its name, as far as the mail tells them: another mail may tell only one of them. An empty one when
/// it tells neither.
fn sellers(arrived: &Arrived<'_>, pages: &[String]) -> Vec<String> {
    let of_page = || pages.first()?.strip_prefix("https://item.rakuten.co.jp/")?.split('/').next();
    let code = arrived.facts.shop_code.as_ref().map(|found| found.value.as_str()).or_else(of_page);
    let name = arrived.facts.shop_name.as_ref().map(|found| {
        let folded = text::fold(&found.value);
        let name = folded.text().trim_end_matches("店").trim_end_matches("楽天市場");
        name.chars().filter(|c| c.is_alphanumeric() || *c == 'ー').collect::<String>()
    });
    let mut sellers: Vec<String> = code.map(|code| clean(code).to_ascii_lowercase()).into_iter().chain(name).collect();
    sellers.retain(|seller| !seller.is_empty());
    if sellers.is_empty() {
        sellers.push(String::new());
    }
    sellers
}

/// What makes a cancellation mail tell nothing new. `alternative`: goods that the shop offers instead.
pub(super) fn cancellation(arrived: &Arrived<'_>, alternative: &str) -> Vec<Same> {
    let (mail_, facts) = (arrived.mail, arrived.facts);
    let mut same = mail(mail_);
    let mut orders: Vec<&str> = facts.order_numbers.iter().map(|found| found.value.as_str()).collect();
    orders.sort_unstable();
    orders.dedup();
    let Some(cancelled) = sure(&facts.cancelled).filter(|_| !orders.is_empty()) else { return same };
    let state = match cancelled {
        Cancelled::Confirmed | Cancelled::Claimed => "done",
        Cancelled::Partial => "part",
        Cancelled::Pending => "asks",
        Cancelled::Requested => "asked",
    };
    let mut more: Vec<String> = Vec::new();
    if mail_.trust.level == TrustLevel::Verified {
        more.push("vouched".to_owned());
    }
    if let Some(cause) = sure(&facts.cause) {
        more.push(format!("{cause:?}"));
    }
    if arrived.verdict.labels.contains(label::NEEDS_ANSWER) || facts.reply_by.is_some() {
        more.push(format!("reply {}", sure(&facts.reply_by).map_or(0, |by| by.as_second())));
    }
    let offered = sure(&facts.coupon).filter(|coupon| !matches!(coupon.role, CouponRole::Advert));
    if offered.is_some() || !alternative.is_empty() {
        let code = offered.and_then(|coupon| coupon.code).map(|code| clean(&code)).unwrap_or_default();
        more.push(format!("offer {code}{alternative}"));
    }
    let key = |parts: &[&String]| {
        let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
        format!("cancel:{}:{state}:{}", orders.join(" "), parts.join(":"))
    };
    let whole = key(&more.iter().collect::<Vec<_>>());
    for chosen in 0..1_u32 << more.len() {
        let parts: Vec<&String> =
            more.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, part)| part).collect();
        let part = Same::new(key(&parts), CANCELLATION_S);
        same.push(if part.key == whole { part } else { part.only(Use::Leaves) });
    }
    same
}
