//! Where else the goods may be had: links to the search pages of shops.
//!
//! A mail can be hostile, so nothing of it ever becomes a link but percent-encoded words: what is looked for is the name
//! without what shops hang on it, and the model number the name tells. Everything else of the address is the shopper's
//! own, from the configuration, or shipped.

use crate::facts;

/// Longest text that is looked for, in characters: shops look for all words, and more words find less.
pub const LONGEST: usize = 48;

/// Stands for what is looked for.
pub const QUERY: &str = "{query}";

/// A shop where goods can be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// Its key in the configuration.
    pub name: String,
    /// What it is called; empty for the shipped ones, whose names lie with the other words.
    pub label: String,
    /// The address, with [`QUERY`] once.
    template: String,
}

/// The shops, in the order in which they are offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shops(pub Vec<Shop>);

/// Name and address of the shops that are shipped. How sure each is: docs/alerts.md.
pub const SHIPPED: [(&str, &str); 4] = [
    // leaves out what is sold out unless it is asked to show it
    ("rakuten", "https://search.rakuten.co.jp/search/mall/{query}/"),
    ("amazon", "https://www.amazon.co.jp/s?k={query}"),
    ("yahoo", "https://shopping.yahoo.co.jp/search?p={query}"),
    ("mercari", "https://jp.mercari.com/search?keyword={query}&status=on_sale"),
];

impl Default for Shops {
    fn default() -> Self {
        let shop = |(name, template): (&str, &str)| Shop {
            name: name.to_owned(),
            label: String::new(),
            template: template.to_owned(),
        };
        Self(SHIPPED.into_iter().map(shop).collect())
    }
}

/// Why an address cannot be used to look for goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASearch {
    /// No https.
    #[error("it must begin with https://")]
    Insecure,
    /// `{query}` is missing, or stands there more than once.
    #[error("it must hold {{query}} exactly once")]
    Query,
    /// `{query}` would choose the host.
    #[error("{{query}} must stand behind the host and a slash")]
    Host,
    /// A blank, a control character or a letter that no address has.
    #[error("an address has no blanks and no letters but ASCII ones; write others percent-encoded")]
    Letters,
}

impl Shop {
    /// A shop of the shopper's own, or a shipped one at another address.
    ///
    /// # Errors
    /// When the address is none that goods can be looked for at.
    pub fn new(name: &str, label: &str, template: &str) -> Result<Self, NotASearch> {
        let rest = template.strip_prefix("https://").ok_or(NotASearch::Insecure)?;
        let bad = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`');
        if rest.bytes().any(bad) {
            return Err(NotASearch::Letters);
        }
        if rest.matches(QUERY).count() != 1 || rest.replace(QUERY, "").contains(['{', '}']) {
            return Err(NotASearch::Query);
        }
        let (host, _) = rest.split_once('/').ok_or(NotASearch::Host)?;
        if host.is_empty() || host.contains(['{', '@', '?', '#']) {
            return Err(NotASearch::Host);
        }
        Ok(Self { name: name.to_owned(), label: label.to_owned(), template: template.to_owned() })
    }

    /// The page on which the shop shows what it has of these words.
    #[must_use]
    pub fn page(&self, query: &str) -> String {
        self.template.replace(QUERY, &encoded(query))
    }
}

/// What is looked for: the words of a name and, if the name tells one, the model number, which is never cut off. `None`
/// when the name is nothing but decoration.
#[must_use]
pub fn query(name: &str) -> Option<String> {
    let words = facts::words(name);
    let model = facts::model(name, None).filter(|model| model.chars().count() <= LONGEST / 2).unwrap_or_default();
    // a slash (MD101J/A) parts words here: many shops refuse one in an address, percent-encoded or not
    let mut parts: Vec<&str> = model.split('/').filter(|part| !part.is_empty()).collect();
    let mut left = LONGEST - if model.is_empty() { 0 } else { model.chars().count() + 1 };
    let mut kept: Vec<String> = Vec::new();
    for word in &words {
        // the same word again finds nothing more
        if kept.iter().any(|other| other.eq_ignore_ascii_case(word)) {
            continue;
        }
        if let Some(at) = parts.iter().position(|part| part.eq_ignore_ascii_case(word)) {
            parts.remove(at);
            kept.push(word.clone());
            continue;
        }
        let length = word.chars().count() + usize::from(!kept.is_empty());
        if length <= left {
            left -= length;
            kept.push(word.clone());
        } else {
            // a name without blanks is one long word: its beginning says most
            if kept.is_empty() {
                kept.push(word.chars().take(left).collect());
            }
            left = 0;
        }
    }
    kept.extend(parts.into_iter().map(str::to_owned));
    let query = kept.join(" ");
    query.chars().any(char::is_alphanumeric).then_some(query)
}

/// Percent-encoded UTF-8: only what RFC 3986 calls unreserved stays. A blank is `%20`, which means the same in a path and
/// in a query; `+` means a blank in a query only.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let two = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&two).unwrap(), 16).unwrap());
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    fn looked_for(name: &str) -> String {
        query(name).unwrap_or_default()
    }

    #[test]
    fn decoration_goes_and_words_and_model_stay() {
        for (name, expect) in [
            ("【送料無料】★再入荷★ 真鍮のペン立て 丸型 ポイント10倍", "真鍮のペン立て 丸型"),
            ("ソニー ワイヤレスヘッドホン WH-1000XM5 ブラック", "ソニー ワイヤレスヘッドホン WH-1000XM5 ブラック"),
            ("パナソニック 食洗機 ＮＰ－ＴＺ３００－Ｗ【あす楽対応】", "パナソニック 食洗機 NP-TZ300-W"),
            ("木製ﾊﾟｽﾞﾙ ２０００ピース", "木製パズル 2000ピース"),
            ("モバイルバッテリー 10000mAh", "モバイルバッテリー 10000mAh"),
            ("【ケトル】", "ケトル"),
            ("＼クーポン利用で500円OFF／ 帆布トート 大", "帆布トート 大"),
            ("AT&T ケーブル", "AT&T ケーブル"),
            ("ケトル ケトル 赤", "ケトル 赤"),
            ("タブレット MD101J/A 銀", "タブレット MD101J A 銀"),
            ("0A0/\u{1d400}", "0A0 A"),
            ("【送料無料】 ポイント10倍 ★☆", ""),
            ("... // ??", ""),
        ] {
            assert_eq!(looked_for(name), expect, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_words_and_keeps_its_model() {
        let long = format!(
            "電気圧力鍋 {} 型番：SR-MP300-K",
            "おいしい ごはん たっぷり 家族 みんなで 毎日 簡単 時短 ".repeat(9)
        );
        let query = looked_for(&long);
        assert!(query.chars().count() <= LONGEST, "{query}");
        assert!(query.starts_with("電気圧力鍋 おいしい ごはん") && query.ends_with("SR-MP300-K"), "{query}");
        assert!(query.split(' ').all(|word| long.contains(word)), "{query}");
        // one word without a blank is cut somewhere
        assert_eq!(looked_for(&"あ".repeat(2000)).chars().count(), LONGEST);
    }

    #[test]
    fn a_hostile_name_becomes_words_and_nothing_else() {
        for (name, expect) in [
            ("マグ https://evil.example/?q=1 赤", "マグ 赤"),
            ("マグ evil.example/pay", "マグ"),
            ("マ\u{202e}グ\u{0}\r\nSet-Cookie: a", "マグ Set-Cookie a"),
            ("{{ config }} {% for x %}", "config for x"),
            ("../../../x?a=b#c&d", "x a b c&d"),
            ("☕️🧋 マグ 👨‍👩‍👧", "マグ"),
            ("%2e%2e%2f", "2e 2f"),
        ] {
            assert_eq!(looked_for(name), expect, "{name}");
        }
    }

    #[test]
    fn addresses_are_checked() {
        for (template, expect) in [
            ("https://kakaku.com/search_results/{query}/", None),
            ("https://example.jp/?q={query}&in_stock=1", None),
            ("http://example.jp/?q={query}", Some(NotASearch::Insecure)),
            ("javascript:alert('{query}')", Some(NotASearch::Insecure)),
            ("https://example.jp/?q=", Some(NotASearch::Query)),
            ("https://example.jp/{query}?q={query}", Some(NotASearch::Query)),
            ("https://example.jp/{query}?q={word}", Some(NotASearch::Query)),
            ("https://{query}.example.jp/", Some(NotASearch::Host)),
            ("https://{query}", Some(NotASearch::Host)),
            ("https://a@example.jp/{query}", Some(NotASearch::Host)),
            ("https://example.jp?q={query}", Some(NotASearch::Host)),
            ("https://example.jp/検索?q={query}", Some(NotASearch::Letters)),
            ("https://example.jp/a b?q={query}", Some(NotASearch::Letters)),
        ] {
            assert_eq!(Shop::new("own", "own", template).err(), expect, "{template}");
        }
        for (name, template) in SHIPPED {
            assert!(Shop::new(name, "", template).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_shipped_pages() {
        let pages: Vec<String> = Shops::default().0.iter().map(|shop| shop.page("ペン立て 丸型")).collect();
        let words = "%E3%83%9A%E3%83%B3%E7%AB%8B%E3%81%A6%20%E4%B8%B8%E5%9E%8B";
        assert_eq!(
            pages,
            [
                format!("https://search.rakuten.co.jp/search/mall/{words}/"),
                format!("https://www.amazon.co.jp/s?k={words}"),
                format!("https://shopping.yahoo.co.jp/search?p={words}"),
                format!("https://jp.mercari.com/search?keyword={words}&status=on_sale"),
            ]
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back_as_it_was(text in any::<String>()) {
            let encoded = encoded(&text);
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~' | b'.' | b'%');
            prop_assert!(encoded.bytes().all(plain));
            prop_assert_eq!(decoded(&encoded), text);
        }

        #[test]
        fn any_name_gives_a_short_query_or_none(name in any::<String>()) {
            if let Some(query) = query(&name) {
                prop_assert!(query.chars().count() <= LONGEST && !query.is_empty());
                prop_assert!(!query.chars().any(|c| c.is_control() || "/\\?#%<>\"{}:".contains(c)), "{}", query);
                prop_assert!(query.split(' ').all(|word| word != "." && word != ".."));
                // it adds nothing to the address but itself
                let page = Shops::default().0.remove(0).page(&query);
                let inside = page.strip_prefix("https://search.rakuten.co.jp/search/mall/").unwrap();
                prop_assert_eq!(decoded(inside.strip_suffix('/').unwrap()), query);
            }
        }
    }
}
