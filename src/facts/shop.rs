//! The shop: its code (in addresses and links) and its name.

use super::label::{Kind, Labelled};
use super::page::Page;
use super::pattern::patterns;
use super::{Confidence, Facts, Field, Found, Span, item, name};
use crate::mail::TrustLevel;
use crate::mail::trust::is_rakuten;

patterns! {
    NAMED = r"ショップ\s?「([^」]{1,80})」";
    /// お買い物いただいた「山の文具」から: a shop does something; goods would be its object.
    BOUGHT_AT = r"(?:お買い物|ご利用|ご購入|ご注文|お買い上げ)\s?(?:いただ|頂|され|した|の)[^「『\n]{0,10}[「『]([^」』\n]{1,60})[」』]\s?(?:から|より|にて|でのお|のクーポン|様より)";
    SUFFIX = r"_[0-9]{1,3}$";
    SHOP_URL = r"^https?://(?:www\.rakuten\.co\.jp|www\.rakuten\.ne\.jp/gold)/([a-z0-9_-]{1,60})/?(?:[?#].*)?$";
}

/// Paths of `www.rakuten.co.jp` that are no shops.
const NO_SHOPS: &[&str] =
    &["gold", "event", "category", "myrakuten", "info", "help", "shop", "com", "sitemap", "ec", "ichiba"];

/// Fills in code and name.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    // the name before a magazine's @ is the shop's choice; the links are its address
    let magazine = page.mail.from.domain() == "emagazine.rakuten.co.jp";
    facts.shop_code =
        if magazine { by_link(page).or_else(|| by_sender(page)) } else { by_sender(page).or_else(|| by_link(page)) };
    facts.shop_name = by_label(page, labels)
        .or_else(|| by_sentence(page))
        .or_else(|| by_display_name(page))
        .or_else(|| by_own_domain(page, facts))
        .or_else(|| by_line(page));
}

fn by_sender(page: &Page<'_>) -> Option<Found<String>> {
    let inner = page.mail.inner.as_ref().and_then(|inner| inner.from.as_ref());
    let address = [Some(&page.mail.from), inner].into_iter().flatten().find_map(|from| {
        let (local, domain) = from.addr.rsplit_once('@')?;
        let relayed = matches!(domain, "shop.rakuten.co.jp" | "emagazine.rakuten.co.jp");
        let code = SUFFIX.replace(local, "").into_owned();
        let plain = code.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        // magazine machines are no shops
        let machine = domain.starts_with("emagazine")
            && ["point", "info", "calendar", "incentive", "news", "mail"].iter().any(|word| code.starts_with(word));
        (relayed && plain && !machine && !code.is_empty()).then_some(code)
    })?;
    let span = Span { field: Field::From, range: 0..page.mail.from.addr.len() };
    Some(Found { value: address, span, confidence: Confidence::High })
}

fn by_link(page: &Page<'_>) -> Option<Found<String>> {
    let shop = |n: usize, href: &str| {
        let lower = href.to_ascii_lowercase();
        let code = SHOP_URL.captures(&lower).and_then(|found| found.get(1)).map(|code| code.as_str().to_owned());
        let code = code.filter(|code| !NO_SHOPS.contains(&code.as_str()))?;
        Some(Found { value: code, span: Span { field: Field::Link, range: n..n + 1 }, confidence: Confidence::High })
    };
    let links = &page.mail.links;
    if let Some(found) = links.iter().enumerate().take(400).find_map(|(n, link)| shop(n, &link.href)) {
        return Some(found);
    }
    // items of one shop only: theirs
    let mut shops: Vec<(usize, String)> = links
        .iter()
        .enumerate()
        .take(400)
        .filter_map(|(n, link)| item::item_url(&link.href).map(|(_, shop, _)| (n, shop)))
        .filter(|(_, shop)| !shop.is_empty())
        .collect();
    shops.dedup_by(|a, b| a.1 == b.1);
    match shops.as_slice() {
        [(n, code)] => {
            let span = Span { field: Field::Link, range: *n..*n + 1 };
            Some(Found { value: code.clone(), span, confidence: Confidence::High })
        }
        _ => None,
    }
}

fn by_label(page: &Page<'_>, labels: &[Labelled]) -> Option<Found<String>> {
    labels.iter().filter(|one| one.kind == Kind::ShopName).find_map(|one| {
        let written = clean(page.body.written(one.value.clone()));
        let fits = !written.is_empty()
            && written.chars().count() <= 80
            && !written.contains("http")
            && !written.ends_with('。')
            && (!written.starts_with("楽天") || written.ends_with('店'));
        fits.then(|| page.body.sure(written, one.value.clone()))
    })
}

fn by_sentence(page: &Page<'_>) -> Option<Found<String>> {
    let view = &page.joined;
    let found = view.captures(&NAMED).next().or_else(|| view.captures(&BOUGHT_AT).next())?;
    let name = found.get(1)?.range();
    let written = clean(view.written(name.clone()));
    // 楽天ポイントギャラリー, 楽天カード: the group's own
    let group = written.starts_with("楽天") && !written.ends_with('店');
    (!written.is_empty() && !group).then(|| view.sure(written, name))
}

fn by_display_name(page: &Page<'_>) -> Option<Found<String>> {
    let inner = page.mail.inner.as_ref().and_then(|inner| inner.from.as_ref());
    let name = [Some(&page.mail.from), inner].into_iter().flatten().find_map(|from| {
        let relayed = matches!(from.domain(), "shop.rakuten.co.jp" | "emagazine.rakuten.co.jp");
        let name = clean(&from.name);
        let market = matches!(name.as_str(), "楽天市場" | "楽天" | "Rakuten" | "Rakuten Ichiba");
        (relayed && !market && !name.is_empty() && !name.contains('@')).then_some(name)
    })?;
    let span = Span { field: Field::From, range: 0..page.mail.from.addr.len() };
    Some(Found { value: name, span, confidence: Confidence::High })
}

/// A shop that writes from a domain of its own about an order.
fn by_own_domain(page: &Page<'_>, facts: &Facts) -> Option<Found<String>> {
    let from = &page.mail.from;
    let own = !facts.order_numbers.is_empty()
        && page.mail.inner.is_none()
        && page.has(&["楽天", "rakuten"])
        && !is_rakuten(from.domain())
        && !page.mail.trust.level.eq(&TrustLevel::Suspect);
    let name = clean(&from.name);
    let span = Span { field: Field::From, range: 0..from.addr.len() };
    (own && !name.is_empty() && !name.contains('@')).then_some(Found {
        value: name,
        span,
        confidence: Confidence::High,
    })
}

/// A line of its own beside the only link to an item: モドリ雑貨店 楽天市場店.
fn by_line(page: &Page<'_>) -> Option<Found<String>> {
    let links = page.mail.links.iter().filter(|link| item::item_url(&link.href).is_some());
    let mut urls: Vec<_> = links.filter_map(|link| item::item_url(&link.href).map(|(url, ..)| url)).collect();
    urls.dedup();
    if urls.len() != 1 {
        return None;
    }
    page.lines.iter().find_map(|line| {
        let text = page.body.slice(line.clone()).trim();
        let shop = ["楽天市場店", "市場店", "楽天店"].iter().any(|end| text.ends_with(end))
            && !text.contains(['。', '、'])
            && text.chars().count() <= 40;
        (shop && page.body.counts(line.start))
            .then(|| page.body.sure(clean(page.body.written(line.clone())), line.clone()))
    })
}

/// Without asterisks, quotes and a remark in parentheses behind it.
fn clean(name: &str) -> String {
    let name = name::clean(name);
    let name = name.trim().trim_matches(|c: char| "*「」『』\"'【】[]".contains(c) || c.is_whitespace());
    // a mailing list's: 'モドリ雑貨店' via 家族の買い物
    let name = name.split("' via ").next().unwrap_or(name).trim_matches('\'');
    let end = name.find(['（', '(']).filter(|at| *at > 0).unwrap_or(name.len());
    let short = name.get(..end).unwrap_or(name).trim();
    if short.is_empty() { name.to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::facts::find;
    use crate::facts::tests::{from, mail_of};

    #[test]
    fn code_and_name() {
        for (address, display, body, code, name) in [
            (
                "modori-zakka_2@shop.rakuten.co.jp",
                "モドリ雑貨店 楽天市場店",
                "x",
                Some("modori-zakka"),
                Some("モドリ雑貨店 楽天市場店"),
            ),
            (
                "order@rakuten.co.jp",
                "楽天市場",
                "楽天市場内のショップ「*モドリ\n雑貨店*」の",
                None,
                Some("モドリ雑貨店"),
            ),
            (
                "order@rakuten.co.jp",
                "",
                "■ ショップ名 ： モドリ雑貨店\n■ ショップURL： https://www.rakuten.co.jp/modori-zakka/",
                Some("modori-zakka"),
                Some("モドリ雑貨店"),
            ),
            ("x@example.jp", "誰か", "hello", None, None),
        ] {
            let facts = find(&from(mail_of("件名", body), display, address));
            assert_eq!(facts.shop_code.map(|found| found.value).as_deref(), code, "{body}");
            assert_eq!(facts.shop_name.map(|found| found.value).as_deref(), name, "{body}");
        }
    }
}
