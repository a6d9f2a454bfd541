//! What an alert about a mail says: the scene for its template, its click target, its details for programs.

use super::link::{click_target, item_page, order_page};
use super::on_mail::Arrived;
use super::wanted::Want;
use super::{Link, Policy, search};
use crate::calendar::rfc3339;
use crate::facts::{self, Cancelled, Confidence, CouponRole, Found, Item};
use crate::mail::TrustLevel;
use crate::mail::trust::is_rakuten;
use crate::rules::{category, label};
use crate::text::visible;
use crate::wording::{Back, LinkTo, Offer, Scene};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The longest text of a mail that an alert repeats, in characters.
const LONGEST: usize = 120;

/// Before this many seconds from the receipt of its mail an alert is not called late.
pub const LATE_S: i64 = 60;

/// Text of a mail in one line, without anything that could disturb or disguise a line of ours.
pub(super) fn clean(text: &str) -> String {
    clean_to(text, LONGEST)
}

/// The same, of at most so many characters.
pub(super) fn clean_to(text: &str, longest: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = visible(&spaced).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// A value that may be acted on.
pub(super) fn sure<T: Clone>(found: &Option<Found<T>>) -> Option<T> {
    found.as_ref().filter(|found| found.confidence == Confidence::High).map(|found| found.value.clone())
}

/// The shopper's own coupons (domain document 4.5).
pub(super) const MY_COUPONS: &str = "https://coupon.rakuten.co.jp/myCoupon";
/// Her points, and what became of them (seen in public material only; docs/alerts.md).
pub(super) const MY_POINTS: &str = "https://point.rakuten.co.jp/history/";

/// The item that an alert speaks of: the one that is wanted, else the first; of a cancellation that names none the first one
/// of its order.
fn item<'a>(arrived: &Arrived<'a>, want: &Want) -> Option<&'a Item> {
    let at = match want {
        Want::Wanted { item, .. } => item.unwrap_or_default(),
        Want::Muted | Want::Neither => 0,
    };
    let ordered = || match arrived.verdict.category.as_str() {
        category::CANCELLATION => arrived.case?.items.first(),
        _ => None,
    };
    arrived.facts.items.get(at).map(|found| &found.value).or_else(ordered)
}

/// All that is known of the mail, for the template.
pub(super) fn scene(arrived: &Arrived<'_>, want: &Want, now: Timestamp) -> Scene {
    let (mail, facts, verdict) = (arrived.mail, arrived.facts, arrived.verdict);
    let item = item(arrived, want);
    let shop = facts.shop_name.as_ref().or(facts.shop_code.as_ref());
    let age = now.duration_since(mail.received).as_secs();
    Scene {
        category: verdict.category.clone(),
        subject: clean(&mail.subject.raw),
        sender: clean(&mail.from.addr),
        verified: mail.trust.level == TrustLevel::Verified,
        reason: String::new(),
        shop: shop.map(|found| clean(&found.value)).unwrap_or_default(),
        item_name: item.map(|item| clean(&item.name)).unwrap_or_default(),
        item_price_yen: item.and_then(|item| item.price_yen),
        model: item.and_then(|item| facts::model(&item.name, None)).unwrap_or_default(),
        wanted: matches!(want, Want::Wanted { .. }),
        note: match want {
            Want::Wanted { note, .. } => clean(note),
            Want::Muted | Want::Neither => String::new(),
        },
        more_items: facts.items.len().saturating_sub(1),
        other_link: String::new(),
        received: mail.received,
        late_minutes: (age >= LATE_S).then_some(age / 60),
        resale_at: sure(&facts.resale_at),
        order_number: facts.order().map(ToString::to_string).unwrap_or_default(),
        cancelled: sure(&facts.cancelled),
        cause: sure(&facts.cause).or_else(|| arrived.case?.cause),
        stage: sure(&facts.stage),
        needs_answer: verdict.labels.contains(label::NEEDS_ANSWER),
        reply_by: sure(&facts.reply_by),
        pay_by: sure(&facts.pay_by),
        payment_yen: sure(&facts.payment_yen),
        points_used: sure(&facts.points_used),
        coupon_used_yen: sure(&facts.coupon_used_yen),
        folder: verdict.folder.clone().unwrap_or_default(),
        back: back(arrived, now),
        offer: offer(arrived),
        alternative: facts.alternative.as_ref().map(|found| clean(&found.value)).unwrap_or_default(),
    }
}

/// What is expected back, as the case sees it with this mail.
fn back(arrived: &Arrived<'_>, now: Timestamp) -> Option<Back> {
    let case = arrived.case?;
    let assumed = |key: &str| case.assumed.contains(&key);
    Some(Back {
        points_expected: case.points.expected_back,
        points_returned: case.points.returned.filter(|points| *points > 0),
        points_outstanding: case.points.outstanding,
        look_at: case.due.look_at.filter(|at| *at > now),
        look_now: case.due.look_at.is_some_and(|at| at <= now),
        ask_shop_at: case.due.ask_shop_at.filter(|at| *at > now),
        coupon: case.coupon.state,
        coupon_used_yen: case.coupon.used_yen.filter(|yen| *yen > 0),
        coupon_check_at: case.due.coupon_check_at,
        coupon_until: case.due.coupon_until.filter(|_| !assumed("coupon_until")),
        spend_by: case.due.spend_by.filter(|_| !assumed("spend_by")),
        questions: if case.ended { 0 } else { case.questions.len() },
        ended: case.ended,
    })
}

/// The coupon that the mail brings. A code is shown as letters, never as a link.
fn offer(arrived: &Arrived<'_>) -> Option<Offer> {
    let coupon = sure(&arrived.facts.coupon)?;
    if matches!(coupon.role, CouponRole::Advert | CouponRole::Refused) {
        return None;
    }
    Some(Offer {
        role: coupon.role,
        yen: coupon.amount_yen,
        percent: coupon.percent,
        code: coupon.code.as_deref().map(clean).unwrap_or_default(),
        until: coupon.expires_at,
        min_yen: coupon.min_yen,
    })
}

/// Further links: of a cancellation first where to check, then where to look for the goods. All are made here; of the mail
/// they hold the order number and, percent-encoded, words of the item's name.
pub(super) fn links(arrived: &Arrived<'_>, want: &Want, policy: &Policy) -> Vec<Link> {
    if arrived.mail.trust.level == TrustLevel::Suspect {
        return Vec::new();
    }
    let named = |to: LinkTo, url: String| Link { label: policy.wording.link(policy.language, &to), url };
    let orders = || arrived.facts.order().map(|order| named(LinkTo::order(), order_page(order)));
    let points = || named(LinkTo::points(), MY_POINTS.to_owned());
    let coupons = || named(LinkTo::coupons(), MY_COUPONS.to_owned());
    let mut links: Vec<Link> = Vec::new();
    let search = match arrived.verdict.category.as_str() {
        category::RESTOCK => true,
        category::CANCELLATION => {
            links.extend(orders());
            let done = [Cancelled::Confirmed, Cancelled::Claimed, Cancelled::Partial];
            if sure(&arrived.facts.cancelled).is_some_and(|cancelled| done.contains(&cancelled)) {
                links.extend([points(), coupons()]);
            }
            true
        }
        category::POINT_REFUND => {
            links.push(points());
            links.extend(orders());
            false
        }
        category::COUPON => {
            links.push(coupons());
            false
        }
        _ => false,
    };
    if let Some(query) = item(arrived, want).filter(|_| search).and_then(|item| search::query(&item.name)) {
        links.extend(
            policy.search.0.iter().map(|shop| named(LinkTo::search(&shop.name, &shop.label), shop.page(&query))),
        );
    }
    links
}

/// Where a tap leads. Of a restock the item's own page; of a cancellation the order's page, which is made from the
/// order number and not taken from the mail; of anything else nowhere, because payment mail is what is forged most.
pub(super) fn target(arrived: &Arrived<'_>, want: &Want) -> Option<String> {
    let (mail, facts) = (arrived.mail, arrived.facts);
    match arrived.verdict.category.as_str() {
        category::RESTOCK => {
            let spoken_of = item(arrived, want).into_iter().filter_map(|item| item.url.as_deref());
            let stated = spoken_of.chain(facts.items.iter().filter_map(|item| item.value.url.as_deref()));
            let links = || mail.links.iter().map(|link| link.href.as_str());
            let of_goods = |url: &String| ["https://item.", "https://books."].iter().any(|at| url.starts_with(at));
            stated.chain(links()).find_map(item_page).or_else(|| links().filter_map(click_target).find(of_goods))
        }
        category::CANCELLATION => facts.order().map(order_page),
        _ => None,
    }
}

/// A link worth showing as text when there is nothing to tap: a vouched-for sender's own, on Rakuten's hosts.
pub(super) fn other_link(arrived: &Arrived<'_>) -> String {
    let mail = arrived.mail;
    let shown = |href: &str| href.len() <= 300 && href.bytes().all(|byte| byte.is_ascii_graphic());
    let mut links = mail.links.iter().filter(|link| is_rakuten(&link.host) && shown(&link.href));
    match mail.trust.level {
        TrustLevel::Verified => links.next().map(|link| link.href.clone()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// For the `command` and `webhook` channels.
pub(super) fn details(arrived: &Arrived<'_>, want: &Want) -> Map<String, Value> {
    let (mail, facts) = (arrived.mail, arrived.facts);
    let item = item(arrived, want);
    let text = |found: &Option<Found<String>>| found.as_ref().map(|found| Value::from(clean(&found.value)));
    let at = |found: &Option<Found<Timestamp>>| sure(found).map(|at| Value::from(rfc3339(at)));
    let word = |word: Option<Value>| word.filter(|word| !word.is_null());
    let all = [
        ("account", Some(arrived.place.account.clone().into())),
        ("mail", Some(mail.key.hex().into())),
        ("message_id", mail.message_id.as_deref().map(|id| clean(id).into())),
        ("sender", Some(clean(&mail.from.addr).into())),
        ("subject", Some(clean(&mail.subject.raw).into())),
        ("trust", serde_json::to_value(mail.trust.level).ok()),
        ("folder", arrived.verdict.folder.clone().map(Value::from)),
        ("order_number", facts.order().map(|order| order.as_str().into())),
        ("shop_code", text(&facts.shop_code)),
        ("shop_name", text(&facts.shop_name)),
        ("item_name", item.map(|item| clean(&item.name).into())),
        ("item_code", item.and_then(|item| item.code.as_deref()).map(|code| clean(code).into())),
        ("item_price_yen", item.and_then(|item| item.price_yen).map(Value::from)),
        ("item_url", item.and_then(|item| item.url.as_deref()).and_then(item_page).map(Value::from)),
        ("item_model", item.and_then(|item| facts::model(&item.name, None)).map(Value::from)),
        ("wanted", matches!(want, Want::Wanted { .. }).then(|| true.into())),
        ("points_outstanding", arrived.case.and_then(|case| case.points.outstanding).map(Value::from)),
        ("cancelled", word(serde_json::to_value(sure(&facts.cancelled)).ok())),
        ("reply_by", at(&facts.reply_by)),
        ("pay_by", at(&facts.pay_by)),
        ("resale_at", at(&facts.resale_at)),
    ];
    all.into_iter().filter_map(|(key, value)| value.map(|value| (key.to_owned(), value))).collect()
}
