//! The one address a letter about an order may go to: a shop's at Rakuten's relay (domain document 2.2, 2.3).

use super::{Correspondence, Kind, Silence, clean};
use crate::ledger::Case;
use crate::mail::TrustLevel;
use jiff::{SignedDuration, Timestamp};

/// Where all shops have their addresses.
const RELAY: &str = "shop.rakuten.co.jp";

/// Rakuten's machines that write about orders (domain document 2.2).
const MACHINES: [&str; 4] = ["order", "order-confirm", "order-cancel", "order-info"];

/// Whether Rakuten's own mail about an order comes from this address: `order@rakuten.co.jp`,
/// `order-cancel@order-rp.rms.rakuten.co.jp`. Other mail of Rakuten's (news, reviews, inquiries) says nothing of it.
pub(super) fn is_of_order_machine(address: &str) -> bool {
    address.split_once('@').is_some_and(|(local, domain)| {
        MACHINES.contains(&local) && (domain == "rakuten.co.jp" || domain.ends_with(".rms.rakuten.co.jp"))
    })
}

/// An address of a shop at the relay: `modori-zakka_2@shop.rakuten.co.jp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay<'a> {
    /// The shop's code: the name without `_2`, `_3` …, which select one of its contact addresses.
    pub code: &'a str,
}

impl<'a> Relay<'a> {
    /// Reads an address, lower case; `None` when it is no shop's.
    #[must_use]
    pub fn of(address: &'a str) -> Option<Self> {
        let (local, domain) = address.split_once('@')?;
        if domain != RELAY || !clean::is_bare_address(address) {
            return None;
        }
        let numbered = |end: &str| (1..=3).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_digit());
        let code = match local.rsplit_once('_') {
            Some((code, end)) if numbered(end) => code,
            _ => local,
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        // the names of Rakuten's own machines are no shops, wherever they stand
        let machine = MACHINES.contains(&code);
        (!code.is_empty() && code.bytes().all(plain) && !machine).then_some(Self { code })
    }
}

/// Whether a domain holds customers' addresses as shops see them (domain document 2.2).
pub(super) fn is_masked(domain: &str) -> bool {
    domain == "fw.rakuten.ne.jp" || domain.ends_with(".fw.rakuten.ne.jp")
}

/// Whether a shop is a municipality that takes donations: `f222160-fukuroi` (domain document 2.2, T25).
#[must_use]
pub fn is_municipal(code: &str) -> bool {
    let digits = code.strip_prefix('f').and_then(|rest| rest.get(..6));
    digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit())) && code.get(7..8) == Some("-")
}

/// Which of an order's mails a letter of this kind is written on: it gives the address, and is answered. The latest that
/// nothing speaks against.
///
/// # Errors
/// Why there is none: what speaks against the latest.
pub fn choose<'a>(
    kind: Kind,
    case: &Case,
    mails: &'a [Correspondence],
    oldest_days: u16,
    now: Timestamp,
) -> Result<&'a Correspondence, Vec<Silence>> {
    if kind == Kind::AskRakuten {
        // whoever gave an address in a mail, Rakuten's form is where Rakuten is asked
        return Err(vec![Silence::NoAddress]);
    }
    let mut shops: Vec<&Correspondence> = mails.iter().filter(|one| Relay::of(&one.sender).is_some()).collect();
    if kind.is_answer() {
        shops = questions(case, mails);
        if shops.is_empty() {
            return Err(vec![Silence::NoQuestion]);
        }
    }
    shops.sort_by_key(|one| std::cmp::Reverse((one.at, one.mail)));
    let against = |one: &Correspondence, answering: bool| against(one, answering, case, mails, oldest_days, now);
    // the shop's latest question is the one that is answered, and no other
    let tried = if kind.is_answer() { shops.get(..1).unwrap_or_default() } else { &shops[..] };
    let free = |answering: bool| tried.iter().find(|one| against(one, answering).is_empty()).copied();
    let found = free(true).or_else(|| if kind.is_answer() { None } else { free(false) });
    found.ok_or_else(|| {
        shops.first().map_or_else(|| vec![Silence::NoAddress], |latest| against(latest, kind.is_answer()))
    })
}

/// The shop's mails that ask what to do about goods it does not have, the latest first.
#[must_use]
pub fn questions<'a>(case: &Case, mails: &'a [Correspondence]) -> Vec<&'a Correspondence> {
    let asks = |one: &&Correspondence| {
        Relay::of(&one.sender).is_some()
            && case.evidence.iter().any(|proof| proof.mail == one.mail && proof.claim == "cancel-pending")
    };
    let mut found: Vec<&Correspondence> = mails.iter().filter(asks).collect();
    found.sort_by_key(|one| std::cmp::Reverse((one.at, one.mail)));
    found
}

/// What speaks against writing on this mail.
pub(super) fn against(
    one: &Correspondence,
    answering: bool,
    case: &Case,
    mails: &[Correspondence],
    oldest_days: u16,
    now: Timestamp,
) -> Vec<Silence> {
    use super::silence::About;
    let mut found = one.silence.clone();
    found.retain(|silence| answering || silence.about() != About::Answering);
    if now.duration_since(one.at) > SignedDuration::from_hours(24 * i64::from(oldest_days)) {
        found.push(Silence::Old);
    }
    let code = Relay::of(&one.sender).map(|relay| relay.code);
    if code.is_none() || code != code_of(case, mails) {
        found.push(Silence::OtherShop);
    }
    found
}

/// The code of the shop an order was placed at: as Rakuten's own verified mail says, else as the ledger knows it, unless
/// verified mails of two shops claim the order.
#[must_use]
pub fn code_of<'a>(case: &'a Case, mails: &'a [Correspondence]) -> Option<&'a str> {
    let verified = || mails.iter().filter(|one| one.trust == TrustLevel::Verified);
    let by_rakuten = verified().filter(|one| is_of_order_machine(&one.sender));
    if let Some(code) = by_rakuten.filter_map(|one| one.shop_code.as_deref()).next() {
        return Some(code);
    }
    let known = case.shop_code.as_deref();
    let agree = verified().filter_map(|one| Relay::of(&one.sender)).all(|relay| Some(relay.code) == known);
    known.filter(|_| agree)
}
