//! Authentication-Results (RFC 8601): what the shopper's own provider found out about the sender.

/// One method's result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Finding {
    /// `dkim`, `spf`, `dmarc` …, lower case.
    pub(super) method: String,
    /// `pass`, `fail`, `none` …, lower case.
    pub(super) result: String,
    /// `header.d` and the like, lower case, with their values, lower case.
    properties: Vec<(String, String)>,
}

impl Finding {
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The findings of one field if its authserv-id is one of `trusted`; `None` for a field of anyone else's, or one that
/// cannot be read beyond doubt.
pub(super) fn read(value: &str, trusted: &[String]) -> Option<Vec<Finding>> {
    let pieces = pieces(value)?;
    let mut pieces = pieces.iter();
    let mut head = pieces.next()?.iter();
    let id = head.next()?;
    if !trusted.iter().any(|one| one.trim().trim_end_matches('.').eq_ignore_ascii_case(id.trim_end_matches('.'))) {
        return None;
    }
    // "id 1;" names a version; anything else behind the id is not understood
    if head.any(|word| !word.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let mut findings = Vec::new();
    for words in pieces {
        let mut words = words.iter();
        let Some(first) = words.next() else { continue };
        let Some((method, result)) = first.split_once('=') else { continue };
        let method = method.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let mut finding = Finding { method, result: result.to_ascii_lowercase(), properties: Vec::new() };
        for word in words {
            if let Some((name, value)) = word.split_once('=') {
                finding.properties.push((name.to_ascii_lowercase(), value.to_ascii_lowercase()));
            }
        }
        findings.push(finding);
        if findings.len() >= 50 {
            break;
        }
    }
    Some(findings)
}

/// The authserv-id of a field that has one: a single word with a dot in it, which no result is.
pub(super) fn id(value: &str) -> Option<String> {
    let pieces = pieces(value)?;
    let head = pieces.first()?;
    let id = head.first()?.trim_end_matches('.');
    let versions = head.iter().skip(1).all(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    (versions && id.contains('.') && !id.contains('=')).then(|| id.to_ascii_lowercase())
}

/// The words between the semicolons; comments are left out (they nest), quoted strings are one word, blanks around
/// `=` do not count. `None` when a comment or a string has no end.
fn pieces(value: &str) -> Option<Vec<Vec<String>>> {
    let mut pieces: Vec<Vec<String>> = vec![Vec::new()];
    let mut word = String::new();
    // a value was quoted, so that "a=" and its empty string are still one word
    let mut open = false;
    let mut depth = 0_u32;
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        if depth > 0 {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '\\' => {
                    chars.next();
                }
                _ => {}
            }
            continue;
        }
        match c {
            '(' => depth = 1,
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => word.push(chars.next()?),
                    // what would part words is no part of a name or a result
                    c => word.push(if matches!(c, ';' | '=') || c.is_whitespace() { '_' } else { c }),
                }
            },
            ';' => {
                close(&mut pieces, &mut word);
                pieces.push(Vec::new());
                open = false;
            }
            '=' => {
                // "dkim = pass": the name was closed by the blank before
                if word.is_empty()
                    && let Some(name) = pieces.last_mut().and_then(Vec::pop)
                {
                    word = name;
                }
                word.push('=');
                open = true;
            }
            c if c.is_whitespace() => {
                if !(open && word.ends_with('=')) {
                    close(&mut pieces, &mut word);
                    open = false;
                }
            }
            c => word.push(c),
        }
    }
    if depth > 0 {
        return None;
    }
    close(&mut pieces, &mut word);
    Some(pieces)
}

fn close(pieces: &mut [Vec<String>], word: &mut String) {
    if !word.is_empty()
        && let Some(last) = pieces.last_mut()
    {
        last.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expect: Option<&str>) {
        let found = read(value, &["mx.example".to_owned()]).map(|findings| {
            findings
                .iter()
                .map(|finding| {
                    let all: Vec<String> =
                        finding.properties.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                    format!("{}={}{}", finding.method, finding.result, all.concat())
                })
                .collect::<Vec<_>>()
                .join("; ")
        });
        assert_eq!(found.as_deref(), expect, "{value}");
    }

    #[test]
    fn who_wrote_it() {
        for (value, expect) in [
            ("mx.google.com; spf=pass", Some("mx.google.com")),
            (" MX.Example.jp. 1;\r\n dkim=none", Some("mx.example.jp")),
            ("(a comment) mx.example.jp; none", Some("mx.example.jp")),
            // Microsoft's name nobody
            ("spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=pass", None),
            ("localhost; none", None),
            ("mx.example.jp from=a.example; spf=pass", None),
            ("", None),
            ("(mx.example.jp; none", None),
        ] {
            assert_eq!(id(value).as_deref(), expect, "{value}");
        }
    }

    #[test]
    fn fields() {
        check(
            "mx.example;\r\n dkim=pass header.i=@rakuten.co.jp header.s=s (2048 (rsa); dmarc=pass);\r\n spf=pass smtp.mailfrom=a@b",
            Some("dkim=pass header.i=@rakuten.co.jp header.s=s; spf=pass smtp.mailfrom=a@b"),
        );
        check(
            "MX.example 1; DMARC = Pass header.from = \"Rakuten.co.jp\"",
            Some("dmarc=pass header.from=rakuten.co.jp"),
        );
        check("mx.example; none", Some(""));
        check("(mx.example) evil.example; dmarc=pass", None);
        check("evil.example; dmarc=pass", None);
        check("mx.example.evil.example; dmarc=pass", None);
        check("mx.example evil; dmarc=pass", None);
        check("mx.example; spf=fail reason=\"x; dmarc=pass\"", Some("spf=fail reason=x__dmarc_pass"));
        check("mx.example; spf=fail (x; dmarc=pass", None);
        check("mx.example; spf=fail reason=\"x", None);
        check("mx.example; dkim/1=pass header.d=rakuten.co.jp", Some("dkim=pass header.d=rakuten.co.jp"));
        check("", None);
    }
}
