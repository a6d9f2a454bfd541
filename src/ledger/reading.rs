//! Mail and facts → events: what a mail claims, by facts and trust alone.

use super::event::{Event, EventKind, Terms};
use super::whose;
use crate::facts::{
    Cancelled, Confidence, CouponRole, Facts, Field, Form, Found, Item, OrderNumber, PointsReturn, Share, Span, Stock,
};
use crate::mail::trust::is_rakuten;
use crate::mail::{Mail, PartKind, TrustLevel};
use jiff::{Timestamp, ToSpan};

/// The longest excerpt, in characters.
const EXCERPT: usize = 200;

/// The events of one mail. They follow from facts and trust alone, so that the order of arrival cannot change the
/// ledger. Suspect mail, quoted text and readings of low confidence yield none.
#[must_use]
pub fn events(mail: &Mail, facts: &Facts) -> Vec<Event> {
    if mail.trust.level == TrustLevel::Suspect {
        return Vec::new();
    }
    let reader = Reader { mail, facts };
    let order = facts.order_numbers.iter().find(|found| reader.is_sure(found));
    let mut events = Vec::new();
    let mut tell = |span: &Span, kind: EventKind| events.extend(reader.events(span, kind));

    if let Some(found) = reader.sure(&facts.cancelled) {
        let kind = EventKind::Cancel {
            form: reader.form(found.value),
            cause: reader.value(&facts.cause),
            terms: reader.terms(),
            reply_by: reader.value(&facts.reply_by),
        };
        tell(&found.span, kind);
    }
    if let Some(found) = reader.sure(&facts.stage) {
        tell(&found.span, EventKind::Order { stage: found.value, terms: reader.terms() });
    }
    if let Some(found) = reader.sure(&facts.points_return) {
        let kind = EventKind::Points {
            returned: found.value,
            limited: reader.value(&facts.limited_time_points),
            expires_at: reader.value(&facts.points_expire_at),
        };
        tell(&found.span, kind);
    }
    if let Some(found) = reader.sure(&facts.coupon) {
        let belongs = match found.value.role {
            // these can belong to the story of a cancelled order, named or not
            CouponRole::Apology | CouponRole::Returned | CouponRole::Refused => true,
            // and these are not forgotten, if it is known when they end
            CouponRole::Granted | CouponRole::Expiring => order.is_some() || found.value.expires_at.is_some(),
            CouponRole::Advert => false,
        };
        if belongs {
            tell(&found.span, EventKind::Coupon(found.value.clone()));
        }
    }
    if let (Some(found), Some(_)) = (reader.sure(&facts.pay_by), order) {
        tell(&found.span, EventKind::PayBy { until: found.value });
    }
    // a mail about an order, or about what comes back of one, is no mail about goods that are back
    let living = facts.cancelled.is_none() && facts.stage.is_none() && facts.points_return.is_none() && order.is_none();
    if let Some(found) = reader.sure(&facts.stock).filter(|found| found.value == Stock::Back && living)
        && reader.value(&facts.shop_code).is_some()
    {
        tell(&found.span, EventKind::Restock { items: reader.items() });
    }
    if let Some(found) = reader.sure(&facts.resale_at).filter(|_| living) {
        tell(&found.span, EventKind::Resale { from: found.value, items: reader.items() });
    }
    events
}

struct Reader<'a> {
    mail: &'a Mail,
    facts: &'a Facts,
}

impl Reader<'_> {
    fn part(&self, span: &Span) -> PartKind {
        if span.field == Field::Body { self.mail.part_at(span.range.start) } else { PartKind::New }
    }

    fn is_sure<T>(&self, found: &Found<T>) -> bool {
        found.confidence == Confidence::High && self.part(&found.span) != PartKind::Quoted
    }

    fn sure<'b, T>(&self, found: &'b Option<Found<T>>) -> Option<&'b Found<T>> {
        found.as_ref().filter(|found| self.is_sure(found))
    }

    fn value<T: Clone>(&self, found: &Option<Found<T>>) -> Option<T> {
        self.sure(found).map(|found| found.value.clone())
    }

    /// Mail that passes through the relay is written by shops: a shop can claim a cancellation, not confirm it.
    fn form(&self, form: Cancelled) -> Cancelled {
        if form == Cancelled::Confirmed && self.by_shop() { Cancelled::Claimed } else { form }
    }

    fn by_shop(&self) -> bool {
        let from = self.mail.from.domain();
        from == "shop.rakuten.co.jp" || from.ends_with(".shop.rakuten.co.jp")
    }

    /// A provider vouches for a sender, not for what that sender passes on: a forwarded text can be edited, and a
    /// verified stranger proves nothing about Rakuten.
    fn trust(&self, span: &Span) -> TrustLevel {
        let rakuten = is_rakuten(self.mail.from.domain());
        let passed_on = self.mail.inner.is_some() || self.part(span) == PartKind::Forwarded;
        if rakuten && !passed_on { self.mail.trust.level } else { self.mail.trust.level.min(TrustLevel::Unverified) }
    }

    /// One event for each order that the words speak of.
    fn events(&self, span: &Span, mut kind: EventKind) -> Vec<Event> {
        let numbers: Vec<_> = self.facts.order_numbers.iter().filter(|found| self.is_sure(found)).collect();
        let mut orders = whose::orders(self.mail, &numbers, span);
        if orders.is_empty() && matches!(kind, EventKind::Order { .. } | EventKind::Cancel { .. }) {
            orders.extend(self.answered());
        }
        // of several orders nobody can tell whose the sums are
        if numbers.first().is_some_and(|first| orders.iter().any(|order| *order != first.value))
            && let EventKind::Order { terms, .. } | EventKind::Cancel { terms, .. } = &mut kind
        {
            *terms = Terms { shop_code: terms.shop_code.take(), shop_name: terms.shop_name.take(), ..Terms::default() };
        }
        if let EventKind::Points { returned, limited, expires_at } = &kind
            && !self.facts.points_by_order.is_empty()
        {
            return self.shares(span, returned.form, *limited, *expires_at);
        }
        match orders.as_slice() {
            [] => vec![self.event(None, span, kind)],
            // one sum over several orders is left to the shopper: counted for each it would count twice
            [_, _, ..] if matches!(&kind, EventKind::Points { returned, .. } if returned.amount.is_some()) => {
                vec![self.event(None, span, kind)]
            }
            orders => orders.iter().map(|order| self.event(Some(order), span, kind.clone())).collect(),
        }
    }

    /// The order that a shop's answer is about when only the quotation below it names one, and no other. What stands
    /// there claims nothing; it only says what the new words are about. Points are not booked on it.
    fn answered(&self) -> Option<OrderNumber> {
        let mut numbers = self.facts.order_numbers.iter();
        let first = numbers.next().filter(|_| self.by_shop())?;
        let same = numbers.all(|number| number.value == first.value);
        (same && self.part(&first.span) == PartKind::Quoted).then(|| first.value.clone())
    }

    /// One event for each order of a list with its points. What stands within one entry of the list is said of that
    /// order alone.
    fn shares(&self, span: &Span, form: Form, limited: Option<bool>, expires_at: Option<Timestamp>) -> Vec<Event> {
        let facts = self.facts;
        let own = |place: Option<&Span>, share: &Found<Share>| {
            let within = |one: &Found<Share>| {
                place.is_some_and(|place| place.field == one.span.field && one.span.range.contains(&place.range.start))
            };
            within(share) || !facts.points_by_order.iter().any(within)
        };
        let shares = facts.points_by_order.iter();
        let event = |share: &Found<Share>| {
            let returned = PointsReturn { amount: Some(share.value.points), form };
            let limited_at = facts.limited_time_points.as_ref().map(|found| &found.span);
            let ends_at = facts.points_expire_at.as_ref().map(|found| &found.span);
            let kind = EventKind::Points {
                returned,
                limited: limited.filter(|_| own(limited_at, share)),
                expires_at: expires_at.filter(|_| own(ends_at, share)),
            };
            self.event(Some(&share.value.order), span, kind)
        };
        shares.map(event).collect()
    }

    fn event(&self, order: Option<&OrderNumber>, span: &Span, kind: EventKind) -> Event {
        let mail = self.mail;
        let identity = &mail.second_identity;
        Event {
            order: order.cloned(),
            shop_code: self.value(&self.facts.shop_code),
            kind,
            at: self.at(),
            mail: mail.key,
            second_identity: if identity.is_empty() { mail.key.hex() } else { identity.clone() },
            trust: self.trust(span),
            excerpt: excerpt(mail, span),
            sender: mail.from.addr.clone(),
        }
    }

    /// When the mail was written: of a forward the inner date, else the Date header. One from the future is not
    /// believed. The time of receipt stands in only when there is no date, because an imported file has none of its
    /// own.
    fn at(&self) -> Timestamp {
        let mail = self.mail;
        let latest = mail.received.saturating_add(24.hours()).unwrap_or(Timestamp::MAX);
        let inner = mail.inner.as_ref().and_then(|inner| inner.date);
        inner.or(mail.date).filter(|date| *date <= latest).unwrap_or(mail.base)
    }

    fn items(&self) -> Vec<Item> {
        self.facts.items.iter().filter(|item| self.is_sure(item)).map(|item| item.value.clone()).collect()
    }

    fn terms(&self) -> Terms {
        let facts = self.facts;
        Terms {
            shop_code: self.value(&facts.shop_code),
            shop_name: self.value(&facts.shop_name),
            ordered_at: self.value(&facts.ordered_at),
            total_yen: self.value(&facts.total_yen),
            payment_yen: self.value(&facts.payment_yen),
            points_used: self.value(&facts.points_used),
            coupon_used_yen: self.value(&facts.coupon_used_yen),
            items: self.items(),
            service: self.value(&facts.service),
            risks: facts.risks.iter().filter(|found| self.is_sure(found)).map(|found| found.value).collect(),
            lead_days: self.value(&facts.lead_days),
        }
    }
}

/// The line the words stand in, or as much of it around them as fits.
fn excerpt(mail: &Mail, span: &Span) -> String {
    let text = match span.field {
        Field::Body => mail.body.raw.as_str(),
        Field::Subject => mail.subject.raw.as_str(),
        Field::From | Field::Link => return span.words(mail).chars().take(EXCERPT).collect(),
    };
    let (Some(before), Some(words), Some(after)) =
        (text.get(..span.range.start), text.get(span.range.clone()), text.get(span.range.end..))
    else {
        return String::new();
    };
    let before = before.rsplit(['\n', '。']).next().unwrap_or_default();
    let after = after.find(['\n', '。']).and_then(|end| after.get(..end)).unwrap_or(after);
    let room = EXCERPT.saturating_sub(words.chars().count()) / 2;
    let skip = before.chars().count().saturating_sub(room);
    let line: String = before.chars().skip(skip).chain(words.chars()).chain(after.chars().take(room)).collect();
    line.trim().chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Form, PointsReturn, Stage};
    use crate::mail::{Address, Inner, Part, Reading, Text};

    const ORDER: &str = "399999-20261120-0123456789";

    fn mail(from: &str, level: TrustLevel, text: &str) -> Mail {
        let reading = Reading { received: "2026-11-24T01:03:12Z".parse().unwrap(), size: 0, authserv_ids: &[] };
        let mut mail = crate::mail::read(text.as_bytes(), &reading);
        mail.from = Address { name: String::new(), addr: from.to_owned() };
        mail.trust.level = level;
        mail.body = Text::new(text);
        mail.parts = vec![Part { kind: PartKind::New, range: 0..text.len() }];
        mail.date = Some("2026-11-24T01:03:00Z".parse().unwrap());
        mail.inner = None;
        mail
    }

    fn found<T>(mail: &Mail, words: &str, value: T) -> Found<T> {
        let start = mail.body.raw.find(words).unwrap();
        let span = Span { field: Field::Body, range: start..start + words.len() };
        Found { value, span, confidence: Confidence::High }
    }

    /// A mail that says `words` about a return of 500 points.
    fn returned(mail: &Mail) -> Facts {
        Facts {
            order_numbers: vec![found(mail, ORDER, crate::facts::OrderNumber::parse(ORDER).unwrap())],
            points_return: Some(found(mail, "500ポイント", PointsReturn { amount: Some(500), form: Form::Done })),
            ..Facts::default()
        }
    }

    const TEXT: &str =
        "見本 花子 様\n注文番号 399999-20261120-0123456789\n拝復。ご利用の500ポイントを返還いたしました。敬具\n";

    #[test]
    fn trust_of_an_event_is_no_more_than_its_source_can_give() {
        let rakuten = "info@point.rakuten.co.jp";
        let check = |from: &str, level, expect: Option<TrustLevel>| {
            let mail = mail(from, level, TEXT);
            let got = events(&mail, &returned(&mail)).first().map(|event| event.trust);
            assert_eq!(got, expect, "{from} {level:?}");
        };
        check(rakuten, TrustLevel::Verified, Some(TrustLevel::Verified));
        check(rakuten, TrustLevel::Unverified, Some(TrustLevel::Unverified));
        check(rakuten, TrustLevel::Suspect, None);
        check("friend@example.org", TrustLevel::Verified, Some(TrustLevel::Unverified));

        let mut forward = mail(rakuten, TrustLevel::Verified, TEXT);
        forward.inner = Some(Inner { date: Some("2026-11-22T01:00:00Z".parse().unwrap()), ..Inner::default() });
        let event = events(&forward, &returned(&forward)).remove(0);
        assert_eq!(event.trust, TrustLevel::Unverified);
        assert_eq!(event.at, "2026-11-22T01:00:00Z".parse().unwrap());
    }

    #[test]
    fn quoted_and_doubtful_readings_make_no_events() {
        let mut quoted = mail("a_1@shop.rakuten.co.jp", TrustLevel::Verified, TEXT);
        for part in &mut quoted.parts {
            part.kind = PartKind::Quoted;
        }
        assert_eq!(events(&quoted, &returned(&quoted)), []);

        let plain = mail("a_1@shop.rakuten.co.jp", TrustLevel::Verified, TEXT);
        let mut facts = returned(&plain);
        facts.points_return.as_mut().unwrap().confidence = Confidence::Low;
        assert_eq!(events(&plain, &facts), []);
    }

    #[test]
    fn an_answer_is_about_the_order_that_it_quotes() {
        let text = "キャンセルにはせず、お待ちします。\n> 注文番号 399999-20261120-0123456789\n> 500ポイントを返還\n";
        let quoted_from = text.find('>').unwrap();
        let told = |from: &str, text: &str, facts: &Facts| {
            let mut mail = mail(from, TrustLevel::Verified, text);
            mail.parts = vec![
                Part { kind: PartKind::New, range: 0..quoted_from },
                Part { kind: PartKind::Quoted, range: quoted_from..text.len() },
            ];
            events(&mail, facts).into_iter().map(|event| event.order.map(|order| order.to_string())).collect::<Vec<_>>()
        };
        let shop = "a_1@shop.rakuten.co.jp";
        let plain = mail(shop, TrustLevel::Verified, text);
        let number = Found { confidence: Confidence::Low, ..returned(&plain).order_numbers.remove(0) };
        let facts = Facts {
            order_numbers: vec![number.clone()],
            stage: Some(found(&plain, "お待ち", Stage::Agreed)),
            ..Facts::default()
        };
        assert_eq!(told(shop, text, &facts), [Some(ORDER.to_owned())]);
        // nobody else's answer, no other number beside it, and no points
        assert_eq!(told("friend@example.org", text, &facts), [None]);
        let other = crate::facts::OrderNumber::parse("399999-20261121-0123456790").unwrap();
        let mut two = facts.clone();
        two.order_numbers.push(Found { value: other, ..number });
        assert_eq!(told(shop, text, &two), [None]);
        let points = PointsReturn { amount: Some(500), form: Form::Done };
        let points = Facts { stage: None, points_return: Some(found(&plain, "お待ち", points)), ..facts };
        assert_eq!(told(shop, text, &points), [None]);
    }

    #[test]
    fn the_sentence_that_decided_is_kept() {
        let mail = mail("a_1@shop.rakuten.co.jp", TrustLevel::Verified, TEXT);
        let event = events(&mail, &returned(&mail)).remove(0);
        assert_eq!(event.excerpt, "ご利用の500ポイントを返還いたしました");
        assert_eq!(event.order.unwrap().as_str(), ORDER);

        let mut facts = returned(&mail);
        facts.points_return.as_mut().unwrap().span.range = 1..2; // inside a character
        assert_eq!(events(&mail, &facts).remove(0).excerpt, "");
    }

    #[test]
    fn a_shop_claims_and_rakuten_confirms() {
        let form = |from: &str| {
            let mail = mail(from, TrustLevel::Verified, TEXT);
            let facts = Facts { cancelled: Some(found(&mail, "注文", Cancelled::Confirmed)), ..returned(&mail) };
            match events(&mail, &facts).remove(0).kind {
                EventKind::Cancel { form, .. } => form,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(form("order-cancel@order-rp.rms.rakuten.co.jp"), Cancelled::Confirmed);
        assert_eq!(form("modori-zakka_2@shop.rakuten.co.jp"), Cancelled::Claimed);
    }

    #[test]
    fn goods_that_are_back_are_kept_for_the_shops_record() {
        let text = "お待たせしました。\nケトルが再入荷いたしました。\n";
        let plain = mail("modori-zakka_2@shop.rakuten.co.jp", TrustLevel::Verified, text);
        let facts = Facts {
            stock: Some(found(&plain, "再入荷", Stock::Back)),
            shop_code: Some(found(&plain, "ケトル", "modori-zakka".to_owned())),
            ..Facts::default()
        };
        let told = events(&plain, &facts);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].order.clone(), told[0].shop_code.as_deref()), (None, Some("modori-zakka")));
        assert!(matches!(told[0].kind, EventKind::Restock { .. }));
        // announced goods are not back; an order that lives is no restock; a forged mail says nothing
        let none = |change: &dyn Fn(&mut Mail, &mut Facts)| {
            let (mut mail, mut facts) = (plain.clone(), facts.clone());
            change(&mut mail, &mut facts);
            let told = events(&mail, &facts);
            assert!(!told.iter().any(|event| matches!(event.kind, EventKind::Restock { .. })), "{told:?}");
        };
        none(&|mail, facts| facts.stock = Some(found(mail, "再入荷", Stock::Announced)));
        none(&|mail, facts| facts.stage = Some(found(mail, "再入荷", Stage::FoundAfterAll)));
        none(&|mail, facts| facts.cancelled = Some(found(mail, "再入荷", Cancelled::Pending)));
        none(&|_, facts| facts.stock.as_mut().unwrap().confidence = Confidence::Low);
        none(&|_, facts| facts.shop_code = None);
        none(&|mail, _| mail.trust.level = TrustLevel::Suspect);
    }

    #[test]
    fn the_time_of_a_sale_is_kept_so_that_the_mailbox_can_be_watched_more_closely() {
        let plain = mail("info@rakuten.co.jp", TrustLevel::Verified, "11月28日20時より再販いたします。\n");
        let from: Timestamp = "2026-11-28T20:00:00+09:00".parse().unwrap();
        let facts = Facts { resale_at: Some(found(&plain, "11月28日20時", from)), ..Facts::default() };
        let kinds =
            |mail: &Mail, facts: &Facts| events(mail, facts).into_iter().map(|event| event.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&plain, &facts), [EventKind::Resale { from, items: Vec::new() }]);
        let mut doubted = facts.clone();
        doubted.resale_at.as_mut().unwrap().confidence = Confidence::Low;
        assert_eq!(kinds(&plain, &doubted), []);
        let forged = mail("info@rakuten.co.jp", TrustLevel::Suspect, "11月28日20時より再販いたします。\n");
        assert_eq!(kinds(&forged, &facts), []);
    }

    #[test]
    fn an_order_that_says_nothing_new_is_stored_as_before() {
        let bare = serde_json::to_value(Terms::default()).unwrap();
        assert!(["service", "risks", "lead_days"].iter().all(|key| bare.get(key).is_none()), "{bare}");
        assert_eq!(serde_json::from_value::<Terms>(bare).unwrap(), Terms::default());
        let full = Terms {
            service: Some(crate::facts::Service::Asuraku),
            risks: vec![crate::facts::Risk::MakerStock],
            lead_days: Some(7),
            ..Terms::default()
        };
        let kind = EventKind::Order { stage: Stage::Ordered, terms: full };
        let stored = serde_json::to_string(&kind).unwrap();
        assert_eq!(serde_json::from_str::<EventKind>(&stored).unwrap(), kind);
    }

    #[test]
    fn a_date_from_the_future_is_not_believed() {
        let mut mail = mail("order@rakuten.co.jp", TrustLevel::Verified, TEXT);
        mail.date = Some("2036-01-01T00:00:00Z".parse().unwrap());
        let facts = Facts { stage: Some(found(&mail, "注文", Stage::Ordered)), ..returned(&mail) };
        assert_eq!(events(&mail, &facts).remove(0).at, mail.base);
    }
}
