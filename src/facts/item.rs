//! Items: of order lists, of labelled lines, of links.

use super::label::{Kind, Labelled};
use super::money;
use super::name::{self, Named};
use super::page::Page;
use super::pattern::patterns;
use super::{Confidence, Facts, Field, Found, Item, Span};
use crate::mail::PartKind;
use crate::text;
use std::ops::Range;

/// Most items that are kept of one mail.
const MOST: usize = 100;
/// Most links that are looked at.
const MOST_LINKS: usize = 400;

patterns! {
    /// `価格 1,980(円) x 2(個) = 3,960(円)`, `35,424円 x 1個`
    PRICE_LINE = r"(?x)^
        [^¥]{0,60}?
        (?P<sign>[¥\\]\s?)?(?P<price>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,8})\s?(?P<unit>\(円\)|円|えん|yen|jpy)?(?:\s?\([^)]{0,16}\))?
        \s?[x×✕*]\s?\(?(?P<count>[0-9]{1,4})\s?(?P<counted>\(?(?:個|点|枚|本|着|足|台|冊|袋|箱|セット|式|pcs?)\)?)?";
    /// `磯タモ 5m ×1  9,350円`: the count before the price.
    COUNT_PRICE = r"(?x)
        \s?[x×✕]\s?(?P<count>[0-9]{1,3})\s?(?:個|点|枚|本|着|足|台|冊|袋|箱|セット|式|pcs?)?\s
        \s*[¥\\]?\s?(?P<price>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,8})\s?(?:\(円\)|円|えん|yen|jpy)(?:\([^)]{0,16}\))?\s*$";
    /// A count behind a name: `コインケース キャメル 1点`, `… ×2`.
    COUNTED = r"\s?(?:[x×✕]\s?(?P<times>[0-9]{1,3})(?:個|点|枚|本|着|足|台|冊|袋|箱)?|[\s](?P<pieces>[0-9]{1,3})点)$";
    NUMBERED = r"^\s*(?:\([1-9][0-9]?\)|[1-9][0-9]?\)|[1-9][0-9]?\.\s)\s?";
    CODE = r"^(?P<name>.*\S)\s?\((?P<code>[^()]{1,60})\)(?P<options>\s+[^()]{1,20}:.*)?$";
    COUNT = r"^\s?(?:×|x|\*)?\s?([0-9]{1,4})\s?(?:\(?(?:個|点|枚|本|着|足|台|冊|袋|箱|セット|pcs?)\)?)?";
}

/// `https://item.rakuten.co.jp/SHOP/ITEM/` of a link to an item: without query, fragment, userinfo and port. Category
/// and shop pages are no items.
pub(super) fn item_url(href: &str) -> Option<(String, String, String)> {
    let rest = href.strip_prefix("https://").or_else(|| href.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next()?;
    // 楽天ブックス sells under addresses of its own: /rb/NUMBER/
    if host.eq_ignore_ascii_case("books.rakuten.co.jp") {
        let number = path.strip_prefix("rb/")?.trim_end_matches('/');
        let plain = (1..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        return plain.then(|| (format!("https://books.rakuten.co.jp/rb/{number}/"), String::new(), number.to_owned()));
    }
    if !host.eq_ignore_ascii_case("item.rakuten.co.jp") {
        return None;
    }
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (shop, item) = (parts.next()?, parts.next()?);
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:%".contains(&b));
    if item == "c" || !plain(shop) || !plain(item) || shop.len() > 100 || item.len() > 200 {
        return None;
    }
    let url = match (shop, parts.next()) {
        // items of 楽天ブックス lie one level deeper only in look; the path's first two parts name them
        (_, Some("c")) => return None,
        _ => format!("https://item.rakuten.co.jp/{shop}/{item}/"),
    };
    Some((url, shop.to_owned(), item.to_owned()))
}

/// The target that a click counter carries in its query, if it is an item's.
fn carried(href: &str) -> Option<String> {
    let decoded = percent_decoded(href.split_once('?')?.1);
    let at = decoded.find("https://item.rakuten.co.jp/").or_else(|| decoded.find("http://item.rakuten.co.jp/"))?;
    let target = decoded.get(at..)?;
    let end = target.find(['&', ' ', '"', '\'']).unwrap_or(target.len());
    item_url(target.get(..end)?).map(|(url, ..)| url)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, after) {
            (b'%', [high, low, then @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                bytes.push(hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0));
                rest = then;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Fills in the items.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    // 1L×6 1,980円 is a bargain of a newsletter; a list of price and count is an order's
    let sums = labels.iter().any(|one| matches!(one.kind, Kind::Payment | Kind::Goods | Kind::Total));
    let headed = || {
        page.body.has_any(&["商品", "注文内容"])
            && page.lines.iter().any(|line| is_heading(page.body.slice(line.clone()).trim()))
    };
    let ordered_here = !facts.order_numbers.is_empty() || !facts.reservations.is_empty() || sums || headed();
    let mut items = if ordered_here { listed(page, labels) } else { Vec::new() };
    if items.is_empty() {
        items = named(page, labels);
    }
    link(page, &mut items, facts);
    if items.is_empty() {
        items = ordered(page);
    }
    items.truncate(MOST);
    facts.items = items;
}

/// Items of an order list: a name line above a price line.
fn listed(page: &Page<'_>, labels: &[Labelled]) -> Vec<Found<Item>> {
    let text = page.body.text();
    let mut items = Vec::new();
    let mut block: Vec<Range<usize>> = Vec::new();
    // the price line is a row of a table: the name is its first cell
    for line in &page.lines {
        let whole = text.get(line.clone()).unwrap_or_default();
        let bare = whole.trim();
        if !page.body.counts(line.start) || bare.is_empty() {
            continue;
        }
        if is_rule(bare) || is_heading(bare) {
            block.clear();
            continue;
        }
        let cells: Vec<&str> = whole.split('\t').map(str::trim).collect();
        let price = cells.iter().rev().find_map(|cell| price_of(cell));
        let Some((price, count, before)) = price else {
            block.push(line.clone());
            if block.len() > 12 {
                block.remove(0);
            }
            continue;
        };
        // 鍋敷き 丸 880円 x1: the name stands on the line itself
        let own =
            whole.get(..whole.find(bare).unwrap_or(0) + before).filter(|own| cells.len() == 1 && name::is_goods(own));
        let name_line = if let Some(own) = own {
            Some(line.start..line.start + own.len())
        } else if cells.len() > 1 && price_of(cells.first().copied().unwrap_or_default()).is_none() {
            Some(line.start..line.start + whole.split('\t').next().map_or(0, str::len))
        } else {
            // a line that calls itself the goods, else the first that may be their name
            let named = labels.iter().rev().find(|one| {
                one.kind == Kind::ItemName
                    && block.iter().any(|line| line.contains(&one.value.start))
                    && !one.value.is_empty()
            });
            named.map(|one| one.value.clone()).or_else(|| {
                block
                    .iter()
                    .find(|line| {
                        let text = text.get((*line).clone()).unwrap_or_default();
                        let other =
                            labels.iter().any(|one| line.contains(&one.label.start) && one.kind != Kind::ItemName);
                        is_name(text) && !is_address(text) && !is_sentence(text) && !other
                    })
                    .cloned()
            })
        };
        if let Some(range) = name_line {
            let range = trim(text, unlabelled(text, range));
            let (name, code) = name_and_code(page, &range);
            let item = Item { name, code, price_yen: Some(price), quantity: Some(count), url: None };
            items.push(page.body.sure(item, range));
        }
        block.clear();
    }
    items
}

/// ありがとうございます。: no goods.
fn is_sentence(line: &str) -> bool {
    let line = line.trim();
    line.ends_with('。')
        || ["ございます", "ください", "ました", "します", "いたします"].iter().any(|end| line.ends_with(end))
}

/// 商品:NAME without its label.
fn unlabelled(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = text.get(range.clone()).unwrap_or_default();
    let bare = slice.trim_start_matches(|c: char| c.is_whitespace() || "■□◆◇●○▼▽・*".contains(c));
    let label = ["商品名", "商品", "品名", "お品", "ご注文品", "item"].iter().find_map(|label| {
        let rest = bare.strip_prefix(label)?.trim_start();
        rest.strip_prefix(':')
    });
    label.map_or(range.clone(), |rest| range.end - rest.len()..range.end)
}

/// 見本 花子 様: nobody's goods.
fn is_address(line: &str) -> bool {
    let line = line.trim();
    ["様", "さま", "さん", "殿", "御中"].iter().any(|end| line.ends_with(end)) && line.chars().count() < 20
}

/// Price, count, and how many bytes stand before the price.
fn price_of(cell: &str) -> Option<(u64, u64, usize)> {
    if !cell.contains(['x', '×', '✕', '*']) || !cell.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let captures = PRICE_LINE.captures(cell).filter(|found| {
        // 8x32, 85 x 150 cm: sizes; an amount has a yen sign, or what it is multiplied by is counted
        ["sign", "unit", "counted"].iter().any(|name| found.name(name).is_some())
    });
    let captures = captures.or_else(|| COUNT_PRICE.captures(cell))?;
    let whole = captures.get(0)?;
    if captures.name("sign").is_none() && cell.get(whole.end()..)?.trim_start().starts_with("cm") {
        return None;
    }
    let price = captures.name("price")?.as_str().replace(',', "").parse().ok()?;
    let count = captures.name("count")?.as_str().parse().ok()?;
    let before = captures.name("price")?.start().min(captures.name("count")?.start());
    let before =
        cell.get(..before)?.trim_end_matches(['¥', '\\', ' ', '×', '✕']).trim_end_matches(" x").trim_end().len();
    Some((price, count, before))
}

fn is_rule(line: &str) -> bool {
    let mut chars = line.chars();
    let Some(first) = chars.next() else { return false };
    line.chars().count() >= 4
        && "-=*_~─━═＊・.◆■□◇☆★+#".contains(first)
        && chars.all(|c| c == first || c == ' ' || "─━-=*".contains(c))
}

/// `[商品]`, `■ご注文内容`, `次の商品(…)`: begins a list, names nothing.
fn is_heading(line: &str) -> bool {
    if !line.contains("商品") && !line.contains("注文内容") {
        return false;
    }
    let bare = line.trim_matches(|c: char| "[]【】■◆●▼<>〔〕《》()- ".contains(c));
    ["商品", "ご注文内容", "注文内容", "ご注文商品", "注文商品", "商品情報", "お届け商品", "ご購入商品", "商品明細"]
        .contains(&bare)
        || bare.starts_with("次の商品")
}

fn is_name(line: &str) -> bool {
    let bare = line.trim();
    let option =
        ["sku", "カラー:", "サイズ:", "色:", "種類:", "選択:", "ギフト"].iter().any(|word| bare.starts_with(word));
    !bare.is_empty() && !option && bare.chars().any(char::is_alphanumeric)
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = text.get(range.clone()).unwrap_or_default();
    let ornament = |c: char| c.is_whitespace() || "■□◆◇●○▼▽・*[]【】:>※-".contains(c);
    // 1) NAME, (2) NAME: the number of a list
    let numbered = NUMBERED.find(slice).map_or(0, |found| found.end());
    let (range, slice) = (range.start + numbered..range.end, slice.get(numbered..).unwrap_or_default());
    // brackets may belong to the name: 【再販】マグカップ
    let opens = slice.trim_start().starts_with(['【', '[']);
    let from = if opens {
        slice.len() - slice.trim_start().len()
    } else {
        slice.len() - slice.trim_start_matches(ornament).len()
    };
    let to = slice.trim_end_matches(|c: char| c.is_whitespace() || ".|│┃".contains(c)).len().max(from);
    range.start + from..range.start + to
}

/// The name as written, and the code in the last parentheses behind it.
fn name_and_code(page: &Page<'_>, range: &Range<usize>) -> (String, Option<String>) {
    let written = name::clean(page.body.written(range.clone()));
    let written = written.as_str();
    let flat = written.replace('（', "(").replace('）', ")");
    match CODE.captures(&flat) {
        Some(captures) => {
            let code = captures.name("code").map_or("", |code| code.as_str()).trim();
            let coded = code.bytes().any(|b| b.is_ascii_digit() || b"-_".contains(&b))
                && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./ ".contains(&b));
            if coded {
                let name = captures.name("name").map_or("", |name| name.as_str()).trim().to_owned();
                return (name, Some(code.to_owned()));
            }
            (written.to_owned(), None)
        }
        None => (written.to_owned(), None),
    }
}

/// Items of labelled lines: 商品名, 商品番号, 価格, 数量.
fn named(page: &Page<'_>, labels: &[Labelled]) -> Vec<Found<Item>> {
    let mut items: Vec<Found<Item>> = Vec::new();
    for one in labels {
        let text = page.body.slice(one.value.clone());
        match one.kind {
            Kind::ItemName => {
                // お品：百花蜜 ×1、スティック ×2
                let several = several(page, &one.value);
                if several.len() > 1 {
                    items.extend(several);
                    continue;
                }
                let range = trim(page.body.text(), one.value.clone());
                let (name, code) = name_and_code(page, &range);
                let mut name = name::unquoted(&name).to_owned();
                let counted = text::fold(&name);
                let quantity = COUNTED.captures(counted.text()).and_then(|found| {
                    let number = found.name("times").or_else(|| found.name("pieces"))?.as_str().parse().ok()?;
                    let kept = counted.origin(0..found.get(0)?.start());
                    name = name.get(..kept.end)?.trim_end().to_owned();
                    Some(number)
                });
                // a sentence, a price or a link is no name
                let fits = !name.is_empty()
                    && name.chars().count() <= 200
                    && !name.ends_with('。')
                    && !text.starts_with("http");
                let known = items.last().is_some_and(|item| item.value.name == name);
                if fits && !known {
                    items.push(page.body.sure(Item { name, code, quantity, ..Item::default() }, range));
                }
            }
            Kind::ItemCode => {
                if let Some(item) = items.last_mut().filter(|item| item.value.code.is_none()) {
                    let code = text.split([' ', '\t']).next().unwrap_or_default();
                    if code.bytes().any(|b| b.is_ascii_alphanumeric()) {
                        item.value.code =
                            Some(name::clean(page.body.written(one.value.start..one.value.start + code.len())));
                    }
                }
            }
            Kind::Price => {
                let price = money::yen(text, true).into_iter().find(|amount| !amount.bound && !amount.doubtful);
                if let (Some(item), Some(price)) = (items.last_mut(), price)
                    && item.value.price_yen.is_none()
                {
                    item.value.price_yen = Some(price.value);
                }
            }
            Kind::Quantity => {
                let count = COUNT.captures(text).and_then(|found| found.get(1)?.as_str().parse().ok());
                if let Some(item) = items.last_mut().filter(|item| item.value.quantity.is_none()) {
                    item.value.quantity = count;
                }
            }
            _ => {}
        }
    }
    items
}

/// Items of one line, each with how many: `百花蜜 ×1、スティック ×2`.
fn several(page: &Page<'_>, value: &Range<usize>) -> Vec<Found<Item>> {
    let mut start = value.start;
    let mut items = Vec::new();
    for piece in page.body.slice(value.clone()).split(['、', ',']) {
        let range = trim(page.body.text(), start..start + piece.len());
        start += piece.len() + piece_gap(page, start + piece.len());
        let text = page.body.slice(range.clone());
        let Some(found) = COUNTED.captures(text) else { return Vec::new() };
        let number = found.name("times").or_else(|| found.name("pieces")).and_then(|n| n.as_str().parse().ok());
        let end = range.start + found.get(0).map_or(text.len(), |all| all.start());
        let (name, code) = name_and_code(page, &(range.start..end));
        items.push(page.body.sure(Item { name, code, quantity: number, ..Item::default() }, range));
    }
    items
}

/// The bytes of the comma at a place.
fn piece_gap(page: &Page<'_>, at: usize) -> usize {
    page.body.text().get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

/// Links to the same item: its URL, the links by number.
type Target = (String, Vec<usize>);

/// What the mail links to, in order; quoted text does not count.
fn targets(page: &Page<'_>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for (n, link) in page.mail.links.iter().enumerate().take(MOST_LINKS) {
        let quoted = link.place.as_ref().is_some_and(|place| page.mail.part_at(place.start) == PartKind::Quoted);
        if quoted {
            continue;
        }
        let url = item_url(&link.href)
            .map(|(url, ..)| url)
            .or_else(|| crate::mail::trust::is_rakuten(&link.host).then(|| carried(&link.href)).flatten());
        let Some(url) = url else { continue };
        match targets.iter_mut().find(|(known, _)| *known == url) {
            Some((_, links)) => links.push(n),
            None => targets.push((url, vec![n])),
        }
    }
    targets
}

/// Links to items: joined with the items they belong to, or items of their own where there is no list.
fn link(page: &Page<'_>, items: &mut Vec<Found<Item>>, facts: &Facts) {
    let targets = targets(page);
    if targets.len() == items.len() {
        for (item, (url, _)) in items.iter_mut().zip(&targets) {
            item.value.url = Some(url.clone());
        }
        return;
    }
    let alone = targets.len() == 1;
    for (url, links) in &targets {
        let of = |n: &usize| page.mail.links.get(*n);
        let shown: Vec<&str> = links.iter().filter_map(of).map(|link| link.text.trim()).collect();
        let of_name = items.iter_mut().find(|item| {
            let name = item.value.name.as_str();
            item.value.url.is_none()
                && shown.iter().any(|shown| !shown.is_empty() && (*shown == name || shown.contains(name)))
        });
        if let Some(item) = of_name {
            item.value.url = Some(url.clone());
            continue;
        }
        // an order names its goods itself: other links in it are advertising
        if !items.is_empty()
            && (!facts.order_numbers.is_empty()
                || items.iter().any(|item| item.value.price_yen.is_some() && item.value.quantity.is_some()))
        {
            continue;
        }
        if let [only] = items.as_mut_slice()
            && only.value.url.is_none()
        {
            only.value.url = Some(url.clone());
            continue;
        }
        let mut named = near(page, links, &targets);
        if named.name.is_empty() && alone {
            named.name = name::told(page).unwrap_or_default();
        }
        let first = links.first().copied().unwrap_or_default();
        let span = Span { field: Field::Link, range: first..first + 1 };
        // a link without a name is still the link that matters most in a restock mail
        let sure = !named.name.is_empty() || page.mail.links.len() <= 12;
        let confidence = if sure { Confidence::High } else { Confidence::Low };
        let item =
            Item { name: named.name, code: None, price_yen: named.price, quantity: None, url: Some(url.clone()) };
        items.push(Found { value: item, span, confidence });
    }
}

/// What stands with one of the links to an item: with the one that shows a name, else with the first that finds one.
fn near(page: &Page<'_>, links: &[usize], targets: &[Target]) -> Named {
    let place = |n: &usize| page.mail.links.get(*n).and_then(|link| link.place.clone());
    let others: Vec<Range<usize>> =
        targets.iter().filter(|(_, of)| of != links).flat_map(|(_, of)| of.iter().filter_map(place)).collect();
    let mut best = Named::default();
    let mut of_names: Vec<(bool, Named)> = Vec::new();
    for n in links.iter().take(6) {
        let (Some(link), Some(place)) = (page.mail.links.get(*n), place(n)) else { continue };
        let start = others.iter().map(|other| other.end).filter(|end| *end <= place.start).max().unwrap_or(0);
        let end =
            others.iter().map(|other| other.start).filter(|start| *start >= place.end).min().unwrap_or(usize::MAX);
        let named = name::beside(page, link.text.trim(), &place, &(start..end));
        let by_itself = !named.name.is_empty() && link.text.contains(&named.name);
        of_names.push((by_itself, named));
    }
    of_names.sort_by_key(|(by_itself, named)| (!by_itself, named.name.is_empty()));
    for (_, named) in of_names {
        if best.name.is_empty() {
            best.name = named.name;
        }
        best.price = best.price.or(named.price);
    }
    best
}

/// ご注文の「NAME」ですが: the goods of an order that a sentence names in quotes.
fn ordered(page: &Page<'_>) -> Vec<Found<Item>> {
    let named = name::ordered(page).into_iter();
    named.map(|(name, range)| page.joined.sure(Item { name, ..Item::default() }, range)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::find as facts;
    use crate::facts::tests::mail_of;

    #[test]
    fn order_lists() {
        let body = "[商品]\nマグカップ 北欧柄(mz-0001)\nカラー:ネイビー サイズ:M\nSKU管理番号:01\n価格 1,980(円) x 2(個) = 3,960(円) ※10%税込\n----------\n次の商品\nタオル（ふわふわ）(tw-2)\n価格 500(円) x 1(個) = 500(円)\n*********************************\n";
        let items: Vec<Item> = facts(&mail_of("注文", body)).items.into_iter().map(|item| item.value).collect();
        assert_eq!(
            items,
            [
                Item {
                    name: "マグカップ 北欧柄".into(),
                    code: Some("mz-0001".into()),
                    price_yen: Some(1980),
                    quantity: Some(2),
                    url: None
                },
                Item {
                    name: "タオル(ふわふわ)".into(),
                    code: Some("tw-2".into()),
                    price_yen: Some(500),
                    quantity: Some(1),
                    url: None
                },
            ]
        );
    }

    #[test]
    fn item_links() {
        for (href, expect) in [
            (
                "https://item.rakuten.co.jp/modori-zakka/mz-0001/?scid=x",
                Some("https://item.rakuten.co.jp/modori-zakka/mz-0001/"),
            ),
            (
                "https://item.rakuten.co.jp/modori-zakka/mz-0001",
                Some("https://item.rakuten.co.jp/modori-zakka/mz-0001/"),
            ),
            ("https://item.rakuten.co.jp/modori-zakka/c/0000000123/", None),
            ("https://item.rakuten.co.jp.evil.example/a/b/", None),
            ("https://user@item.rakuten.co.jp/a/b/", None),
            ("https://www.rakuten.co.jp/modori-zakka/", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(item_url(href).map(|(url, ..)| url).as_deref(), expect, "{href}");
        }
        let counter = "https://emagazine.rakuten.co.jp/c?k=1&u=https%3A%2F%2Fitem.rakuten.co.jp%2Fs%2Fi%2F%3Fx%3D1&y=2";
        assert_eq!(carried(counter).as_deref(), Some("https://item.rakuten.co.jp/s/i/"));
    }
}
