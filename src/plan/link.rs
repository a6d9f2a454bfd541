//! Which links of a mail a tap may open.

use crate::facts::OrderNumber;

/// Hosts a click target may have, compared whole (design section 9).
const HOSTS: [&str; 4] =
    ["item.rakuten.co.jp", "books.rakuten.co.jp", "order.my.rakuten.co.jp", "coupon.rakuten.co.jp"];

/// The link as a click target, if it is one: https on exactly an allowed host, without userinfo and port. The query
/// is dropped for items, whose page needs none.
#[must_use]
pub fn click_target(href: &str) -> Option<String> {
    let href = href.trim();
    let (scheme, rest) = href.split_once("://")?;
    // blanks and backslashes are read differently by different browsers, and so is anything but plain ASCII
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    if !scheme.eq_ignore_ascii_case("https") || !plain {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let host = HOSTS.into_iter().find(|allowed| host.eq_ignore_ascii_case(allowed))?;
    let keep = match host {
        "item.rakuten.co.jp" | "books.rakuten.co.jp" => path.split(['?', '#']).next().unwrap_or_default(),
        _ => path,
    };
    Some(format!("https://{host}{}", if keep.is_empty() { "/" } else { keep }))
}

/// An order's page in the purchase history, made from its number (domain document 4.6).
#[must_use]
pub fn order_page(order: &OrderNumber) -> String {
    let shop = order.shop_id();
    format!("https://order.my.rakuten.co.jp/?page=myorder&act=detail_view&shop_id={shop}&order_number={order}")
}

/// A click target that is the page of one item, not a shop's list of a category.
#[must_use]
pub fn item_page(href: &str) -> Option<String> {
    let url = click_target(href)?;
    let path = url.strip_prefix("https://")?.split_once('/')?.1;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let item = match *parts.as_slice() {
        [_, "c", ..] => false,
        [_, _, ..] => url.starts_with("https://item.") || url.starts_with("https://books."),
        _ => false,
    };
    item.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rakutens_own_pages_can_be_tapped() {
        let cases = [
            ("https://item.rakuten.co.jp/a/b/?scid=x#top", Some("https://item.rakuten.co.jp/a/b/")),
            ("HTTPS://ITEM.rakuten.co.jp/a/b/", Some("https://item.rakuten.co.jp/a/b/")),
            ("https://books.rakuten.co.jp/rb/123/", Some("https://books.rakuten.co.jp/rb/123/")),
            (
                "https://coupon.rakuten.co.jp/getCoupon?getkey=A",
                Some("https://coupon.rakuten.co.jp/getCoupon?getkey=A"),
            ),
            ("https://order.my.rakuten.co.jp", Some("https://order.my.rakuten.co.jp/")),
            ("http://item.rakuten.co.jp/a/b/", None),
            ("https://item.rakuten.co.jp.example.com/a/b/", None),
            ("https://xitem.rakuten.co.jp/a/b/", None),
            ("https://item.rakuten.co.jp:443/a/b/", None),
            ("https://item.rakuten.co.jp@example.com/a/b/", None),
            ("https://user@item.rakuten.co.jp/a/b/", None),
            ("https://item.rakuten.co.jp\\@example.com/", None),
            ("https://item.rakuten.co.jp\\.example.com/", None),
            ("https://item.rakuten.co.jp./a/b/", None),
            ("https://ｉtem.rakuten.co.jp/a/b/", None),
            ("https://item.rakuten.co.jp/a/\u{202e}b/", None),
            ("https://example.com/?https://item.rakuten.co.jp/a/b/", None),
            ("javascript:alert(1)", None),
            ("https:item.rakuten.co.jp/a/b", None),
            ("//item.rakuten.co.jp/a/b", None),
            ("", None),
        ];
        for (href, expect) in cases {
            assert_eq!(click_target(href).as_deref(), expect, "{href}");
        }
    }

    #[test]
    fn categories_and_shop_tops_are_no_items() {
        let cases = [
            ("https://item.rakuten.co.jp/a/b/", true),
            ("https://item.rakuten.co.jp/a/b", true),
            ("https://item.rakuten.co.jp/a/c/0000000000/", false),
            ("https://item.rakuten.co.jp/a/", false),
            ("https://item.rakuten.co.jp/", false),
            ("https://coupon.rakuten.co.jp/a/b/", false),
        ];
        for (href, expect) in cases {
            assert_eq!(item_page(href).is_some(), expect, "{href}");
        }
    }
}
