//! Text in HTML and SVG: nothing of it is read as markup.

/// A text in one line as HTML and SVG show it, between tags and between quotation marks: without what steers a screen, and
/// without a character that could end either.
#[must_use]
pub fn markup(text: &str) -> String {
    let line = super::one_line(text);
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_text_ends_a_tag_or_a_value() {
        let shown = super::markup("a <b>&\n\"c\u{202e}' d");
        assert_eq!(shown, "a &lt;b&gt;&amp; &quot;c&#39; d");
    }
}
