//! Which orders a sentence of a mail speaks of. Nearly every mail names one; some name several (trap T29).

use crate::facts::{Field, Found, OrderNumber, Span};
use crate::mail::Mail;
use std::ops::Range;

/// Words that point to a list, or to more than one order.
const POINTING: &[&str] = &[
    "下記", "以下の", "次の", "上記", "両方", "いずれも", "すべて", "全て", "まとめて", "2件", "２件", "3件", "３件",
    "4件", "４件", "二件", "三件", "both", "following", "these orders",
];

/// Endings of a sentence: behind a number they tell what became of that order.
const SAYING: &[&str] = &[
    "ます", "まし", "ませ", "です", "済", "予定", "完了", "。", " is ", " was ", " will ", " has ", " be ", "shipped",
];

/// The orders that the words at a span speak of, out of the numbers of the mail: those of the same sentence; else, when
/// it points to a list, the whole list; else, in an entry of a list, the one at its head; else the first. A number of which something else is said is left alone.
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
    if named.is_empty() && span.field == Field::Body {
        named = entry(text, numbers, span.range.start);
    }
    let mut orders: Vec<OrderNumber> = named.into_iter().map(|number| number.value.clone()).collect();
    orders.sort();
    orders.dedup();
    if orders.is_empty() { vec![first.value.clone()] } else { orders }
}

/// Of a list whose entries each tell of one order: the number at the head of the entry that the words stand in.
fn entry<'a>(text: &str, numbers: &[&'a Found<OrderNumber>], at: usize) -> Vec<&'a Found<OrderNumber>> {
    let in_body = || numbers.iter().copied().filter(|number| number.span.field == Field::Body);
    let Some(head) = in_body().filter(|number| number.span.range.end <= at).max_by_key(|number| number.span.range.end)
    else {
        return Vec::new();
    };
    // nothing but an empty line ends an entry, and a line of its own begins it
    let between = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let together = |from: usize, to: usize| {
        let mut lines: Vec<&str> = between(from, to).split('\n').skip(1).collect();
        lines.pop(); // the line of the words themselves
        !lines.iter().any(|line| line.trim().is_empty())
    };
    let line = stretch(text, &head.span.range, &['\n']);
    let leads = !between(line.start, head.span.range.start).contains(|c: char| is_kana(c) || c == '。');
    // the other orders have their entries too: something is said below their numbers
    let told = |number: &&Found<OrderNumber>| {
        let own = stretch(text, &number.span.range, &['\n']);
        let below = text.get(own.end..).unwrap_or_default().trim_start_matches('\n').lines().next().unwrap_or_default();
        number.value == head.value
            || (!below.trim().is_empty()
                && OrderNumber::parse(below.trim()).is_none()
                && !in_body()
                    .any(|other| own.end < other.span.range.start && other.span.range.start <= own.end + below.len()))
    };
    if line.end <= at && together(head.span.range.end, at) && leads && in_body().all(|number| told(&number)) {
        vec![head]
    } else {
        Vec::new()
    }
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}')
}

/// The numbers at the head of lines of the body, with the same label as the first of them, and nothing said of them
/// there but what was ordered.
fn list<'a>(mail: &Mail, numbers: &[&'a Found<OrderNumber>]) -> Vec<&'a Found<OrderNumber>> {
    let text = mail.body.raw.as_str();
    let label = |number: &Found<OrderNumber>| -> Option<String> {
        let line = stretch(text, &number.span.range, &['\n']);
        let before = text.get(line.start..number.span.range.start)?;
        let after = text.get(number.span.range.end..line.end)?;
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        let apart = after.starts_with(|c: char| !c.is_alphanumeric() && c != '。');
        let says = SAYING.iter().any(|word| after.contains(word));
        (letters(after).is_empty() || apart && !says).then(|| letters(before))
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
        let end = start + "キャンセル".len();
        let orders = |from: usize| {
            orders(&mail, &numbers, &Span { field: Field::Body, range: from..end })
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        // the word alone, or the sentence from its beginning
        let sentence = mail.body.raw[..start]
            .rfind(['\n', '。'])
            .map_or(0, |at| at + mail.body.raw[at..].chars().next().unwrap().len_utf8());
        assert_eq!(orders(start), orders(sentence));
        orders(start)
    }

    #[test]
    fn a_number_in_the_sentence_comes_before_all_others() {
        assert_eq!(of(&format!("受注番号：{A}\nキャンセルいたしました。")), [A]);
        assert_eq!(of(&format!("受注番号：{A}\n同梱のため、ご注文{B}はキャンセルいたしました。")), [B]);
        assert_eq!(of(&format!("ご注文{A}とご注文{B}をキャンセルいたしました。")), [A, B]);
    }

    #[test]
    fn what_stands_below_a_number_is_said_of_it() {
        assert_eq!(of(&format!("● {A}\n→ 発送しました\n\n● {B}\n→ キャンセルいたしました")), [B]);
        assert_eq!(of(&format!("● {A}\n→ キャンセルいたしました\n\n● {B}\n→ 発送しました")), [A]);
        assert_eq!(of(&format!("(1) {A} 帆船\n 発送済\n(2) {B} 汽車\n 完売のためキャンセルいたしました")), [B]);
        // below the last of two numbers, and not in an entry
        assert_eq!(of(&format!("受注番号：{A}\n受注番号：{B}\nキャンセルいたしました。")), [A]);
        assert_eq!(of(&format!("● {A}\n→ 帆船\n● {B}\n→ 汽車\n\nキャンセルいたしました。")), [A]);
    }

    #[test]
    fn a_list_is_meant_only_when_it_is_pointed_to() {
        assert_eq!(of(&format!("下記2件をキャンセルいたしました。\n受注番号：{A}\n受注番号：{B}")), [A, B]);
        assert_eq!(of(&format!("以下のご注文をキャンセルいたしました。\n① {A}\n② {B}")), [A, B]);
        assert_eq!(of(&format!("キャンセルいたしました。\n受注番号：{A}\n受注番号：{B}")), [A]);
        // what was ordered stands behind the number
        assert_eq!(of(&format!("いずれもキャンセルしました。\n・{A}（水草）\n・{B}　金魚鉢　420ポイント")), [A, B]);
        // another label, another story
        let again = format!("下記をキャンセルいたしました。\n受注番号：{A}\n再注文の番号：{B}");
        assert_eq!(of(&again), [A]);
        assert_eq!(of(&format!("下記をキャンセルいたしました。\n・{A}\n・{B}（発送済みです）")), [A]);
        let lives = format!("下記をキャンセルいたしました。\n受注番号：{A}\nご注文{B}は予定どおり発送いたします。");
        assert_eq!(of(&lives), [A]);
    }
}
