//! Who caused a cancellation: the shop, the buyer, or a payment that did not come.

use super::deed::{CANCEL, RECEIVED};
use super::frame::{Frame, frames};
use super::page::Page;
use super::pattern::patterns;
use super::said::{first_of, from_shop, said_loosely, short};
use super::{Cancelled, Cause, Found};
use crate::text::clause;
use std::ops::Range;

patterns! {
    /// キャンセルとのこと, キャンセルのご連絡を拝見, お間違いとのこと: what she wrote.
    HERS = r"(?x)
        (?:キャンセル|取消|取りやめ)(?:を|の|に)?(?:された|したい|なさる|なさりたい|ご希望)?(?:との(?:こと|旨|由|ご|お)|という(?:こと|ご))
      | (?:キャンセル|取消|取りやめ)(?:を|の)?(?:ご連絡|お申し?出|ご依頼|ご希望|お電話|メール)(?:を|の|、)?(?:いただ|拝見|拝受|頂戴|ありがと|承知)
      | (?:受け?取り?|受領)(?:を)?[^。!?\n]{0,16}(?:お断り|拒否|拒ま|いただけ(?:ず|な|ませ)|されず|なさら)
      | (?:お?間違|間違わ|ご不要|不要にな|誤って|重複して|二重に)[^。!?\n]{0,12}との(?:こと|旨|由|ご|お)";
}

/// A payment that did not come.
const UNPAID: &[Frame] = &[(
    &["ご入金", "入金", "お支払", "お振込", "振込", "決済", "カード", "代金"],
    &[
        "確認できな", "確認でき", "確認が取れ", "確認がとれ", "がなく", "がござい", "がありませ", "されていな",
        "なされな", "なされず", "いただけな", "いただけず", "できませんでした", "できなかった", "期限を過ぎ",
        "期限が過ぎ", "期限を経過", "期限切れ", "期日を過ぎ", "されなかった", "承認され", "承認が", "否認", "拒否",
        "不成立", "エラー",
    ],
    12,
)];

/// Who begs pardon for a cancellation has caused it, whatever the reason is called.
const SORRY: &[&str] = &[
    "申し訳", "申しわけ", "すみません", "すいません", "すんません", "ごめん", "お詫び", "不本意", "遺憾", "相済み",
    "心苦し", "泣く泣く", "すまん", "許して", "勝手ながら", "勝手では", "sorry", "apologi", "apology", "unfortunately",
    "regret",
];

/// A shop that is sorry, and not for a late answer or a mail that crossed another.
fn sorry(page: &Page<'_>, cancelled: Cancelled) -> Option<(usize, Range<usize>)> {
    if !from_shop(page) || !matches!(cancelled, Cancelled::Claimed | Cancelled::Partial) {
        return None;
    }
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        view.hits(SORRY).into_iter().find_map(|(at, word)| {
            let sentence = view.slice(view.sentence_at(at));
            let other = [
                "返信", "返事", "回答", "ご連絡が", "メールが行き違", "行き違いの際", "行き違いになり", "重複", "期待",
                "ご希望に", "ご要望に",
            ]
            .iter()
            .any(|word| sentence.contains(word));
            let supposed = clause::is_supposed(view.text(), at, at + word.len());
            (view.counts(at) && !other && !supposed).then_some((v, at..at + word.len()))
        })
    })
}

pub(super) fn cause(page: &Page<'_>, cancelled: Cancelled) -> Option<Found<Cause>> {
    let views = page.prose();
    let found = |(v, range): (usize, Range<usize>), value| views.get(v).map(|view| view.sure(value, range));
    if cancelled == Cancelled::Requested {
        let place = first_of(page, RECEIVED).or_else(|| first_of(page, CANCEL))?;
        return found(place, Cause::Buyer);
    }
    let buyer = [
        "お客様のご都合", "お客様都合", "お客様ご都合", "お客様からの", "お客様のご希望", "お客様のお手続",
        "お客様のご依頼", "ご依頼のキャンセル", "ご希望のキャンセル", "お客様のご要望", "お客様のご", "お客様より",
        "ご購入者様のご", "ご要望どおり", "ご要望通り", "ご要望の", "ご希望どおり", "ご希望通り", "お申込どおり",
        "長期ご不在", "受取拒否", "お受け取りいただけ", "保管期限", "都合によるもの", "ご依頼の", "ご依頼どおり",
        "ご依頼通り", "お手続きいただ", "お客様にて", "お客様自身", "ご本人様", "ご依頼により", "ご依頼いただ",
        "ご依頼を", "ご希望により", "ご希望いただ", "お申し出", "お申出", "ご要望により", "購入履歴からキャンセル",
        "購入履歴よりキャンセル", "購入履歴よりお客様", "お客様がキャンセル", "お客様がお取消", "ご自身",
        "as you requested", "at your request", "requested by you", "your request",
    ];
    let payment = [
        "未入金", "ご入金が確認", "ご入金の確認が", "入金が確認でき", "入金が確認出来", "ご入金がな", "お支払期限まで",
        "支払期限を過ぎ", "期限までにお支払", "期限内にお支払", "期限までにご入金", "期限内にご入金", "お支払が確認",
        "お支払の確認が", "カードの承認", "カード決済が", "カードがご利用", "カードのご利用が", "決済が完了",
        "決済エラー", "決済不可", "与信", "payment was not", "card was declined", "unpaid",
    ];
    if let Some(place) = short(page) {
        return found(place, Cause::Shop);
    }
    let unpaid = views.iter().enumerate().find_map(|(v, view)| {
        let fits = |range: &Range<usize>| {
            view.counts(range.start) && !clause::is_supposed(view.text(), range.start, range.end)
        };
        frames(view, UNPAID).into_iter().find(fits).map(|range| (v, range))
    });
    if let Some(place) = unpaid {
        return found(place, Cause::Payment);
    }
    let hers = views.iter().enumerate().find_map(|(v, view)| {
        let said = |range: &Range<usize>| {
            view.counts(range.start) && !clause::is_supposed(view.text(), range.start, range.end)
        };
        view.matches(&HERS).map(|hit| hit.range()).find(said).map(|range| (v, range))
    });
    if let Some(place) = hers {
        return found(place, Cause::Buyer);
    }
    for (words, value) in [(&buyer[..], Cause::Buyer), (&payment[..], Cause::Payment)] {
        for (v, view) in views.iter().enumerate() {
            for (at, word) in view.hits(words) {
                let end = at + word.len();
                let general = clause::is_supposed(view.text(), at, end) && value != Cause::Payment;
                if view.counts(at) && !general {
                    return found((v, at..end), value);
                }
            }
        }
    }
    let shop = [
        "無かったことにさせて", "堪忍", "あかんよう", "在庫の都合", "ショップによる", "当店の都合", "当店都合",
        "店舗都合", "弊社都合", "ショップ都合", "店舗の都合", "ショップの都合", "発送遅延", "発送が遅",
        "システムの不具合", "価格の誤", "誤表記", "出荷でき", "発送でき", "販売を中止", "販売中止", "店頭で売れ",
        "在庫管理", "破損", "当店のミス", "当店の不手際", "不手際", "手違い", "時化", "システム障害", "二重受注",
        "割れて", "欠けて", "販売を終え", "販売を終了", "取扱を終", "壊れて", "傷んで", "枯れて", "メーカーより",
        "メーカーの都合", "製造の都合", "製造上の都合",
    ];
    let said = shop.iter().find_map(|word| said_loosely(page, word));
    // who asks whether to cancel has a reason of its own
    let asked = || (cancelled == Cancelled::Pending).then_some((1, 0..0));
    said.or_else(asked).or_else(|| sorry(page, cancelled)).and_then(|place| found(place, Cause::Shop))
}
