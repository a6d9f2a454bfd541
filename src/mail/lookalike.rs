//! Domains that are made to be read as Rakuten's.

use super::trust::is_rakuten;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Companies of the group with domains of their own, and Rakuten in other countries. Not Ichiba's, but no forgery by
/// their name alone.
const GROUP: [&str; 27] = [
    "rakuten-card.co.jp", "rakuten-bank.co.jp", "rakuten-sec.co.jp", "rakuten-edy.co.jp", "rakuten-life.co.jp",
    "rakuten-sonpo.co.jp", "rakuten-insurance.co.jp", "rakuten-ssi.co.jp", "rakuten-wallet.co.jp",
    "rakuten-trust.co.jp", "rakuteneagles.jp", "rakuten.net", "rakuten.today", "rakuten.careers", "rakuten-drone.jp",
    "rakutenmobile.co.jp", "rakuten.com.tw", "rakuten.fr", "rakuten.de", "rakuten.es", "rakuten.it", "rakuten.tv",
    "rakuten.ca", "rakuten.co.uk", "rakuten.tech", "rakutenkobo.com", "rakutenadvertising.com",
];

/// Whether a domain belongs to a company of the group, Ichiba's own domains included.
pub(super) fn is_group(domain: &str) -> bool {
    is_rakuten(domain)
        || GROUP
            .iter()
            .any(|known| domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Whether a domain that is none of Rakuten's reads as if it were: other scripts' letters, digits for letters, its
/// name in front of another's domain, its name with something added.
pub(super) fn imitates(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_lowercase();
    if domain.is_empty() || is_group(&domain) {
        return false;
    }
    let labels: Vec<String> = domain.split('.').map(|label| skeleton(&unpuny(label))).collect();
    let plain = labels.join(".");
    // the name in letters that are not its own: nobody writes it so by chance
    if plain.contains("rakuten") && !domain.contains("rakuten") {
        return true;
    }
    // rakuten.co.jp.example, rakuten-co-jp.example
    let flat: String = plain.chars().map(|c| if c == '-' || c == '_' { '.' } else { c }).collect();
    if ["rakuten.co.", "rakuten.com.", "rakuten.ne.", "rakuten.jp.", "rakutencojp"]
        .iter()
        .any(|part| flat.contains(part))
    {
        return true;
    }
    // rakuten.example, rakuten-support.example; a shop's rakuten.shop.example is its own affair
    registered(&labels).is_some_and(|label| {
        label == "rakuten"
            || label.split(['-', '_']).any(|word| word == "rakuten")
            || label
                .strip_prefix("rakuten")
                .is_some_and(|rest| SERVICES.iter().any(|service| rest.starts_with(service)))
            || one_letter_off(label)
    })
}

/// Words that forgers put behind the name.
const SERVICES: [&str; 17] = [
    "card", "ichiba", "support", "login", "account", "id", "point", "pay", "mail", "info", "shop", "service",
    "security", "member", "bank", "jp", "net",
];

/// The label that was registered: the one before `co.jp`, `com` and the like.
fn registered(labels: &[String]) -> Option<&str> {
    let count = labels.len();
    let second = labels.get(count.checked_sub(2)?)?;
    let generic = ["co", "ne", "or", "ac", "go", "com", "net", "org", "gr", "ad"].contains(&second.as_str());
    let at = if generic && count >= 3 { count - 3 } else { count - 2 };
    labels.get(at).map(String::as_str)
}

/// `rakuten` with one letter changed, doubled, dropped or swapped.
fn one_letter_off(label: &str) -> bool {
    const NAME: &[u8] = b"rakuten";
    let label = label.as_bytes();
    if label == NAME || label.len() < 6 || label.len() > 8 || label.first() != Some(&b'r') {
        return false;
    }
    let same = label.iter().zip(NAME).take_while(|(a, b)| a == b).count();
    let (rest, name) = (label.get(same..).unwrap_or_default(), NAME.get(same..).unwrap_or_default());
    let tail = |slice: &'static [u8], skip: usize| slice.get(skip..).unwrap_or_default();
    match label.len() {
        6 => rest == tail(name, 1),
        7 => {
            rest.get(1..) == Some(tail(name, 1))
                || (rest.first() == name.get(1) && rest.get(1) == name.first() && rest.get(2..) == Some(tail(name, 2)))
        }
        _ => rest.get(1..) == Some(name),
    }
}

/// What a reader takes a label for: accents off, letters of other scripts and digits read as the Latin letters they
/// resemble.
fn skeleton(label: &str) -> String {
    let letters: String = label
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'а' | 'α' | 'ɑ' | '4' => 'a',
            'е' | 'ё' | 'ε' | 'є' | '3' => 'e',
            'к' | 'κ' | 'қ' | 'ĸ' => 'k',
            'т' | 'τ' | '7' => 't',
            'υ' | 'ս' | 'μ' | 'ц' | 'и' => 'u',
            'п' | 'η' | 'ո' | 'ռ' => 'n',
            'г' | 'ɾ' | 'ꭇ' => 'r',
            'о' | 'ο' | 'օ' | '0' => 'o',
            'с' | 'ϲ' => 'c',
            'р' | 'ρ' => 'p',
            'ј' => 'j',
            'і' | 'ι' | '1' | 'l' | '|' | 'ı' => 'i',
            '‐' | '‑' | '–' | 'ー' => '-',
            c => c,
        })
        .collect();
    letters.replace("vv", "w").replace("rn", "m")
}

/// A label in Unicode (RFC 3492); itself when it is not encoded or not well-formed.
fn unpuny(label: &str) -> String {
    label.strip_prefix("xn--").and_then(punycode).unwrap_or_else(|| label.to_owned())
}

fn punycode(input: &str) -> Option<String> {
    let (base, digits) = input.rsplit_once('-').unwrap_or(("", input));
    let mut out: Vec<char> = base.chars().collect();
    let (mut n, mut i, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = digits.bytes();
    while digits.len() > 0 {
        let before = i;
        let (mut weight, mut k) = (1_u32, 36_u32);
        loop {
            let digit = match digits.next()? {
                byte @ b'a'..=b'z' => byte - b'a',
                byte @ b'0'..=b'9' => byte - b'0' + 26,
                _ => return None,
            };
            i = i.checked_add(u32::from(digit).checked_mul(weight)?)?;
            let limit = k.saturating_sub(bias).clamp(1, 26);
            if u32::from(digit) < limit {
                break;
            }
            weight = weight.checked_mul(36 - limit)?;
            k += 36;
        }
        let count = u32::try_from(out.len()).ok()? + 1;
        let mut delta = (i - before) / if before == 0 { 700 } else { 2 };
        delta += delta / count;
        let mut steps = 0;
        while delta > 455 {
            delta /= 35;
            steps += 36;
        }
        bias = steps + 36 * delta / (delta + 38);
        n = n.checked_add(i / count)?;
        i %= count;
        out.insert(usize::try_from(i).ok()?, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        for (domain, expect) in [
            ("rakuten.co.jp", false),
            ("shop.rakuten.co.jp", false),
            ("mail.rakuten-card.co.jp", false),
            ("rakuten.net", false),
            ("shop.example", false),
            ("rakuten.shop.example", false),
            ("rakuen.co.jp", true),
            ("rakuten.co.jp.evil.example", true),
            ("rakuten-co-jp.example", true),
            ("rakuten.example", true),
            ("rakuten-support.example", true),
            ("raküten.co.jp", true),
            ("rakutеn.co.jp", true),
            ("xn--rakutn-7of.co.jp", true),
            ("xn--rakten-5ya.co.jp", true),
            ("ｒakuten.co.jp", true),
            ("rakut3n.co.jp", true),
            ("rakutan.co.jp", true),
            ("rakutten.com", true),
            ("raukten.com", true),
            ("rakutenid.example", true),
            ("kurakutend.example", false),
            ("", false),
        ] {
            assert_eq!(imitates(domain), expect, "{domain}");
        }
        assert_eq!(punycode("rakutn-7of").as_deref(), Some("rakutеn"));
    }
}
