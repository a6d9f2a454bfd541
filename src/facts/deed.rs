//! Whether a cancellation was carried out, in whatever words.

use super::Field;
use super::frame::{Frame, frames};
use super::page::Page;
use super::pattern::patterns;
use super::said::is_said;
use std::ops::Range;

patterns! {
    /// 注文を閉じる, 無かったことに: an order ends without the word.
    CLOSED = r"(?:ご?注文|オーダー|お取引|契約|お申込|今回)[^。!?\n]{0,44}?(?:閉じさせ|閉じ(?:る処理)?(?:を)?いたしました|(?:無|な)かったことにさせ|(?:無|な)かったことといたし|なしとさせ|お流れとさせ|終了とさせ|無効と(?:し|いたし|させ)|[をは]\s?(?:ナシ|なし|無し)に(?:さ[せし]|し[たて]|いたし)|[をは]\s?解除(?:\([^)\n]{1,12}\))?(?:し|いたし|させ|の手続))";
    ENGLISH = r"(?x)
        (?:has|have|had)\s(?:now\s|already\s)?been\scancell?ed | (?:was|were|is\snow|are\snow)\s(?:automatically\s)?cancell?ed
      | \bcancell?ed\s(?:your|the|this)\sorder | \bhad\sto\scancel | (?:have|we)\scancell?ed | must\scancel | cancellation\s(?:notice|complete|confirmed|of\syour)
      | (?:had|have|need)\sto\scall\soff | called\soff\s(?:your|the|this)\sorder | order\scancell?ed\b | cancell?ed\sand\b";
}

/// Words for a cancellation.
pub(super) const CANCEL: &[&str] = &[
    "キャンセル", "取消", "取りやめ", "取下げ", "お取りさげ", "中止", "白紙", "破棄", "解約", "お断り", "辞退",
    "cancel", "call off", "called off",
];
/// Compounds that are policy, or another thing altogether.
const NOT_CANCEL: &[&str] = &[
    "キャンセル待ち", "キャンセル分", "キャンセル不可", "キャンセル料", "キャンセルポリシー", "キャンセル規定",
    "キャンセル品", "キャンセル・返品", "キャンセル・変更", "キャンセルや返品", "キャンセルや変更",
    "キャンセルについては", "キャンセルにつきましては", "キャンセル枠", "キャンセル方法", "キャンセルボタン",
    "cancellation policy", "ノイズキャンセル", "noise cancel", "noise-cancel",
];
/// What makes it a deed: behind the word, in the same sentence.
const DEED: &[&str] = &[
    "いたしました", "しました", "いたしまして", "させていただきまして", "させてもろ", "させてけろ", "させておくれ",
    "させていただきました", "となりました", "になりました", "されました", "完了", "確定", "成立", "させていただきます",
    "させていただ", "させてもら", "させてくださ", "することとな", "するはこび", "する運び", "せざるを得",
    "お願いいたしたく", "扱いと", "処理済", "済みです", "なりましたので", "の手続きを行いました", "行いました",
    "終えました", "終わりました", "済ませ", "済まし", "済みまし", "ときました", "承りました", "承認されました",
    "いたしております", "のお知らせ", "いたします",
];
/// What marks a received wish, not a deed.
pub(super) const RECEIVED: &[&str] = &[
    "ご依頼", "ご希望", "お申し出", "お申出", "お申込", "申請", "リクエスト", "ご要望", "ご連絡をいただ",
    "ご連絡いただ", "お問い合わせをいただ", "をお預かり", "request",
];
/// A cancellation that was carried out, or is being carried out: its sentence.
pub(super) fn deed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    page.known.deed.get_or_init(|| find_deed(page)).clone()
}

fn find_deed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        let text = view.text();
        for (at, word) in view.hits(CANCEL) {
            let end = at + word.len();
            let rest = text.get(at..).unwrap_or_default();
            let before = text.get(..at).unwrap_or_default();
            let compound = NOT_CANCEL.iter().any(|not| {
                rest.starts_with(not) || (not.ends_with(word) && before.ends_with(not.trim_end_matches(word)))
            });
            if compound || !is_said(view, at, end) {
                continue;
            }
            let sentence = view.sentence_at(at);
            let after = view.slice(end..sentence.end);
            let whole = view.slice(sentence.clone());
            // (受注番号…はお取消し済みです): a remark on what was told before
            let remark = view.slice(sentence.clone()).trim_start().starts_with('(') && whole.contains("済");
            let service = ["配信", "登録", "予約受付", "メルマガ", "subscription", "会員"]
                .iter()
                .any(|word| whole.contains(word) && !whole.contains("注文"));
            // キャンセル…ませんか, …でしょうか: a question
            let question = whole.contains("でしょうか") || whole.contains("ませんか");
            // 差し止めができ次第キャンセル処理を行い、完了のご連絡をいたします: what comes then
            let then = view.slice(sentence.start..at).contains("次第");
            // ご希望の場合は is supposed; キャンセルをご希望 is a wish
            let wish = [
                "をご希望", "を希望", "をご検討", "のご希望", "の可否", "できます", "可能", "いただけます",
                "手続きをお願い", "される",
            ]
            .iter()
            .any(|word| {
                after.starts_with(word) || after.trim_start_matches(['の', 'を', 'が', 'は']).starts_with(word)
            });
            // キャンセルのご注文, キャンセルいただきましたご注文: an order is named by its cancellation, nothing is done now
            let head = after.split(['、', ',']).next().unwrap_or(after);
            let attribute =
                ["注文", "オーダー", "分の", "商品の"].iter().filter_map(|noun| head.find(noun)).min().is_some_and(
                    |noun| {
                        let between = head.get(..noun).unwrap_or_default().trim_end_matches('ご');
                        between.chars().count() <= 14
                            && ["の", "た", "済み", "分の", ""].iter().any(|end| between.ends_with(end))
                            && !between.contains('は')
                            && !between.contains('を')
                    },
                );
            // キャンセルとなりました399999-…につきまして: named by its number
            let number = head
                .find(|c: char| c.is_ascii_digit())
                .filter(|at| head.get(*at..).is_some_and(|rest| rest.get(6..7) == Some("-")));
            let attribute = attribute
                || number
                    .and_then(|at| head.get(..at))
                    .is_some_and(|between| between.ends_with(['た', 'の']) && between.chars().count() <= 14);
            // the verb belongs to the word when it stands near
            let near = after.char_indices().nth(36).map_or(after, |(end, _)| after.get(..end).unwrap_or_default());
            let beside = ["しに伴", "に伴", "につき", "に関", "後", "前", "時", "の際", "期限", "規約", "条件"]
                .iter()
                .any(|word| after.starts_with(word));
            let policy = [
                "手数料", "ご遠慮", "お控え", "お受け", "承ります", "であれば", "可能", "応じ", "できます",
                "いただけます",
            ]
            .iter()
            .any(|word| near.contains(word));
            let after = near;
            let question = question || beside || policy || (attribute && !whole.contains("キャンセルのお知らせ"));
            // 「キャンセルいたします」 after a condition is caught as supposed; alone it is the shop's decision
            // English: what was cancelled is a deed; what can, may or could be is policy, and "your cancelled order" a name
            let english = word.is_ascii();
            let deed_in_english = english && ENGLISH.is_match(whole);
            // 受注取消通知: what is told is done; キャンセル通知メールについて tells of mails
            let told = ["通知書", "のご通知", "の通知", "通知"].iter().find_map(|word| after.strip_prefix(word));
            let notice =
                view.field == Field::Subject && told.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
            // 椎茸の分は取消|まして、…
            let japanese = || notice || after.starts_with("まして") || DEED.iter().any(|deed| after.contains(deed));
            let done = if english { deed_in_english } else { japanese() };
            if done && !question && !wish && !service && !remark && !then {
                return Some((v, sentence));
            }
        }
    }
    let view = &page.joined;
    view.matches(&CLOSED).find_map(|hit| {
        let said = view.counts(hit.start()) && !crate::text::clause::is_supposed(view.text(), hit.start(), hit.end());
        said.then(|| (1, view.sentence_at(hit.start())))
    })
}

/// A cancellation that was carried out, in so many words.
const FINISHED: &[Frame] = &[
    (
        CANCEL,
        &[
            "しました", "いたしました", "させていただきました", "完了", "済み", "済です", "確定", "が成立",
            "となりました", "になりました", "されました", "処理をいたしました", "処理いたしました", "処理しました",
            "手続きをいたしました", "手続きいたしました", "has been", "have been",
        ],
        8,
    ),
    (
        &["処理", "手続", "手配"],
        &[
            "済みました", "済まし", "済ませ", "完了いたしました", "完了しました", "完了しております", "が完了",
            "を完了", "済みです", "終えました", "終わりました",
        ],
        6,
    ),
    (&["has been", "have been", "was", "were"], &["cancelled", "canceled"], 3),
];

/// Whether a cancellation was carried out, not only wished for.
pub(super) fn finished(page: &Page<'_>) -> bool {
    *page.known.finished.get_or_init(|| is_finished(page))
}

fn is_finished(page: &Page<'_>) -> bool {
    page.prose().into_iter().any(|view| {
        frames(view, FINISHED).into_iter().any(|range| {
            let words = view.slice(range.clone());
            let wish = RECEIVED.iter().any(|wish| words.contains(wish))
                || ["受付", "承り", "承知"].iter().any(|word| words.contains(word));
            !wish && is_said(view, range.start, range.end)
        })
    })
}
