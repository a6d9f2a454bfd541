//! Which orders a sentence of a mail speaks of. Nearly every mail names one; some name several (trap T29).

use crate::facts::{Field, Found, OrderNumber, Span};
use crate::mail::Mail;
use std::ops::Range;

/// Words that point to a list, or to more than one order.
const POINTING: &[&str] = &[
    "下記", "以下の", "次の", "上記", "両方", "いずれも", "すべて", "全て", "まとめて", "2件", "２件", "3件", "３件",
    "4件", "４件", "二件", "三件", "both", "following", "these orders",
];

/// The orders that the words at a span speak of, out of the numbers of the mail: those of the same sentence; else, when
/// it points to a list, the whole list; else the first. A number of which something else is said is left alone.
pub(super) fn orders(mail: &Mail, numbers: &[&Found<OrderNumber>], span: &Span) -> Vec<OrderNumber> {
    let Some(first) = numbers.first() else { return Vec::new() };
    if numbers.iter().all(|number| number.value == first.value) {
        return vec![first.value.clone()];
    }
    let text = match span.field {
        Field::Body => mail.body.raw.as_str(),
        Field::Subject => mail.subject.raw.as_str(),
        Field::From | Field::Link => return vec![first.value.clone()],
    };
    let sentence = stretch(text, &span.range, &['\n', '。', '.', '!', '！']);
    let within = |number: &&&Found<OrderNumber>| {
        number.span.field == span.field
            && sentence.start <= number.span.range.start
            && number.span.range.end <= sentence.end
    };
    let mut named: Vec<&Found<OrderNumber>> = numbers.iter().filter(within).copied().collect();
    let points = text.get(sentence.clone()).is_some_and(|told| POINTING.iter().any(|word| told.contains(word)));
    if named.is_empty() && points {
        named = list(mail, numbers);
    }
    let mut orders: Vec<OrderNumber> = named.into_iter().map(|number| number.value.clone()).collect();
    orders.sort();
    orders.dedup();
    if orders.is_empty() { vec![first.value.clone()] } else { orders }
}

/// The numbers that stand alone in lines of the body, with the same label as the first of them.
fn list<'a>(mail: &Mail, numbers: &[&'a Found<OrderNumber>]) -> Vec<&'a Found<OrderNumber>> {
    let text = mail.body.raw.as_str();
    let label = |number: &Found<OrderNumber>| -> Option<String> {
        let line = stretch(text, &number.span.range, &['\n']);
        let before = text.get(line.start..number.span.range.start)?;
        let after = text.get(number.span.range.end..line.end)?;
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        letters(after).is_empty().then(|| letters(before))
    };
    let in_body = || numbers.iter().copied().filter(|number| number.span.field == Field::Body);
    let Some(of_the_first) = in_body().find_map(label) else { return Vec::new() };
    in_body().filter(|number| label(number).as_ref() == Some(&of_the_first)).collect()
}

/// From the last of these characters before a range to the first behind it.
fn stretch(text: &str, range: &Range<usize>, ends: &[char]) -> Range<usize> {
    let from = text
        .get(..range.start)
        .and_then(|before| before.char_indices().rfind(|(_, c)| ends.contains(c)).map(|(at, c)| at + c.len_utf8()));
    let to = text.get(range.end..).and_then(|after| after.find(ends)).map(|at| range.end + at);
    from.unwrap_or(0)..to.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Confidence;
    use crate::mail::{self, Reading};

    const A: &str = "399999-20261120-0123456789";
    const B: &str = "399999-20261121-0123456790";

    /// The orders that the first キャンセル of a body speaks of.
    fn of(body: &str) -> Vec<String> {
        let text = format!("Subject: x\nContent-Type: text/plain; charset=utf-8\n\n{body}\n");
        let reading = Reading { received: "2026-11-24T01:03:12Z".parse().unwrap(), size: 0, authserv_ids: &[] };
        let mail = mail::read(text.as_bytes(), &reading);
        let facts = crate::facts::find(&mail);
        let numbers: Vec<_> =
            facts.order_numbers.iter().filter(|number| number.confidence == Confidence::High).collect();
        let start = mail.body.raw.find("キャンセル").unwrap();
        let span = Span { field: Field::Body, range: start..start + "キャンセル".len() };
        orders(&mail, &numbers, &span).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_number_in_the_sentence_comes_before_all_others() {
        assert_eq!(of(&format!("受注番号：{A}\nキャンセルいたしました。")), [A]);
        assert_eq!(of(&format!("受注番号：{A}\n同梱のため、ご注文{B}はキャンセルいたしました。")), [B]);
        assert_eq!(of(&format!("ご注文{A}とご注文{B}をキャンセルいたしました。")), [A, B]);
    }

    #[test]
    fn a_list_is_meant_only_when_it_is_pointed_to() {
        assert_eq!(of(&format!("下記2件をキャンセルいたしました。\n受注番号：{A}\n受注番号：{B}")), [A, B]);
        assert_eq!(of(&format!("以下のご注文をキャンセルいたしました。\n① {A}\n② {B}")), [A, B]);
        assert_eq!(of(&format!("キャンセルいたしました。\n受注番号：{A}\n受注番号：{B}")), [A]);
        // another label, another story
        let again = format!("下記をキャンセルいたしました。\n受注番号：{A}\n再注文の番号：{B}");
        assert_eq!(of(&again), [A]);
        let lives = format!("下記をキャンセルいたしました。\n受注番号：{A}\nご注文{B}は予定どおり発送いたします。");
        assert_eq!(of(&lives), [A]);
    }
}
