//! The shop asks what is to become of the order: choices of which one is to cancel.

use super::page::Page;
use super::pattern::patterns;
use std::ops::Range;

patterns! {
    CHOICE = r"^\s*[・*>\-|]?\s*[(\[【<]?(?P<mark>[1-9]|[a-h]|[甲乙丙丁]|[アイウエオ]|[一二三四五])(?:(?:[)\]】>:,、]|\.\s|\s)\s?\S|\.[^\s0-9])";
}

/// What asks the shopper.
pub(super) const ASKS: &[&str] = &[
    "いずれか", "お選び", "ご希望を", "ご希望の", "ご返信", "ご返答", "お返事", "ご回答", "ご意向", "ご連絡ください",
    "ご連絡をお願い", "お知らせください", "お聞かせ", "ご指示", "いかがいたしましょう", "よろしいでしょうか",
    "よろしいですか", "いかがですか", "どういたしましょう", "なさいますか", "お知らせいただけ", "お知らせ願",
    "お知らせくだ", "お伺いし", "伺いたく", "お伺いいたし", "どれか", "どちらか", "いずれを", "お申し付け",
    "いかがなさ", "いかがでしょう", "どうなさ", "どうされ", "ご判断", "ご連絡いただけ", "ご連絡願", "ご一報", "ご検討",
    "お待ちいただけ", "please reply", "let us know", "please choose", "please tell us", "shall we", "would you like",
    "would you prefer", "do you want",
];

/// What a choice to cancel is called.
const DROP: &[&str] = &[
    "キャンセル", "取消", "取りやめ", "取下げ", "やめ", "返金", "なかったこと", "無かったこと", "見送", "cancel",
    "refund",
];

/// Lines that offer choices — (1) (2), a b c, 甲 乙 — of which one is to cancel: the place of the first.
pub(super) fn choices(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let view = &page.body;
    let mut run: Vec<(char, Range<usize>)> = Vec::new();
    let mut far = 0;
    for line in &page.lines {
        let text = view.slice(line.clone());
        if text.trim().is_empty() {
            continue;
        }
        // most lines begin like no choice at all
        let head = text.trim_start().trim_start_matches(['・', '*', '>', '-', '|', '(', '[', '【', '<', ' ']);
        let begins = head.starts_with(|c: char| "123456789abcdefgh甲乙丙丁アイウエオ一二三四五".contains(c));
        match begins
            .then(|| CHOICE.captures(text))
            .flatten()
            .and_then(|found| found.name("mark")?.as_str().chars().next())
        {
            Some(mark) => {
                let follows = run.last().is_some_and(|(last, _)| {
                    const ROWS: [&str; 5] = ["123456789", "abcdefgh", "甲乙丙丁", "アイウエオ", "一二三四五"];
                    ROWS.iter().any(|row| row.contains(&format!("{last}{mark}")))
                });
                if !follows {
                    run.clear();
                }
                if view.counts(line.start) {
                    run.push((mark, line.clone()));
                }
                far = 0;
            }
            None => far += 1,
        }
        if far > 2 {
            if run.len() >= 2
                && let Some(place) = dropping(page, &run)
            {
                return Some(place);
            }
            run.clear();
        }
    }
    if run.len() >= 2 { dropping(page, &run) } else { None }
}

fn dropping(page: &Page<'_>, run: &[(char, Range<usize>)]) -> Option<(usize, Range<usize>)> {
    let drops = run.iter().any(|(_, line)| DROP.iter().any(|word| page.body.slice(line.clone()).contains(word)));
    let asked = page.has(&[
        "返事", "返信", "返答", "回答", "お答え", "お知らせ", "お選び", "ご連絡", "番号", "しましょう", "ますか",
        "でしょうか", "希望", "reply", "tell us", "let us know", "choose", "prefer",
    ]);
    let (_, first) = run.first()?;
    // the places of body and joined text differ: the joined one is found by its words
    let words = page.body.slice(first.clone());
    let at = page.joined.text().find(words)?;
    (drops && asked).then_some((1, at..at + words.len()))
}

/// お待ちいただくか、お取りやめになさるか、…お返事を: the choice in one sentence.
pub(super) fn alternatives(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let view = &page.joined;
    view.hits(DROP).into_iter().find_map(|(at, _)| {
        let sentence = view.sentence_at(at);
        let text = view.slice(sentence.clone());
        let either = text.matches("か、").count() >= 2
            || text.contains("か、それとも")
            // このままお待ちいただけますか。それともキャンセルになさいますか。
            || text.trim_start().starts_with("それとも")
            || text.contains("または") && text.contains('か')
            || text.contains(" or ")
                && ["shall we", "should we", "would you", "do you want", "prefer"].iter().any(|ask| text.contains(ask));
        // 待ちますか?やめますか?
        let before = view.slice(view.line_at(at).start..sentence.start);
        // 替える、待つ、取りやめる、のどれがよろしいでしょうか。
        let either = either
            || text.contains('、')
                && ["のどれ", "どれが", "のいずれ", "のどちら", "どちらが"].iter().any(|word| text.contains(word));
        let either = either || text.ends_with('か') && before.trim_end_matches(['?', '。', ' ']).ends_with('か');
        let asked = [
            "返事", "返信", "お知らせ", "ご連絡", "お聞かせ", "お選び", "でしょうか", "ですか", "ますか", "お答え",
            "やろか", "どすか", "まひょか", "we ", "you ",
        ]
        .iter()
        .any(|word| text.contains(word));
        (either && asked && view.counts(at) && !text.contains("場合")).then_some((1, sentence))
    })
}
