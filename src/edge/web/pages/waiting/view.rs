//! What waits, as plain values: made from what the store found, drawn elsewhere.

use crate::calendar::civil;
use crate::edge::store::{Found, Posted, Waits};
use crate::ledger::case::{CouponState, Inquiry, State};
use crate::ledger::coupon::Owned;
use crate::ledger::due::Settings;
use crate::ledger::word::Mark;
use crate::ledger::{Case, NextStep, Question};
use crate::letter::{Kind, Matter, Outcome, Replies, Silence};
use crate::plan::gate::{self, By};
use crate::plan::on_owner::Kept;
use jiff::{SignedDuration, Timestamp};

/// A case that ended counts as lately ended for so many days after anybody spoke of it.
const LATELY_DAYS: i64 = 30;
/// Most cases that ended lately.
const MOST_ENDED: usize = 20;

/// What waits.
pub(in crate::edge::web::pages) struct Waiting<'a> {
    /// The sums.
    pub(super) totals: Totals,
    /// Alerts that await the shopper's word, the latest first.
    pub(super) alerts: &'a [Waits],
    /// Letters that may have been sent.
    pub(super) letters: &'a [Posted],
    /// What is still to come, the soonest first.
    pub(super) rows: Vec<Row<'a>>,
    /// Points that came back and end.
    pub(super) spend: Vec<(&'a Case, Timestamp)>,
    /// Coupons that end.
    pub(super) coupons: &'a [Owned],
    /// What ended lately, the latest first.
    pub(super) ended: Vec<Ended<'a>>,
}

/// The sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Points that are not back.
    pub(super) outstanding: u64,
    /// Orders that owe points, nobody knows how many.
    pub(super) unknown: usize,
    /// Points that mails promise.
    pub(super) promised: u64,
    /// Points that came back this month.
    pub(super) returned: u64,
}

/// One order that something is still to come of.
pub(super) struct Row<'a> {
    pub(super) case: &'a Case,
    pub(super) step: NextStep,
    pub(super) at: Timestamp,
    pub(super) urgency: Urgency,
    /// Nobody stated that deadline.
    pub(super) assumed: bool,
    pub(super) ask: Ask,
    pub(super) says: Says,
    pub(super) mark: String,
}

/// One that ended.
pub(super) struct Ended<'a> {
    pub(super) case: &'a Case,
    /// The last word about it.
    pub(super) last: Timestamp,
    /// It ended by the shopper's word, which she can take back.
    pub(super) by_her: bool,
    pub(super) mark: String,
}

/// How soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// The time is still to come.
    Later,
    /// Now, or today.
    Due,
    /// It is over.
    Late,
}

/// Whether the shop may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::edge::web::pages) enum Ask {
    /// By a letter of this kind.
    May(Kind),
    /// Not, for these reasons.
    Not(Vec<Silence>),
    /// Nobody would.
    Needless,
}

/// What can be said with one tap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::edge::web::pages) struct Says {
    /// All came back; or not yet.
    pub(in crate::edge::web::pages) came: bool,
    /// The coupon came back; or it is lost.
    pub(in crate::edge::web::pages) coupon: bool,
    /// The shop was answered.
    pub(in crate::edge::web::pages) answered: bool,
}

/// What can be said of a case with one tap.
pub(in crate::edge::web::pages) fn says(case: &Case) -> Says {
    let cancelled = is_cancelled(case) || case.questions.contains(&Question::Unpaid);
    Says {
        came: !case.ended && cancelled && case.points.outstanding != Some(0),
        coupon: !case.ended && case.coupon.state == CouponState::Check,
        answered: !case.ended && case.due.reply_by.is_some(),
    }
}

fn is_cancelled(case: &Case) -> bool {
    matches!(case.cancelled, State::Claimed | State::Confirmed | State::Partial | State::Conflict)
}

/// Whether the shop may be asked about a case now, at the shopper's wish.
pub(in crate::edge::web::pages) fn ask(
    case: &Case,
    (mails, memory): &Kept,
    settings: &Settings,
    replies: &Replies,
    now: Timestamp,
) -> Ask {
    let owes = case.points.outstanding != Some(0) || case.coupon.state == CouponState::Check;
    // one that lies in Drafts is hers to send first
    let drafted = matches!(memory.inquiry(), Inquiry::Drafted | Inquiry::Sending);
    if case.ended || !is_cancelled(case) || !owes || drafted {
        return Ask::Needless;
    }
    let asked = memory.of(Kind::AskShop).is_some_and(|one| one.outcome != Outcome::Failed);
    let kind = if asked { Kind::AskShopAgain } else { Kind::AskShop };
    let matter = Matter { case, mails, memory, settings, now };
    let reasons = gate::reasons(kind, By::Owner, &matter, replies);
    if reasons.is_empty() { Ask::May(kind) } else { Ask::Not(reasons) }
}

/// How soon a step is: a deadline is over the second after, what may also be done later only on another day.
pub(super) fn urgency(step: NextStep, at: Timestamp, now: Timestamp) -> Urgency {
    let ladder = matches!(step, NextStep::Look | NextStep::CheckCoupon | NextStep::AskShop | NextStep::AskRakuten);
    let today = civil(at).date() == civil(now).date();
    match at < now {
        true if !ladder || !today => Urgency::Late,
        true => Urgency::Due,
        false if today => Urgency::Due,
        false => Urgency::Later,
    }
}

/// What the store found, in the order it is shown.
pub(super) fn view<'a>(
    found: &'a Found,
    alerts: &'a [Waits],
    letters: &'a [Posted],
    coupons: &'a [Owned],
    settings: &Settings,
    replies: &Replies,
    now: Timestamp,
) -> Waiting<'a> {
    let mark = |case: &Case| Mark::of(Some(case), found.statement).to_string();
    let mut totals = Totals { promised: found.promised, returned: found.returned, ..Totals::default() };
    let (mut rows, mut spend, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    let nothing = Kept::default();
    let lately = now.checked_sub(SignedDuration::from_hours(24 * LATELY_DAYS)).unwrap_or(Timestamp::MIN);
    for case in found.cases.values() {
        if !case.ended && is_cancelled(case) {
            totals.outstanding = totals.outstanding.saturating_add(case.points.outstanding.unwrap_or(0));
            totals.unknown += usize::from(case.points.outstanding.is_none());
        }
        spend.extend(case.due.spend_by.filter(|at| *at >= now).map(|at| (case, at)));
        // points and coupons of what ended have lists of their own
        if let Some((step, at)) = case.next() {
            let kept = found.kept.get(&case.order_number).unwrap_or(&nothing);
            rows.push(Row {
                case,
                step,
                at,
                urgency: urgency(step, at, now),
                assumed: case.is_assumed(step),
                ask: ask(case, kept, settings, replies, now),
                says: says(case),
                mark: mark(case),
            });
            continue;
        }
        let last = found.last.get(&case.order_number).copied().unwrap_or(Timestamp::MIN);
        if case.ended && case.cancelled != State::None && last >= lately {
            ended.push(Ended { case, last, by_her: case.answered_at.is_some(), mark: mark(case) });
        }
    }
    rows.sort_by_key(|row| (row.at, row.step, &row.case.order_number));
    spend.sort_by_key(|(case, at)| (*at, &case.order_number));
    ended.sort_by_key(|one| (std::cmp::Reverse(one.last), &one.case.order_number));
    ended.truncate(MOST_ENDED);
    Waiting { totals, alerts, letters, rows, spend, coupons, ended }
}

impl Waiting<'_> {
    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
            && self.letters.is_empty()
            && self.rows.is_empty()
            && self.spend.is_empty()
            && self.coupons.is_empty()
    }
}
