//! What was owed in a month: as in an account book, what was open before and what came anew is what came back, what was
//! lost and what is open still.
//!
//! Two looks at the ledger give it: as it stood when the month began, and as it stood when it ended. What the shopper or a
//! mail says later about that time changes both, and so does nothing else.

use crate::facts::OrderNumber;
use crate::ledger::Case;
use crate::ledger::case::{CouponState, State};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How the points of one order stand. `expected` is always the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What should come back. More than the rules say, if more did.
    pub expected: u64,
    /// What did.
    pub returned: u64,
    /// What is open.
    pub open: u64,
    /// What was given up, or can be asked for no more.
    pub lost: u64,
}

/// How the points of a case stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing is owed: it is not cancelled.
    Nothing,
    /// So much.
    Known(Account),
    /// Nobody said how much was used, or how much of it comes back.
    Unknown,
}

impl Standing {
    fn of(case: &Case) -> Self {
        if !is_cancelled(case) {
            return Self::Nothing;
        }
        let points = &case.points;
        let Some(expected) = points.expected_back else { return Self::Unknown };
        let returned = points.returned.unwrap_or_default();
        let rest = expected.saturating_sub(returned).min(points.outstanding.unwrap_or(u64::MAX));
        let (open, lost) = if case.ended { (0, rest) } else { (rest, 0) };
        Self::Known(Account { expected: returned.saturating_add(rest), returned, open, lost })
    }

    fn account(self) -> Account {
        match self {
            Self::Known(account) => account,
            Self::Nothing | Self::Unknown => Account::default(),
        }
    }
}

fn is_cancelled(case: &Case) -> bool {
    matches!(case.cancelled, State::Claimed | State::Confirmed | State::Partial | State::Conflict)
}

/// What moved in a month; `before + new = returned + lost + after`. Single ones may be below zero: a word that was taken
/// back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Open when the month began.
    pub before: i64,
    /// Expected anew.
    pub new: i64,
    /// Came back.
    pub returned: i64,
    /// Given up, or can be asked for no more.
    pub lost: i64,
    /// Open when it ended.
    pub after: i64,
}

impl Flow {
    fn between(before: Account, after: Account) -> Self {
        let moved = |from: u64, to: u64| signed(to).saturating_sub(signed(from));
        Self {
            before: signed(before.open),
            new: moved(before.expected, after.expected),
            returned: moved(before.returned, after.returned),
            lost: moved(before.lost, after.lost),
            after: signed(after.open),
        }
    }

    fn add(&mut self, other: Self) {
        self.before = self.before.saturating_add(other.before);
        self.new = self.new.saturating_add(other.new);
        self.returned = self.returned.saturating_add(other.returned);
        self.lost = self.lost.saturating_add(other.lost);
        self.after = self.after.saturating_add(other.after);
    }

    /// Whether it adds up.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.before.saturating_add(self.new) == self.returned.saturating_add(self.lost).saturating_add(self.after)
    }

    fn is_still(&self) -> bool {
        *self == Self::default()
    }
}

fn signed(points: u64) -> i64 {
    i64::try_from(points).unwrap_or(i64::MAX)
}

/// What one cancelled order owes, as it stood at the end of the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which order.
    pub order: OrderNumber,
    /// Its shop, by name or code.
    pub shop: Option<String>,
    /// When the cancellation was first said.
    pub cancelled_at: Option<Timestamp>,
    /// How its points stand; `None`: nobody said how many come back.
    pub points: Option<Account>,
    /// What moved in the month.
    pub flow: Flow,
    /// What its coupon was worth, in yen, as far as it is known.
    pub coupon_yen: Option<u64>,
    /// Whether it came back.
    pub coupon: CouponState,
    /// Nothing waits any more.
    pub ended: bool,
}

/// Coupons of cancelled orders: how many, and their yen as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CouponCount {
    /// How many.
    pub count: u64,
    /// Their yen, where mails say it.
    pub yen: u64,
}

impl CouponCount {
    fn add(&mut self, yen: Option<u64>) {
        self.count = self.count.saturating_add(1);
        self.yen = self.yen.saturating_add(yen.unwrap_or_default());
    }
}

/// What was owed in a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Each order that owed something in the month, by the time of its cancellation.
    pub cases: Vec<Owed>,
    /// The points of all of them.
    pub points: Flow,
    /// What those that are listed were expected to give back, and what came of it.
    pub standing: Account,
    /// Orders of which nobody said how many points come back, and that are open.
    pub unknown: u64,
    /// Coupons that came back in the month.
    pub coupons_back: CouponCount,
    /// Coupons that were lost in the month.
    pub coupons_lost: CouponCount,
    /// Coupons that were open at its end.
    pub coupons_open: CouponCount,
}

/// The book of a month out of the cases as they stood `before` it and `after` it.
#[must_use]
pub fn book(before: &BTreeMap<OrderNumber, Case>, after: &BTreeMap<OrderNumber, Case>) -> Book {
    let mut book = Book::default();
    // a case that is gone by the end (its only mail was given to another order) takes what it owed with it
    let gone = before.iter().filter(|(order, _)| !after.contains_key(*order)).map(|(order, was)| (order, was, true));
    for (order, case, is_gone) in after.iter().map(|(order, case)| (order, case, false)).chain(gone) {
        let was = before.get(order);
        let to = if is_gone { Standing::Nothing } else { Standing::of(case) };
        let from = was.map_or(Standing::Nothing, Standing::of);
        // what nobody can count leaves the sums, and what was counted before leaves them, too
        let flow = Flow::between(from.account(), to.account());
        let (coupon_was, coupon) =
            (was.map_or(CouponState::None, coupon), if is_gone { CouponState::None } else { coupon(case) });
        let open = to == Standing::Unknown && !case.ended;
        let coupon_moves = coupon_was != coupon || coupon == CouponState::Check;
        if to == Standing::Nothing && flow.is_still() {
            continue;
        }
        if flow.is_still() && !open && !coupon_moves && is_old(was, case) {
            continue;
        }
        book.points.add(flow);
        book.unknown += u64::from(open);
        let yen = case.coupon.used_yen;
        match coupon {
            CouponState::Check => book.coupons_open.add(yen),
            CouponState::Back if coupon_moves => book.coupons_back.add(yen),
            CouponState::Lost if coupon_moves => book.coupons_lost.add(yen),
            _ => {}
        }
        let account = match to {
            Standing::Known(account) => Some(account),
            Standing::Nothing => Some(Account::default()),
            Standing::Unknown => None,
        };
        if let Some(account) = account {
            let sum = &mut book.standing;
            sum.expected = sum.expected.saturating_add(account.expected);
            sum.returned = sum.returned.saturating_add(account.returned);
            sum.open = sum.open.saturating_add(account.open);
            sum.lost = sum.lost.saturating_add(account.lost);
        }
        book.cases.push(Owed {
            order: order.clone(),
            shop: case.shop().map(str::to_owned),
            cancelled_at: case.cancelled_at,
            points: account,
            flow,
            coupon_yen: yen,
            coupon,
            ended: is_gone || case.ended,
        });
    }
    book.cases.sort_by(|one, other| (one.cancelled_at, &one.order).cmp(&(other.cancelled_at, &other.order)));
    book
}

/// It was cancelled before the month, and had ended before it, too.
fn is_old(was: Option<&Case>, case: &Case) -> bool {
    was.is_some_and(|was| is_cancelled(was) && was.ended == case.ended)
}

/// One of which nobody knew when its case lapsed can be looked for no more.
fn coupon(case: &Case) -> CouponState {
    match case.coupon.state {
        _ if !is_cancelled(case) => CouponState::None,
        CouponState::Check if case.ended => CouponState::Lost,
        state => state,
    }
}
