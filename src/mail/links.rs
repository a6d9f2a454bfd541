//! Links: hosts, and whether the text a reader sees names another host than the target.

use super::Link;
use super::trust::is_rakuten;
use std::ops::Range;

/// Links of one mail that are kept.
pub(super) const MAX_LINKS: usize = 2000;

/// Services of mail providers that put themselves before every link, and Rakuten's own short links.
const PASS_THROUGH: [&str; 7] = [
    "r10.to", "rakuten.net", "safelinks.protection.outlook.com", "urldefense.com", "urldefense.proofpoint.com",
    "protect.mimecast.com", "www.google.com",
];

/// The host a browser would go to for an http(s) URL, in lower case, without userinfo and port; else empty.
pub(super) fn host(href: &str) -> String {
    // browsers drop line ends and tabs, and read a backslash as a slash
    let clean: String = href.trim().chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).take(2000).collect();
    let clean = clean.replace('\\', "/");
    let Some((scheme, rest)) = clean.split_once(':') else { return String::new() };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return String::new();
    }
    let rest = rest.trim_start_matches('/');
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    host.trim_end_matches('.').to_lowercase()
}

/// Bare URLs of a text, with their places. A URL ends before blanks, brackets and anything that is not ASCII.
pub(super) fn bare(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("://")).map(|at| at + from) {
        from = at + 3;
        let before = text.get(..at).unwrap_or_default().as_bytes();
        let scheme = [&b"https"[..], b"http"].into_iter().find(|scheme| {
            let start = before.len().wrapping_sub(scheme.len());
            before.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(scheme))
        });
        let Some(scheme) = scheme else { continue };
        let rest = text.get(from..).unwrap_or_default();
        let length = rest
            .bytes()
            .position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'<' | b'>' | b'"' | b'`' | b'{' | b'}' | b'|'))
            .unwrap_or(rest.len());
        let mut url = rest.get(..length).unwrap_or_default();
        while let Some(last) = url.chars().last() {
            let opened = |open: char, close: char| url.matches(open).count() >= url.matches(close).count();
            let drop = match last {
                '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' => true,
                ')' => !opened('(', ')'),
                ']' => !opened('[', ']'),
                _ => false,
            };
            if !drop {
                break;
            }
            url = url.get(..url.len() - 1).unwrap_or_default();
        }
        if url.is_empty() {
            continue;
        }
        found.push(at - scheme.len()..from + url.len());
        from += url.len();
        if found.len() >= MAX_LINKS {
            break;
        }
    }
    found
}

/// The host that a link's visible text names, if it reads like an address.
pub(super) fn shown_host(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(range) = bare(text).into_iter().next() {
        return text.get(range).map(host).filter(|host| !host.is_empty());
    }
    let word = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/'))).find(|word| {
        let name = word.split('/').next().unwrap_or_default();
        is_rakuten(name) && name.contains('.')
    })?;
    word.split('/').next().map(str::to_lowercase)
}

/// Whether a reader sees a host of Rakuten's while the link goes elsewhere.
#[must_use]
pub fn is_disguised(link: &Link) -> bool {
    !link.host.is_empty()
        && !is_rakuten(&link.host)
        && !PASS_THROUGH.iter().any(|host| link.host == *host || link.host.ends_with(&format!(".{host}")))
        && shown_host(&link.text).is_some_and(|shown| is_rakuten(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_as_a_browser_reads_them() {
        for (href, expect) in [
            ("https://item.rakuten.co.jp/shop/1/?a=b", "item.rakuten.co.jp"),
            ("HTTPS://Item.Rakuten.co.jp:443/", "item.rakuten.co.jp"),
            ("https://rakuten.co.jp@evil.example/", "evil.example"),
            ("https://evil.example\\@rakuten.co.jp/", "evil.example"),
            ("ht\ntps://evil.example/", "evil.example"),
            ("https:evil.example", "evil.example"),
            ("https://rakuten.co.jp.evil.example./x", "rakuten.co.jp.evil.example"),
            ("mailto:a@rakuten.co.jp", ""),
            ("/relative", ""),
            ("", ""),
        ] {
            assert_eq!(host(href), expect, "{href}");
        }
    }

    #[test]
    fn bare_urls_end_where_the_sentence_goes_on() {
        for (text, expect) in [
            ("商品はhttps://item.rakuten.co.jp/a/b/をご覧ください", vec!["https://item.rakuten.co.jp/a/b/"]),
            ("（https://a.example/x）、http://b.example。", vec!["https://a.example/x", "http://b.example"]),
            (
                "see https://a.example/x_(y), or <http://c.example/?q=1>.",
                vec!["https://a.example/x_(y)", "http://c.example/?q=1"],
            ),
            ("(https://a.example/x)", vec!["https://a.example/x"]),
            ("ftp://x http:// ://", vec![]),
        ] {
            let found: Vec<&str> = bare(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expect, "{text}");
        }
    }

    #[test]
    fn disguised_links() {
        for (text, href, expect) in [
            ("https://www.rakuten.co.jp/", "https://evil.example/", true),
            ("www.rakuten.co.jp/login", "https://evil.example/", true),
            ("https://item.rakuten.co.jp/a/", "https://item.rakuten.co.jp/a/?scid=1", false),
            ("https://item.rakuten.co.jp/a/", "https://r10.to/abc", false),
            ("商品ページ", "https://shop.example/", false),
            ("https://www.rakuten.co.jp/", "mailto:x@y", false),
        ] {
            let link = Link { href: href.into(), host: host(href), text: text.into(), place: None };
            assert_eq!(is_disguised(&link), expect, "{text} {href}");
        }
    }
}
