//! Labelled values: `[受注番号] …`, `■ショップ名 ： …`, `支払い金額 3,760(円)`, cells of a table, a value on the next line.

use super::page::Page;
use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use std::ops::Range;
use std::sync::LazyLock;

/// What a label announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OrderNumber,
    OrderedAt,
    PaymentMethod,
    Payment,
    Total,
    Goods,
    Shipping,
    Fee,
    Coupon,
    Points,
    ShopName,
    ItemName,
    ItemCode,
    Price,
    Quantity,
    PayBy,
    ReplyBy,
    Expiry,
    ReturnedPoints,
    /// What must be spent for a coupon.
    Minimum,
}

/// Labels in normal form, longest first where one begins another.
const LABELS: &[(&str, Kind)] = &[
    ("受注番号", Kind::OrderNumber),
    ("ご注文番号", Kind::OrderNumber),
    ("注文番号", Kind::OrderNumber),
    ("お申込番号", Kind::OrderNumber),
    ("order number", Kind::OrderNumber),
    ("order no", Kind::OrderNumber),
    ("order id", Kind::OrderNumber),
    ("ご注文日時", Kind::OrderedAt),
    ("注文日時", Kind::OrderedAt),
    ("受注日時", Kind::OrderedAt),
    ("店舗受付日時", Kind::OrderedAt),
    ("購入日時", Kind::OrderedAt),
    ("ご注文日", Kind::OrderedAt),
    ("注文日", Kind::OrderedAt),
    ("受注日", Kind::OrderedAt),
    ("日時", Kind::OrderedAt),
    ("order date", Kind::OrderedAt),
    ("お支払方法", Kind::PaymentMethod),
    ("お支払方法", Kind::PaymentMethod),
    ("支払方法", Kind::PaymentMethod),
    ("支払方法", Kind::PaymentMethod),
    ("決済方法", Kind::PaymentMethod),
    ("payment method", Kind::PaymentMethod),
    ("お支払金額", Kind::Payment),
    ("お支払金額", Kind::Payment),
    ("支払金額", Kind::Payment),
    ("支払金額", Kind::Payment),
    ("お支払合計", Kind::Payment),
    ("お支払合計", Kind::Payment),
    ("支払合計", Kind::Payment),
    ("お支払総額", Kind::Payment),
    ("お支払総額", Kind::Payment),
    ("ご請求金額", Kind::Payment),
    ("ご請求額", Kind::Payment),
    ("請求金額", Kind::Payment),
    ("ご請求合計", Kind::Payment),
    ("決済金額", Kind::Payment),
    ("お支払額", Kind::Payment),
    ("お支払", Kind::Payment),
    ("amount due", Kind::Payment),
    ("amount paid", Kind::Payment),
    ("payment amount", Kind::Payment),
    ("商品小計", Kind::Goods),
    ("商品価格計", Kind::Goods),
    ("商品合計", Kind::Goods),
    ("商品代金合計", Kind::Goods),
    ("商品代金", Kind::Goods),
    ("商品金額", Kind::Goods),
    ("小計", Kind::Goods),
    ("subtotal", Kind::Goods),
    ("合計金額", Kind::Total),
    ("総合計", Kind::Total),
    ("ご注文金額", Kind::Total),
    ("注文金額", Kind::Total),
    ("ご注文合計", Kind::Total),
    ("合計", Kind::Total),
    ("total", Kind::Total),
    ("送料計", Kind::Shipping),
    ("送料", Kind::Shipping),
    ("配送料", Kind::Shipping),
    ("shipping", Kind::Shipping),
    ("代引手数料", Kind::Fee),
    ("代引き手数料", Kind::Fee),
    ("代引料", Kind::Fee),
    ("決済手数料", Kind::Fee),
    ("手数料", Kind::Fee),
    ("クーポン利用額", Kind::Coupon),
    ("クーポン利用", Kind::Coupon),
    ("クーポン割引額", Kind::Coupon),
    ("クーポン割引", Kind::Coupon),
    ("クーポン値引", Kind::Coupon),
    ("クーポンご利用", Kind::Coupon),
    ("ご利用クーポン", Kind::Coupon),
    ("利用クーポン", Kind::Coupon),
    ("ラ・クーポン利用", Kind::Coupon),
    ("coupon used", Kind::Coupon),
    ("coupon", Kind::Coupon),
    ("クーポン", Kind::Coupon),
    ("ポイント利用額", Kind::Points),
    ("ポイント利用数", Kind::Points),
    ("ポイント利用分", Kind::Points),
    ("ポイント利用", Kind::Points),
    ("ポイントご利用", Kind::Points),
    ("ご利用ポイント数", Kind::Points),
    ("ご利用ポイント", Kind::Points),
    ("利用ポイント", Kind::Points),
    ("使用ポイント", Kind::Points),
    ("ポイント使用", Kind::Points),
    ("ポイント値引", Kind::Points),
    ("ポイント充当", Kind::Points),
    ("points used", Kind::Points),
    ("ポイント", Kind::Points),
    ("返還ポイント数", Kind::ReturnedPoints),
    ("お戻しポイント数", Kind::ReturnedPoints),
    ("お戻しポイント", Kind::ReturnedPoints),
    ("お戻し数", Kind::ReturnedPoints),
    ("加算ポイント", Kind::ReturnedPoints),
    ("戻ったポイント", Kind::ReturnedPoints),
    ("復元ポイント", Kind::ReturnedPoints),
    ("請求額", Kind::Payment),
    ("ご請求", Kind::Payment),
    ("変更手続きの期限", Kind::PayBy),
    ("お手続きの期限", Kind::PayBy),
    ("お支払の期限", Kind::PayBy),
    ("最低購入金額", Kind::Minimum),
    ("最低利用金額", Kind::Minimum),
    ("最低ご利用金額", Kind::Minimum),
    ("最低ご購入金額", Kind::Minimum),
    ("対象金額", Kind::Minimum),
    ("ポイント数", Kind::ReturnedPoints),
    ("対象ポイント", Kind::ReturnedPoints),
    ("対象数", Kind::ReturnedPoints),
    ("返却数", Kind::ReturnedPoints),
    ("お使いのポイント", Kind::Points),
    ("お使いポイント", Kind::Points),
    ("points", Kind::Points),
    ("you pay", Kind::Payment),
    ("paid", Kind::Payment),
    ("取扱い", Kind::ShopName),
    ("取扱店", Kind::ShopName),
    ("取扱店舗", Kind::ShopName),
    ("ご注文品", Kind::ItemName),
    ("お品", Kind::ItemName),
    ("使える期間", Kind::Expiry),
    ("お使いいただける期間", Kind::Expiry),
    ("返還ポイント", Kind::ReturnedPoints),
    ("返却ポイント", Kind::ReturnedPoints),
    ("ショップ情報", Kind::ShopName),
    ("ショップ名", Kind::ShopName),
    ("店舗名", Kind::ShopName),
    ("店名", Kind::ShopName),
    ("販売店", Kind::ShopName),
    ("ご購入店舗", Kind::ShopName),
    ("ショップ", Kind::ShopName),
    ("店舗", Kind::ShopName),
    ("shop name", Kind::ShopName),
    ("shop", Kind::ShopName),
    ("ご注文商品名", Kind::ItemName),
    ("ご注文商品", Kind::ItemName),
    ("対象商品", Kind::ItemName),
    ("該当商品", Kind::ItemName),
    ("欠品商品", Kind::ItemName),
    ("商品名", Kind::ItemName),
    ("品名", Kind::ItemName),
    ("返礼品名", Kind::ItemName),
    ("返礼品", Kind::ItemName),
    ("品", Kind::ItemName),
    ("商品", Kind::ItemName),
    ("item name", Kind::ItemName),
    ("item", Kind::ItemName),
    ("product", Kind::ItemName),
    ("商品管理番号", Kind::ItemCode),
    ("商品番号", Kind::ItemCode),
    ("商品コード", Kind::ItemCode),
    ("品番", Kind::ItemCode),
    ("item code", Kind::ItemCode),
    ("販売価格", Kind::Price),
    ("商品価格", Kind::Price),
    ("価格", Kind::Price),
    ("単価/数量", Kind::Price),
    ("単価", Kind::Price),
    ("お値段", Kind::Price),
    ("price", Kind::Price),
    ("ご注文数", Kind::Quantity),
    ("注文数", Kind::Quantity),
    ("数量", Kind::Quantity),
    ("個数", Kind::Quantity),
    ("quantity", Kind::Quantity),
    ("qty", Kind::Quantity),
    ("お支払期限", Kind::PayBy),
    ("お支払期限", Kind::PayBy),
    ("支払期限", Kind::PayBy),
    ("支払期限", Kind::PayBy),
    ("ご入金期限", Kind::PayBy),
    ("入金期限", Kind::PayBy),
    ("お振込期限", Kind::PayBy),
    ("振込期限", Kind::PayBy),
    ("変更期限", Kind::PayBy),
    ("お手続き期限", Kind::PayBy),
    ("お手続期限", Kind::PayBy),
    ("手続き期限", Kind::PayBy),
    ("ご返信期限", Kind::ReplyBy),
    ("返信期限", Kind::ReplyBy),
    ("ご回答期限", Kind::ReplyBy),
    ("回答期限", Kind::ReplyBy),
    ("ご連絡期限", Kind::ReplyBy),
    ("連絡期限", Kind::ReplyBy),
    ("ご返答期限", Kind::ReplyBy),
    ("reply by", Kind::ReplyBy),
    ("有効期限", Kind::Expiry),
    ("有効期間", Kind::Expiry),
    ("ご利用期限", Kind::Expiry),
    ("利用期限", Kind::Expiry),
    ("ご利用期間", Kind::Expiry),
    ("利用期間", Kind::Expiry),
    ("使用期限", Kind::Expiry),
    ("有効", Kind::Expiry),
    ("expires", Kind::Expiry),
    ("valid until", Kind::Expiry),
];

/// Finds the longest label that a text begins with.
static BEGINS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // a table of this program: if it could not be built, a test says so
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostLongest).start_kind(StartKind::Anchored);
    builder.build(LABELS.iter().map(|(word, _)| *word)).ok()
});

/// Most labels of one mail.
const MOST: usize = 1000;

/// A label with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) kind: Kind,
    /// Where the label stands in the body's normal form.
    pub(super) label: Range<usize>,
    /// Where its value stands: the rest of its line or cell, or the next line.
    pub(super) value: Range<usize>,
}

/// Decoration before a label.
fn is_ornament(c: char) -> bool {
    c.is_whitespace() || "[](){}<>【】〔〕〈〉《》「」『』■□◆◇●○◎▼▽▲△★☆※*•・‣▪#=|>-_—:→⇒+".contains(c)
}

/// All labels of the body with their values, in order. Quoted parts do not count.
pub(super) fn labelled(page: &Page<'_>) -> Vec<Labelled> {
    let mut found = all(page);
    found.truncate(MOST);
    found
}

fn all(page: &Page<'_>) -> Vec<Labelled> {
    let text = page.body.text();
    let mut found = Vec::new();
    for (n, line) in page.lines.iter().enumerate() {
        if !page.body.counts(line.start) {
            continue;
        }
        if found.len() >= MOST {
            break;
        }
        let whole = text.get(line.clone()).unwrap_or_default();
        let mut start = line.start;
        let cells: Vec<&str> = whole.split('\t').collect();
        for (c, cell) in cells.iter().enumerate() {
            if let Some((kind, label)) = label_of(cell, |at| gap(page, start + at)) {
                let label = start + label.start..start + label.end;
                let cell_end = start + cell.len();
                let own = trimmed(text, label.end..cell_end);
                let value = if !own.is_empty() {
                    own
                } else if let Some(next) = cells.get(c + 1).filter(|_| c % 2 == 0 || cells.len() > 2) {
                    trimmed(text, cell_end + 1..cell_end + 1 + next.len())
                } else {
                    next_line(page, n)
                };
                // several labels on one line: 商品小計 3,960円 クーポン利用 -200円
                let value = cut_at_next_label(page, value);
                found.push(Labelled { kind, label, value: value.clone() });
                let mut at = value.end;
                while at < cell_end {
                    let rest = text.get(at..cell_end).unwrap_or_default();
                    let Some((kind, label)) = label_of(rest, |n| gap(page, at + n)) else { break };
                    let label = at + label.start..at + label.end;
                    let value = cut_at_next_label(page, trimmed(text, label.end..cell_end));
                    at = value.end.max(label.end);
                    found.push(Labelled { kind, label, value });
                }
            }
            start += cell.len() + 1;
        }
    }
    found
}

/// How wide the blank was that the normal form took away: `ショップ　盛岡てつの店` reads ショップ盛岡てつの店 there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    None,
    /// One blank: as between words of a sentence, too.
    Narrow,
    /// A full-width blank, or several: as between columns.
    Wide,
}

/// The blank after the character that ends at `end`.
fn gap(page: &Page<'_>, end: usize) -> Gap {
    let text = page.body.text();
    let Some(last) = text.get(..end).and_then(|before| before.chars().next_back()) else { return Gap::None };
    let written = page.body.written(end - last.len_utf8()..end);
    let blank = written.get(written.trim_end().len()..).unwrap_or_default();
    match (blank.contains('\u{3000}'), blank.chars().count()) {
        (_, 0) => Gap::None,
        (false, 1) => Gap::Narrow,
        _ => Gap::Wide,
    }
}

/// The label that a cell begins with, its closing bracket and a remark such as `(税込)` included. `gap` tells the blank
/// after a place of the cell.
fn label_of(cell: &str, gap: impl Fn(usize) -> Gap) -> Option<(Kind, Range<usize>)> {
    let first = |text: &str| text.char_indices().find(|(_, c)| !is_ornament(*c)).map(|(at, _)| at);
    let mut start = first(cell).filter(|start| *start <= 80)?;
    // 変更後 支払い金額 1,480円
    let sides = cell.get(start..).is_some_and(|rest| rest.starts_with(['変', '訂', '修', 'ご']));
    for side in ["変更前", "変更後", "訂正前", "訂正後", "修正前", "修正後", "ご注文の"].iter().filter(|_| sides)
    {
        if let Some(rest) = cell.get(start..).and_then(|rest| rest.strip_prefix(*side)) {
            let rest = rest.strip_prefix('の').unwrap_or(rest);
            start = cell.len() - rest.len() + first(rest)?;
        }
    }
    let rest = cell.get(start..)?;
    let found = BEGINS.as_ref()?.find(Input::new(rest).anchored(Anchored::Yes))?;
    let (word, kind) = LABELS.get(found.pattern().as_usize())?;
    let opened = cell.get(..start)?.ends_with(['[', '【', '〔', '<', '《', '「', '(']);
    let mut end = start + word.len();
    let mut after = cell.get(end..)?;
    for remark in ["(税込)", "(税込み)", "(税抜)", "(税別)", "(円)", "(tax included)", "額", "数"] {
        if let Some(rest) = after.strip_prefix(remark) {
            end += remark.len();
            after = rest;
        }
    }
    // a label ends here: a bracket, a colon, a blank, a tab, a number, or the end of the cell
    let first = after.chars().next();
    let gap = gap(end);
    let closes = match first {
        None => true,
        Some(_) if !opened && gap != Gap::None => true,
        Some(c) if opened => "]】〕>》」)".contains(c),
        Some(c) => c.is_whitespace() || c.is_ascii_digit() || ":=-¥*/~(→】.|".contains(c),
    };
    // words of one syllable of meaning need more than a blank behind them: 商品 の発送 is no label
    let weak = matches!(
        *word,
        "商品"
            | "ショップ"
            | "店舗"
            | "日時"
            | "合計"
            | "クーポン"
            | "shop"
            | "item"
            | "product"
            | "total"
            | "coupon"
            | "shipping"
            | "price"
            | "送料"
            | "手数料"
            | "お支払"
            | "お品"
            | "品"
            | "points"
            | "ポイント"
            | "paid"
            | "取扱い"
            | "有効"
    );
    let firm = opened
        || gap == Gap::Wide
        || matches!(first, None | Some(':' | '=' | '*'))
        || after.trim_start().starts_with([':', '=', '|'])
        || after.trim_start().starts_with("..")
        || after.trim_start().starts_with(|c: char| c.is_ascii_digit() || "-¥".contains(c));
    (closes && (!weak || firm)).then_some((*kind, start..end))
}

/// A range without blanks, brackets and separators at its edges.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = text.get(range.clone()).unwrap_or_default();
    let sep = |c: char| c.is_whitespace() || ":=]】〕>》*|→・.…‥".contains(c);
    let from = slice.len() - slice.trim_start_matches(|c| sep(c) || c == '」').len();
    let mut to = slice.trim_end_matches(|c: char| c.is_whitespace() || "*|│┃┆┊".contains(c)).len();
    if to < from {
        to = from;
    }
    range.start + from..range.start + to
}

/// The next line that is not empty, unless it is a label or a rule of dashes itself.
fn next_line(page: &Page<'_>, n: usize) -> Range<usize> {
    let text = page.body.text();
    for line in page.lines.iter().skip(n + 1).take(2) {
        let range = trimmed(text, line.clone());
        let slice = text.get(range.clone()).unwrap_or_default();
        if slice.is_empty() {
            continue;
        }
        let rule = slice.chars().all(|c| is_ornament(c) || c == '─' || c == '━');
        let labelled = label_of(text.get(line.clone()).unwrap_or_default(), |at| gap(page, line.start + at)).is_some();
        return if rule || labelled { line.start..line.start } else { range };
    }
    0..0
}

fn cut_at_next_label(page: &Page<'_>, value: Range<usize>) -> Range<usize> {
    let text = page.body.text();
    let slice = text.get(value.clone()).unwrap_or_default();
    let mut end = value.end;
    for (at, c) in slice.char_indices() {
        if c == ' ' || c == '/' || c == '[' {
            let rest = slice.get(at + 1..).unwrap_or_default();
            let opened = c == '[' || rest.starts_with('[');
            let strong = label_of(rest, |_| Gap::None).filter(|(_, label)| {
                opened
                    || rest.get(label.end..).is_some_and(|after| {
                        after.trim_start().starts_with([':', '-', '¥'])
                            || after.trim_start().starts_with(|c: char| c.is_ascii_digit())
                    })
            });
            if strong.is_some() && at > 0 {
                end = value.start + at;
                break;
            }
        }
    }
    value.start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::mail_of;

    fn values(body: &str) -> Vec<(Kind, String)> {
        let mail = mail_of("件名", body);
        let joined = mail.body.folded.joined();
        let page = Page::of(&mail, &joined);
        labelled(&page).into_iter().map(|one| (one.kind, page.body.slice(one.value).to_owned())).collect()
    }

    #[test]
    fn labels_and_their_values() {
        for (body, kind, value) in [
            ("[受注番号] 399999-20261120-0123456789", Kind::OrderNumber, "399999-20261120-0123456789"),
            ("■受注番号　：399999-20261120-0123456789", Kind::OrderNumber, "399999-20261120-0123456789"),
            ("ご注文番号:399999-20261120-01234567", Kind::OrderNumber, "399999-20261120-01234567"),
            ("【注文番号】\n399999-20261120-01234567", Kind::OrderNumber, "399999-20261120-01234567"),
            ("支払い金額 3,760(円)", Kind::Payment, "3,760(円)"),
            ("*支払い金額* 3,760(円)", Kind::Payment, "3,760(円)"),
            ("お支払い金額(税込)\t3,760円", Kind::Payment, "3,760円"),
            ("ポイント利用 -500(円)", Kind::Points, "-500(円)"),
            ("変更後のお支払い金額：1,480円", Kind::Payment, "1,480円"),
            ("■ ショップ名 ： モドリ雑貨店", Kind::ShopName, "モドリ雑貨店"),
            ("ショップ：モドリ雑貨店 楽天市場店", Kind::ShopName, "モドリ雑貨店楽天市場店"),
            ("お支払い期限 ：2026/12/04", Kind::PayBy, "2026/12/04"),
            ("・有効期限: 2026年9月30日 まで", Kind::Expiry, "2026年9月30日まで"),
        ] {
            assert!(values(body).contains(&(kind, value.to_owned())), "{body}: {:?}", values(body));
        }
        assert_eq!(
            values("商品小計(税込) 3,960(円)  クーポン利用 -200(円)  ポイント利用 -500(円)  支払い金額 3,260(円)"),
            [
                (Kind::Goods, "3,960(円)".to_owned()),
                (Kind::Coupon, "-200(円)".to_owned()),
                (Kind::Points, "-500(円)".to_owned()),
                (Kind::Payment, "3,260(円)".to_owned()),
            ]
        );
    }

    #[test]
    fn sentences_are_no_labels() {
        for body in [
            "商品の発送が完了しました", "送料無料です", "クーポンをプレゼント", "ショップからのお知らせ", "合計3点です",
        ] {
            let found: Vec<_> = values(body).into_iter().filter(|(kind, _)| *kind != Kind::Total).collect();
            assert_eq!(found, [], "{body}");
        }
    }
}
