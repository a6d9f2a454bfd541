//! Takes what is personal out of a mail's text: a rule file may be shown to others.
//!
//! Shapes stay as they are — an order number is still one, a price is a price — so that the rules see the same.

use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Who a person is in every example.
const PERSON: &str = "見本 花子";
const PERSON_IN_ENGLISH: &str = "Hanako Mihon";
/// Characters that no mail holds.
const IN_JAPANESE: &str = "\u{F8F0}";
const IN_ENGLISH: &str = "\u{F8F1}";

macro_rules! regexes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* #[allow(clippy::expect_used)] // the tests compile every one of them
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a regex of our own"));)*
    };
}

regexes! {
    ADDRESS = r"[A-Za-z0-9._%+-]{1,64}@(?P<domain>[A-Za-z0-9.-]{1,200}\.[A-Za-z]{2,24})";
    /// Shop, day and serial; the day stays, for deadlines count from it.
    ORDER = r"(?P<shop>[0-9０-９]{6})(?P<a>[-－−‐ー])(?P<day>[0-9０-９]{8})(?P<b>[-－−‐ー])(?P<serial>[0-9０-９]{8,10})";
    PHONE = r"(?:\+81[- ]?|[0０])[0-9０-９]{1,4}[-－−‐ー (（)）]{1,2}[0-9０-９]{1,4}[-－−‐ー )）]{1,2}[0-9０-９]{3,4}";
    POSTCODE = r"〒?\s?[0-9０-９]{3}[-－−‐ー][0-9０-９]{4}";
    /// What remains of a line that begins in a prefecture.
    PLACE = r"(?:東京都|北海道|京都府|大阪府|[一-龠]{2,3}県)[^\s、。,，]{0,40}[0-9０-９一二三四五六七八九十〇]+[^\n、。]{0,40}";
    /// Parcels, receipts, members, cards: long runs of digits.
    LONG = r"[0-9０-９]{4}[- －][0-9０-９]{4}[- －][0-9０-９]{4}(?:[- －][0-9０-９]{2,4})?|[0-9]{10,20}";
    CARD = r"(?:[*＊●xX]{2,4}[- ]?){1,4}[0-9]{3,4}";
    /// 例田 太郎 様, 例田さん: to the left as far as a name reaches.
    GREETED = r"(?m)(?P<name>[一-龠々ぁ-んァ-ヶーA-Za-z.][一-龠々ぁ-んァ-ヶーA-Za-z. 　]{0,24}?)(?P<gap>[ 　]{0,2})(?P<title>様|さま|さん|はん|ちゃん|殿|氏)(?P<after>$|[ 　、。，,!！へのがはにを]|[^一-龠ぁ-んァ-ヶ])";
    GREETED_IN_ENGLISH = r"(?m)^(?P<hail>Dear|Hello|Hi|Hey)(?P<gap>,? )(?P<name>(?:Mr\.? |Ms\.? |Mrs\.? )?[A-Z][A-Za-z.'-]*(?: [A-Z][A-Za-z.'-]*){0,3})";
    /// [注文者] 例田太郎
    LABELLED = r"(?m)^(?P<label>[\s\[【■◆●・*]*(?:ご?注文者|お届け先|送付先|配送先|ご?購入者|お名前|氏名|お客様名|会員名|宛名|お受取人|フリガナ|name|ship to|住所|ご住所|会員番号|お客様番号)[^\n:：\]】]{0,8}[\]】:：\s]+)(?P<value>\S[^\n]*)$";
    QUERY = r"(?P<url>https?://[^\s?<>「」]+)\?(?P<query>[^\s<>「」]*)";
}

/// Words that stand before 様 and are nobody's name.
const NOBODY: &[&str] = &[
    "お客", "客", "皆", "みな", "各", "会員", "店長", "仕", "同", "お得意", "出店者", "御中", "多", "王", "神", "お子",
    "奥", "旦那", "一部の", "ほかのお客", "他のお客", "たく", "屋", "店員", "職人", "お日", "お月", "ご購入者",
    "ご注文者", "読者", "お母", "お父", "ご", "晩ご", "朝ご", "夕ご", "赤",
];

/// A mask over one mail: the same words are replaced by the same words everywhere in it.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// Names to be replaced wherever they stand, the longest first.
    names: Vec<String>,
}

impl Mask {
    /// A mask that knows names which stand somewhere in the mail: those of the recipients, and whoever is greeted.
    pub(super) fn of(texts: &[&str], recipients: &[&str]) -> Self {
        let mut names: BTreeMap<String, ()> = BTreeMap::new();
        let mut add = |name: &str| {
            let name = name.trim_matches(|c: char| c.is_whitespace() || "\"'「」<>　".contains(c));
            let letters = name.chars().filter(|c| c.is_alphabetic()).count();
            if letters >= 2 && name.chars().count() <= 40 && !name.contains('@') {
                names.insert(name.to_owned(), ());
                // 例田 太郎: written without its blank, too; a family name of one letter is no name to look for
                let parts: Vec<&str> = name.split([' ', '　']).filter(|part| !part.is_empty()).collect();
                if parts.len() > 1 {
                    names.insert(parts.concat(), ());
                    parts.iter().filter(|part| part.chars().count() >= 2).for_each(|part| {
                        names.insert((*part).to_owned(), ());
                    });
                }
            }
        };
        recipients.iter().for_each(|name| add(name));
        for text in texts {
            for found in GREETED.captures_iter(text) {
                if let Some(name) = found.name("name").map(|name| name.as_str().trim()).filter(|name| is_person(name)) {
                    add(name);
                }
            }
            for found in GREETED_IN_ENGLISH.captures_iter(text) {
                let name = found.name("name").map_or("", |name| name.as_str());
                if !["Customer", "Sir", "There", "All", "Madam"].iter().any(|word| name.contains(word)) {
                    add(name);
                }
            }
        }
        let mut names: Vec<String> = names.into_keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.chars().count()));
        Self { names }
    }

    /// A text without anything personal in it.
    pub(super) fn over(&self, text: &str) -> String {
        let text = QUERY.replace_all(text, |found: &Captures<'_>| {
            let (url, query) =
                (found.name("url").map_or("", |url| url.as_str()), found.name("query").map_or("", |q| q.as_str()));
            // a coupon is fetched by its key: the shape stays, the key does not
            let key = query.split('&').any(|pair| pair.to_ascii_lowercase().starts_with("getkey="));
            if key { format!("{url}?getkey=QUJDRC1FRkdI") } else { url.to_owned() }
        });
        let text = LABELLED.replace_all(&text, |found: &Captures<'_>| {
            let label = found.name("label").map_or("", |label| label.as_str());
            let value = found.name("value").map_or("", |value| value.as_str());
            format!(
                "{label}{}",
                if value.chars().any(|c| c.is_ascii_digit()) && !value.contains('様') { "000" } else { PERSON }
            )
        });
        let text = ADDRESS.replace_all(&text, |found: &Captures<'_>| {
            let domain = found.name("domain").map_or("", |domain| domain.as_str());
            let market = crate::mail::trust::is_rakuten(domain);
            if market { found.get(0).map_or("", |all| all.as_str()).to_owned() } else { "hanako@example.jp".to_owned() }
        });
        let text = PLACE.replace_all(&text, "東京都見本区見本1-2-3");
        let text = ORDER.replace_all(&text, |found: &Captures<'_>| {
            let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
            let serial: String = "0123456789".chars().take(part("serial").chars().count()).collect();
            format!("399999{}{}{}{serial}", part("a"), part("day"), part("b"))
        });
        let text = CARD.replace_all(&text, "****-0000");
        let text = keeping_orders(&text, &LONG, zeros);
        let text = keeping_orders(&text, &PHONE, zeros);
        let text = keeping_orders(&text, &POSTCODE, zeros);
        let mut text = text;
        // stand-ins first, so that no name is looked for in another's place
        for name in &self.names {
            text = replaced(&text, name, if name.is_ascii() { IN_ENGLISH } else { IN_JAPANESE });
        }
        for (sign, person) in [(IN_JAPANESE, PERSON), (IN_ENGLISH, PERSON_IN_ENGLISH)] {
            // both halves of a name, when each was known
            for twice in [format!("{sign}{sign}"), format!("{sign} {sign}"), format!("{sign}\u{3000}{sign}")] {
                while text.contains(&twice) {
                    text = text.replace(&twice, sign);
                }
            }
            text = text.replace(sign, person);
        }
        text
    }
}

/// A name where it stands by itself: not in the middle of a longer word of the same script.
fn replaced(text: &str, name: &str, stand_in: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + name.len()..).unwrap_or_default());
        let ascii = name.is_ascii();
        let joined = |c: Option<char>| c.is_some_and(|c| ascii && c.is_ascii_alphanumeric());
        let inside = joined(before.chars().next_back().or(out.chars().next_back().filter(|_| before.is_empty())))
            || joined(after.chars().next());
        out.push_str(before);
        out.push_str(if inside { name } else { stand_in });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Replaces matches except inside the order numbers that were made before.
fn keeping_orders(text: &str, regex: &Regex, with: fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for order in ORDER.find_iter(text) {
        out.push_str(
            &regex.replace_all(text.get(at..order.start()).unwrap_or_default(), |found: &Captures<'_>| with(&found[0])),
        );
        out.push_str(order.as_str());
        at = order.end();
    }
    out.push_str(&regex.replace_all(text.get(at..).unwrap_or_default(), |found: &Captures<'_>| with(&found[0])));
    out
}

/// The same with every digit a zero.
fn zeros(text: &str) -> String {
    text.chars().map(|c| if c.is_numeric() { '0' } else { c }).collect()
}

/// Whether what stands before 様 is a person.
fn is_person(name: &str) -> bool {
    let name = name.trim();
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    (2..=12).contains(&letters)
        && !NOBODY.iter().any(|word| name == *word || name.ends_with(word))
        && !is_sentence(name)
}

/// …に関わるみな|さん: a stretch with particles in it is no name.
fn is_sentence(name: &str) -> bool {
    let kana = name.chars().filter(|c| matches!(c, 'ぁ'..='ん')).count();
    let all = name.chars().filter(|c| c.is_alphabetic()).count();
    kana > 0
        && kana < all
        && ["の", "を", "は", "が", "に", "で", "と", "て", "た"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn what_is_personal_goes_and_shapes_stay() {
        for (text, expect) in [
            ("例田 太郎 様\n", "見本 花子 様\n"),
            ("例田太郎様、いつも", "見本 花子様、いつも"),
            ("例田さん、こんにちは", "見本 花子さん、こんにちは"),
            ("見本 花子 様", "見本 花子 様"),
            ("お客様のご注文", "お客様のご注文"),
            ("皆様へ", "皆様へ"),
            ("受注番号：315570-20261119-0288410937", "受注番号：399999-20261119-0123456789"),
            ("４０１５５７−２０２６１１１９−０２８８４１０９３７", "399999−２０２６１１１９−0123456789"),
            ("340018-20261122-00417725", "399999-20261122-01234567"),
            ("お問い合わせ 03-1234-5678 まで", "お問い合わせ 00-0000-0000 まで"),
            ("電話 090-1111-2222", "電話 000-0000-0000"),
            ("〒150-0041 東京都渋谷区神南1-2-3 見本荘201", "〒000-0000 東京都見本区見本1-2-3"),
            ("伝票番号 1234-5678-9012", "伝票番号 0000-0000-0000"),
            ("受付番号：123456789012", "受付番号：000000000000"),
            ("taro.reida@gmail.example", "hanako@example.jp"),
            ("modori-zakka@shop.rakuten.co.jp", "modori-zakka@shop.rakuten.co.jp"),
            ("カード番号 ****-****-****-1234", "カード番号 ****-0000"),
            ("[注文者] 例田　太郎 (レイダ タロウ)", "[注文者] 見本 花子"),
            ("お届け先：例田花子", "お届け先：見本 花子"),
            ("https://item.rakuten.co.jp/a/b/?scid=mail_123&uid=xyz", "https://item.rakuten.co.jp/a/b/"),
            (
                "https://coupon.rakuten.co.jp/getCoupon?getkey=SECRET&x=1",
                "https://coupon.rakuten.co.jp/getCoupon?getkey=QUJDRC1FRkdI",
            ),
            ("価格 1,980円 (税込) 12月3日 20:00", "価格 1,980円 (税込) 12月3日 20:00"),
            ("Dear Taro Reida,\nThank you", "Dear Hanako Mihon,\nThank you"),
            ("Dear Customer, hello", "Dear Customer, hello"),
        ] {
            assert_eq!(Mask::of(&[text], &[]).over(text), expect, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_known_goes_wherever_it_stands() {
        let mask = Mask::of(&["例田 太郎 様"], &["Taro Reida", "例田 花子"]);
        let masked = mask.over("例田太郎が注文し、花子が受け取る。Taro Reida / TARO 例田 花子より");
        for name in ["例田", "太郎", "花子が", "Reida"] {
            assert!(!masked.replace("見本 花子", "").contains(name), "{name}: {masked}");
        }
    }
}
