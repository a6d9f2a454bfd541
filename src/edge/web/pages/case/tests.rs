//! The story of an order, as values and drawn; what its forms take and what they give back.

use super::draw::{page, preview as drawn_preview};
use super::forms::Entered;
use super::view::{preview, shown_with, view};
use crate::edge::store::{Db, Noted, Story};
use crate::edge::web::pages::fields::Fields;
use crate::edge::web::pages::said::wish;
use crate::edge::web::pages::waiting::tests::{cancelled, event, form, is_whole, number, say, store, tokyo};
use crate::edge::web::pages::words::Words;
use crate::facts::{Form, OrderNumber, PointsReturn};
use crate::ledger::due::Settings;
use crate::ledger::giving::give;
use crate::ledger::word::Mark;
use crate::ledger::{By, EventKind, Said};
use crate::letter::{Asked, Kind, Replies};
use crate::wording::{Face, Language, Wording};
use jiff::Timestamp;

const EVIL: &str = "</q><img src=x onerror=alert(1)>\u{202e}";

fn story(db: &Db, order: &OrderNumber, now: Timestamp) -> Story {
    db.story(order, &Settings::default(), now).unwrap().unwrap()
}

fn drawn(story: &Story, order: &OrderNumber, entered: &Entered, language: Language, now: Timestamp) -> String {
    let told = view(story, order, &Settings::default(), &Replies::default(), now).unwrap();
    let wording = Wording::default();
    let labels = wording.labels(language, Face::Dashboard);
    page(&told, &Words { labels: &labels, wording: &wording, language, now }, entered, &form).into_string()
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    Fields::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()).unwrap()
}

/// A cancelled order with a refund mail that names no order and fits another one as well.
fn asked() -> (Db, OrderNumber, OrderNumber) {
    let (order, other) = (number(1, 10), number(2, 10));
    let mut events = cancelled(&order, tokyo(11, 12, 15), 500, "帆布トート");
    events.extend(cancelled(&other, tokyo(11, 12, 15), 500, "マグ"));
    let returned = PointsReturn { amount: Some(500), form: Form::Done };
    let back = EventKind::Points { returned, limited: None, expires_at: None };
    events.push(event(None, tokyo(11, 14, 9), back, EVIL));
    (store(&events), order, other)
}

#[test]
fn the_whole_story_is_told_in_both_languages_and_mails_cannot_write_it() {
    let now = tokyo(11, 26, 12);
    let (mut db, order, _) = asked();
    say(&mut db, &order, Said::Note { text: format!("電話した {EVIL}") }, tokyo(11, 20, 9));
    let until = tokyo(11, 30, 23);
    say(&mut db, &order, Said::Limited { points: 300, expires: until }, tokyo(11, 20, 10));
    say(
        &mut db,
        &order,
        Said::Confirm { points: Some(100), expires: Some(until), coupon_back: None },
        tokyo(11, 21, 9),
    );
    let story = story(&db, &order, now);
    assert_eq!(story.statements.len(), 3);
    for (language, said) in [
        (
            Language::Ja,
            [
                "まだ戻っていないポイント</th><td>400ポイント",
                "300ポイント（11月30日(月) 23:00 まで）",
                "差出人を確認済み",
                "コマンドで",
            ],
        ),
        (
            Language::En,
            [
                "Points outstanding</th><td>400 points", "300 points (until Mon Nov 30, 23:00)", "sender verified",
                "by a command",
            ],
        ),
    ] {
        let page = drawn(&story, &order, &Entered::default(), language, now);
        is_whole(&page);
        for said in said {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("<img") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("https://order.my.rakuten.co.jp/?page=myorder"), "{page}");
        let links: Vec<&str> = page.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for link in links {
            let known = ["/", "https://order.my.rakuten.co.jp/", "https://ask.step.rakuten.co.jp/", "mailto:"];
            assert!(known.iter().any(|start| link.starts_with(start)), "{link}");
        }
    }
}

#[test]
fn the_question_whose_points_these_are_has_a_number_for_each_order() {
    let now = tokyo(11, 26, 12);
    let (mut db, order, other) = asked();
    let told = story(&db, &order, now);
    let page = drawn(&told, &order, &Entered::default(), Language::En, now);
    for one in [&order, &other] {
        assert!(page.contains(&format!("name=\"of-{one}\"")), "{page}");
    }
    let mail = &told.nameless[0];
    let given = give(mail, &[(order.clone(), Some(500))], &[], &told.cases).unwrap();
    let settings = Settings::default();
    let shown = shown_with(&told, &order, &mail.mail);
    assert_eq!(shown, [order.clone(), other.clone()].into());
    let mark = assign_mark(&told, &order, now);
    let mut send =
        |mark: &Mark| db.assign_once(&order, &shown, &mail.mail, mark, &given, By::Dashboard, &settings, now).unwrap();
    assert_eq!(send(&told.mark), Noted::Stale, "a form bears what it shows of all orders");
    let noted = send(&mark);
    assert!(matches!(noted, Noted::Now(_)));
    let Noted::Now(id) = noted else { return };
    assert_eq!(send(&mark), Noted::Before(id));
    let after = story(&db, &order, now);
    assert_eq!(after.cases[&order].points.outstanding, Some(0));
    assert!(after.cases[&order].questions.is_empty());
    assert_eq!(story(&db, &other, now).cases[&other].points.outstanding, Some(500));
}

/// What the form that gives the points of the first mail bears.
fn assign_mark(story: &Story, order: &OrderNumber, now: Timestamp) -> Mark {
    let told = view(story, order, &Settings::default(), &Replies::default(), now).unwrap();
    Mark::parse(&told.assigns[0].mark).unwrap()
}

#[test]
fn points_are_given_only_while_all_orders_are_as_they_were_shown() {
    let now = tokyo(11, 26, 12);
    let (mut db, order, other) = asked();
    let told = story(&db, &order, now);
    let mail = &told.nameless[0];
    let given = give(mail, &[(order.clone(), Some(500))], &[], &told.cases).unwrap();
    let (mark, shown) = (assign_mark(&told, &order, now), shown_with(&told, &order, &mail.mail));
    say(&mut db, &other, Said::Lost, tokyo(11, 26, 11));
    let settings = Settings::default();
    let noted = db.assign_once(&order, &shown, &mail.mail, &mark, &given, By::Dashboard, &settings, now).unwrap();
    assert_eq!(noted, Noted::Stale);
}

#[test]
fn two_mails_about_the_same_orders_have_fields_of_their_own() {
    let now = tokyo(11, 26, 12);
    let (mut db, order, _) = asked();
    let returned = PointsReturn { amount: Some(500), form: Form::Done };
    let mut second =
        event(None, tokyo(11, 15, 9), EventKind::Points { returned, limited: None, expires_at: None }, "y");
    second.mail = crate::mailbox::MailKey::of(b"second");
    second.second_identity = "second".to_owned();
    let old = crate::edge::store::OldMail { key: second.mail, events: vec![second], keep_trusted: true, mails: None };
    db.import(&[old]).unwrap();
    let told = story(&db, &order, now);
    let page = drawn(&told, &order, &Entered::default(), Language::En, now);
    assert_eq!(page.matches(&format!("name=\"of-{order}\"")).count(), told.nameless.len(), "{page}");
    assert_eq!(told.nameless.len(), 2);
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|pair| pair[0].starts_with("of-")) {
        assert_ne!(pair[0], pair[1]);
    }
    let wrong = crate::edge::web::pages::fields::Wrong::of(&format!("of-{order}"), "case.wrong.points-empty");
    let sent = fields(&[("mail", &told.nameless[1].mail.hex())]);
    let page = drawn(&told, &order, &Entered { fields: sent, wrong: vec![wrong] }, Language::En, now);
    let note = format!("of-{}-{order}-wrong", told.nameless[1].mail.short());
    assert!(page.contains(&format!("aria-describedby=\"{note}\"")), "{page}");
    assert_eq!(page.matches(&format!("id=\"{note}\"")).count(), 1, "{page}");
}

#[test]
fn nothing_in_the_field_of_points_means_all_of_them_beside_the_coupon_too() {
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let mut db = store(&cancelled(&order, tokyo(11, 12, 15), 500, "帆布トート"));
    let shown = story(&db, &order, now);
    let said = |pairs: &[(&str, &str)]| fields(pairs).said(&shown.cases[&order], now).unwrap().unwrap();
    // the one-tap button has no field of points: it speaks of the coupon alone
    assert_eq!(said(&[("what", "confirm"), ("coupon", "back")]).len(), 1);
    let words = said(&[("what", "confirm"), ("points", ""), ("expires", ""), ("coupon", "back")]);
    let words: Vec<_> = words.into_iter().map(|said| (order.clone(), said)).collect();
    let mut send = || db.say_once(&order, &shown.mark, &words, By::Dashboard, &Settings::default(), now).unwrap();
    let Noted::Now(id) = send() else { panic!("it was shown so") };
    assert_eq!(send(), Noted::Before(id), "twice is once");
    let case = &story(&db, &order, now).cases[&order];
    assert_eq!(case.points.outstanding, Some(0));
    assert_eq!(case.coupon.state, crate::ledger::case::CouponState::Back);
}

#[test]
fn a_form_with_more_fields_than_any_has_says_nothing() {
    let many = |count: usize| (0..count).map(|n| (format!("of-{n}"), String::new())).collect();
    assert!(Fields::of(many(256)).is_some() && Fields::of(many(257)).is_none());
}

#[test]
fn a_form_says_a_thing_once_and_a_stale_one_nothing() {
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let mut db = store(&cancelled(&order, tokyo(11, 12, 15), 500, "帆布トート"));
    let settings = Settings::default();
    let mut send = |mark: &Mark, said: Said, at| {
        let noted = db.say_once(&order, mark, &[(order.clone(), said)], By::Dashboard, &settings, at).unwrap();
        (noted, db.story(&order, &settings, at).unwrap().unwrap())
    };
    let first = Mark::of(None, 0);
    let came = || Said::Confirm { points: None, expires: None, coupon_back: None };
    let (noted, shown) = send(&first, came(), now);
    assert_eq!(noted, Noted::Stale, "it never showed this order");
    let (noted, after) = send(&shown.mark, came(), now);
    let Noted::Now(id) = noted else { panic!("{noted:?}") };
    assert_eq!(after.cases[&order].points.outstanding, Some(0));
    // a second click, a little later
    let (noted, after) = send(&shown.mark, came(), tokyo(11, 26, 13));
    assert_eq!((noted, after.statements.len()), (Noted::Before(id), 1));
    // whatever is said of another order meanwhile
    say(&mut db, &number(9, 12), Said::Deny, tokyo(11, 26, 13));
    let mut send = |mark: &Mark, said: Said, at| {
        let noted = db.say_once(&order, mark, &[(order.clone(), said)], By::Dashboard, &settings, at).unwrap();
        (noted, db.story(&order, &settings, at).unwrap().unwrap())
    };
    assert_eq!(send(&shown.mark, came(), tokyo(11, 26, 13)).0, Noted::Before(id));
    // another button of the same stale page
    let (noted, after) = send(&shown.mark, Said::Deny, tokyo(11, 26, 13));
    assert_eq!((noted, after.statements.len()), (Noted::Stale, 1));
    // taken back on a fresh one; then the first page's form is sent once more
    let (noted, after) = send(&after.mark.clone(), Said::Deny, tokyo(11, 26, 14));
    assert!(matches!(noted, Noted::Now(_)));
    assert_eq!(after.cases[&order].points.outstanding, Some(500));
    let (noted, after) = send(&shown.mark, came(), tokyo(11, 26, 15));
    assert_eq!((noted, after.statements.len()), (Noted::Stale, 2));
    assert!(after.statements.iter().all(|(_, one)| one.by == By::Dashboard));
}

#[test]
fn a_mail_that_changes_the_order_makes_a_form_stale_and_one_about_another_does_not() {
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let mut db = store(&cancelled(&order, tokyo(11, 12, 15), 500, "帆布トート"));
    let shown = story(&db, &order, now);
    let import = |db: &mut Db, events: Vec<crate::ledger::Event>| {
        for event in events {
            let mail = event.mail;
            db.import(&[crate::edge::store::OldMail {
                key: mail,
                events: vec![event],
                keep_trusted: true,
                mails: None,
            }])
            .unwrap();
        }
    };
    import(&mut db, cancelled(&number(5, 12), tokyo(11, 13, 15), 70, "皿"));
    assert_eq!(story(&db, &order, now).mark, shown.mark);
    let returned = PointsReturn { amount: Some(200), form: Form::Done };
    let back = EventKind::Points { returned, limited: None, expires_at: None };
    import(&mut db, vec![event(Some(&order), tokyo(11, 20, 9), back, "200ポイントを返還しました")]);
    let words = [(order.clone(), Said::Deny)];
    let noted = db.say_once(&order, &shown.mark, &words, By::Dashboard, &Settings::default(), now).unwrap();
    assert_eq!(noted, Noted::Stale);
}

#[test]
fn wrong_fields_are_told_beside_them_and_keep_what_was_entered() {
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let db = store(&cancelled(&order, tokyo(11, 12, 15), 500, "帆布トート"));
    let story = story(&db, &order, now);
    let case = &story.cases[&order];
    let told = |pairs: &[(&str, &str)]| fields(pairs).said(case, now);
    let wrong = |pairs: &[(&str, &str)]| -> Vec<String> {
        told(pairs).unwrap_err().into_iter().map(|wrong| wrong.field).collect()
    };
    for points in ["501", "-1", "1.5", "x", "99999999999999999999", "１２３４"] {
        assert_eq!(wrong(&[("what", "confirm"), ("points", points)]), ["points"], "{points}");
    }
    for day in ["2026-02-30", "soon", "2026-11-09", "2032-01-01", "2026-13-01", "9999-12-31"] {
        assert_eq!(wrong(&[("what", "confirm"), ("expires", day)]), ["expires"], "{day}");
    }
    assert_eq!(wrong(&[("what", "limited")]), ["limited-points", "limited-expires"]);
    assert_eq!(wrong(&[("what", "note"), ("text", " \u{202e} ")]), ["text"]);
    assert_eq!(wrong(&[("what", "note"), ("text", &"あ".repeat(501))]), ["text"]);
    assert_eq!(told(&[("what", "drop table")]), Ok(None));
    let end = crate::calendar::last_second_of("2026-12-31").unwrap();
    assert_eq!(
        told(&[("what", "confirm"), ("points", "５００"), ("expires", "2026/12/31"), ("coupon", "back")]),
        Ok(Some(vec![Said::Confirm { points: Some(500), expires: Some(end), coupon_back: Some(true) }]))
    );
    assert_eq!(
        told(&[("what", "confirm"), ("points", "")]),
        Ok(Some(vec![Said::Confirm { points: None, expires: None, coupon_back: None }]))
    );
    let sent = fields(&[("what", "confirm"), ("points", "501\"><b>"), ("expires", "2026-12-31")]);
    let entered = Entered { wrong: sent.said(case, now).unwrap_err(), fields: sent };
    let page = drawn(&story, &order, &entered, Language::En, now);
    is_whole(&page);
    assert!(page.contains("value=\"501&quot;&gt;&lt;b&gt;\"") && page.contains("value=\"2026-12-31\""), "{page}");
    assert!(
        page.contains("aria-describedby=\"points-wrong\"") && page.contains("write a number from 0 to 500"),
        "{page}"
    );
    assert!(page.contains("<details open"), "{page}");
}

#[test]
fn a_letter_is_shown_whole_before_it_is_written_and_sent_only_where_that_is_allowed() {
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let db = store(&cancelled(&order, tokyo(11, 12, 15), 500, "帆布トート"));
    let story = story(&db, &order, now);
    let wording = Wording::default();
    let labels = wording.labels(Language::En, Face::Dashboard);
    let words = Words { labels: &labels, wording: &wording, language: Language::En, now };
    for kind in Kind::ALL {
        let replies = Replies { drafts: true, send: [kind].into(), ..Replies::default() };
        let settings = Settings::default();
        let shown = preview(kind, &story, &order, &Asked::default(), &settings, &replies, now).unwrap();
        // no mail gives an address here: the gate is shut, and nothing can be pressed
        assert!(!shown.sendable && (kind == Kind::AskRakuten || !shown.reasons.is_empty()), "{kind:?}");
        let wish = wish(kind, &Fields::default());
        let page = drawn_preview(&order, &shown, &wish, &Fields::default(), &words, &form).into_string();
        is_whole(&page);
        assert!(!page.contains("method=\"post\""), "{page}");
        // a wish is only shown first: nothing is written with one that was not seen in the text
        assert_eq!(page.contains("method=\"get\""), kind == Kind::AnswerAlternative, "{page}");
        assert!(shown.body.is_empty() || page.contains("<pre"), "{page}");
    }
}
