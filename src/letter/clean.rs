//! What may stand in a header of a letter: values from mails and from the shopper's files, made harmless or refused.

/// Characters that end a line, hide, or turn the direction of what follows.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{FFFD}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// One line of at most `most` characters: without controls, marks of direction, invisible characters, and anything that
/// a mail program would read as an encoded word (RFC 2047).
pub(super) fn line(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // what broke a line separates words
        let c = if c.is_whitespace() || c == '\0' { ' ' } else { c };
        match c {
            ' ' if out.is_empty() || out.ends_with(' ') => {}
            '?' if out.ends_with('=') => {}
            '=' => {
                while out.ends_with('?') {
                    out.pop();
                }
                out.push('=');
            }
            c if is_harmful(c) => {}
            c => out.push(c),
        }
    }
    let cut: String = out.trim().chars().take(most).collect();
    cut.trim_end().to_owned()
}

/// Text of several lines, each without anything harmful; no more than one empty line at a time.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for one in text.lines() {
        let clean: String = one.chars().filter(|c| !is_harmful(*c)).collect();
        let clean = clean.trim_end();
        empty = if clean.is_empty() { empty + 1 } else { 0 };
        if empty > 1 || (empty == 1 && out.is_empty()) {
            continue;
        }
        out.push_str(clean);
        out.push('\n');
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

/// A person's name as it may stand before an address: at most 60 characters, nothing that means something in a header.
#[must_use]
pub fn name(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !"()<>[]:;@\\,.\"".contains(*c)).collect();
    line(&plain, 60)
}

/// Whether this is a plain mail address and nothing else: `local@domain` of letters, digits and few signs.
#[must_use]
pub fn is_bare_address(text: &str) -> bool {
    let dots = |local: &str| !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    text.split_once('@').is_some_and(|(local, _)| dots(local)) && is_own_address(text)
}

/// The same of an address of the shopper's own, which may have dots where no standard allows them: mobile carriers gave
/// out `a..b.@docomo.ne.jp`. Where it is written its local part stands in quotes.
#[must_use]
pub fn is_own_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let of = |part: &str, more: &[u8]| part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    !local.is_empty()
        && text.len() <= 254
        && local.len() <= 64
        && of(local, b"._-+=/!#$&*^{}|~'")
        && of(domain, b".-")
        && domain.contains('.')
        && dots(domain)
        && !domain.starts_with('-')
}

/// A Message-ID without angle brackets that can be written into a header as it is; `None` for any other.
pub(super) fn id(text: &str) -> Option<String> {
    let plain = |b: u8| (0x21..=0x7e).contains(&b) && !b"<>()\\\",;:[]".contains(&b);
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    (text.len() <= 250 && text.contains('@') && text.bytes().all(plain)).then(|| text.to_owned())
}
