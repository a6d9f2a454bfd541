//! Cases, their questions and their stories.

use super::{DIM, at, one_line, table, title};
use crate::cli::case::Told;
use crate::facts::Stage;
use crate::ledger::case::{CouponState, State};
use crate::ledger::coupon::Owned;
use crate::ledger::{Case, Event, EventKind, Evidence, Question, claim};
use crate::wording::{Language, Wording};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The accounts that mails came to, in one line.
pub(in crate::cli) fn accounts(all: &BTreeSet<&str>) -> String {
    all.iter().map(|account| one_line(account)).collect::<Vec<_>>().join(", ")
}

/// The cases, each with its next step; and the accounts of each, where they are told.
pub(in crate::cli) fn cases(
    cases: &[&Case],
    accounts: Option<&[String]>,
    wording: &Wording,
    language: Language,
) -> String {
    if cases.is_empty() {
        return match language {
            Language::Ja => "未解決の件はありません".to_owned(),
            Language::En => "nothing is outstanding".to_owned(),
        };
    }
    let header = match language {
        Language::Ja => ["注文番号", "ショップ", "状態", "ポイント", "クーポン", "次にすること", "いつ"],
        Language::En => ["order", "shop", "state", "points", "coupon", "next step", "when"],
    };
    let mail = match language {
        Language::Ja => "アカウント",
        Language::En => "accounts",
    };
    let header: Vec<&str> = header.into_iter().chain(accounts.map(|_| mail)).collect();
    let mut table = table(&header);
    let mut questions = String::new();
    for (n, case) in cases.iter().enumerate() {
        let points = match (case.points.outstanding, case.points.expected_back, case.points.used) {
            (Some(outstanding), Some(expected), _) => format!("{outstanding}/{expected}"),
            (_, _, Some(used)) => format!("?/{used}"),
            _ => "?".to_owned(),
        };
        let coupon = match (coupon_state(case.coupon.state, language), case.coupon.used_yen, language) {
            ("", ..) => "-".to_owned(),
            (state, Some(yen), Language::Ja) => format!("{yen}円: {state}"),
            (state, Some(yen), Language::En) => format!("{yen} yen: {state}"),
            (state, None, _) => state.to_owned(),
        };
        let (step, when) = case.upcoming().map_or(("-".to_owned(), "-".to_owned()), |(step, when)| {
            // a guess is marked as one
            let guess = if case.is_assumed(step) { "?" } else { "" };
            (wording.step(language, step), format!("{}{guess}", at(when)))
        });
        let cause = case.cause.map(|cause| format!(" ({})", wording.cause(language, cause))).unwrap_or_default();
        let row = [
            case.order_number.to_string(),
            one_line(case.shop().unwrap_or("?")),
            format!("{}{cause}{}", wording.state(language, case.cancelled), risks(case, wording, language)),
            points,
            coupon,
            step,
            when,
        ];
        table.add_row(row.into_iter().chain(accounts.map(|all| all.get(n).cloned().unwrap_or_default())));
        for question in &case.questions {
            let _ = writeln!(questions, "{}: {}", case.order_number, wording.question(language, question));
        }
    }
    if questions.is_empty() { table.to_string() } else { format!("{table}\n\n{}", questions.trim_end()) }
}

/// What became of the coupon that was used; empty when there is nothing to say of it.
pub(in crate::cli) fn coupon_state(state: CouponState, language: Language) -> &'static str {
    match (state, language) {
        (CouponState::None, _) => "",
        (CouponState::Check, Language::Ja) => "要確認",
        (CouponState::Back, Language::Ja) => "戻った",
        (CouponState::Lost, Language::Ja) => "戻らない",
        (CouponState::Check, Language::En) => "check",
        (CouponState::Back, Language::En) => "back",
        (CouponState::Lost, Language::En) => "lost",
    }
}

/// What announces that an order may be cancelled for want of goods, a line each; only while it may still matter.
fn risks(case: &Case, wording: &Wording, language: Language) -> String {
    let lives = case.stage != Some(Stage::Shipped) && matches!(case.cancelled, State::None | State::Pending);
    let risks = case.risks.iter().filter(|_| lives);
    risks.map(|risk| format!("\n⚠ {}", wording.risk(language, *risk, case.lead_days))).collect()
}

/// What the shopper is asked, each with the mails it is about.
pub(in crate::cli) fn questions(cases: &[&Case], events: &[Event], wording: &Wording, language: Language) -> String {
    let mut out = String::new();
    for case in cases {
        let shop = one_line(case.shop().unwrap_or_default());
        let _ = writeln!(out, "{} {shop}", title(case.order_number.as_str()));
        for question in &case.questions {
            let _ = writeln!(out, "  {}", wording.question(language, question));
            for event in about(question, events) {
                let _ = writeln!(out, "    {}", proof(&claim::evidence(event), wording, language));
            }
        }
        for conflict in &case.conflicts {
            for one in &conflict.proofs {
                let _ = writeln!(out, "    {}", proof(one, wording, language));
            }
        }
    }
    if out.is_empty() {
        return match language {
            Language::Ja => "確かめていただきたいことはありません".to_owned(),
            Language::En => "there are no questions".to_owned(),
        };
    }
    out.trim_end().to_owned()
}

/// The mails that a question is about and that no order is known of.
fn about<'a>(question: &Question, events: &'a [Event]) -> impl Iterator<Item = &'a Event> {
    let mail = match question {
        Question::WhichOrder { mail, .. } | Question::Together { mail, .. } => Some(mail.clone()),
        Question::ReturnClaimed { mail, .. } => mail.clone(),
        _ => None,
    };
    events.iter().filter(move |event| {
        event.order.is_none()
            && matches!(event.kind, EventKind::Points { .. })
            && mail.as_ref().is_some_and(|mail| event.mail.hex().starts_with(mail))
    })
}

fn proof(evidence: &Evidence, wording: &Wording, language: Language) -> String {
    let words = wording.claim(language, evidence.claim);
    format!(
        "{DIM}{} {words} <{}> {}{DIM:#}",
        at(evidence.date),
        one_line(&evidence.sender),
        one_line(&evidence.excerpt)
    )
}

/// One order with its story.
pub(in crate::cli) fn case(case: &Case, story: &[Told], wording: &Wording, language: Language) -> String {
    let mut out = format!("{}\n", cases(&[case], None, wording, language));
    for conflict in &case.conflicts {
        for one in &conflict.proofs {
            let _ = writeln!(out, "  {}", proof(one, wording, language));
        }
    }
    let header = match language {
        Language::Ja => ["日時", "内容", "差出人", "根拠の文"],
        Language::En => ["when", "what", "sender", "in which words"],
    };
    let several = story.iter().flat_map(|one| &one.accounts).collect::<BTreeSet<_>>().len() > 1;
    let mut table = table(&header);
    for one in story {
        let words = one_line(&one.words);
        let trust = match (one.trust.as_deref(), language) {
            (Some("verified"), Language::Ja) => Some("確認済み".to_owned()),
            (Some("unverified"), Language::Ja) => Some("未確認".to_owned()),
            (trust, _) => trust.map(str::to_owned),
        };
        let account = Some(one.accounts.join(", ")).filter(|_| several);
        let sender = [Some(one_line(&one.sender)), trust, account];
        let sender = sender.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        table.add_row([at(one.at), wording.claim(language, one.claim), sender, words]);
    }
    let _ = write!(out, "\n{table}");
    out
}

/// The coupons that mails gave the shopper.
pub(in crate::cli) fn coupons(coupons: &[Owned], language: Language) -> String {
    if coupons.is_empty() {
        return match language {
            Language::Ja => "使えるクーポンはありません".to_owned(),
            Language::En => "no coupon is known that can still be used".to_owned(),
        };
    }
    let header = match language {
        Language::Ja => ["期限", "内容", "条件", "ショップ", "コード", "注文番号", ""],
        Language::En => ["until", "worth", "from", "shop", "code", "order", ""],
    };
    let mut table = table(&header);
    for one in coupons {
        let coupon = &one.coupon;
        let worth = match (coupon.amount_yen, coupon.percent) {
            (Some(yen), _) => format!("{yen} yen"),
            (None, Some(percent)) => format!("{percent} %"),
            (None, None) => "?".to_owned(),
        };
        table.add_row([
            coupon.expires_at.map(at).unwrap_or_default(),
            worth,
            coupon.min_yen.map(|yen| format!("{yen} yen")).unwrap_or_default(),
            one_line(one.shop_code.as_deref().unwrap_or_default()),
            one_line(coupon.code.as_deref().unwrap_or_default()),
            one.order.as_ref().map(ToString::to_string).unwrap_or_default(),
            if one.verified { String::new() } else { "unverified".to_owned() },
        ]);
    }
    table.to_string()
}
