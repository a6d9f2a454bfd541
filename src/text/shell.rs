//! Words as a shell takes them.

/// One word of a command that a person may type: what it holds may come from a mail.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '@'));
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if plain && !text.is_empty() { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn an_id_cannot_break_out_of_its_quotes() {
        for (text, expect) in [
            ("a.eml", "a.eml"),
            ("<a@b>", "'<a@b>'"),
            ("<a'; rm -rf ~; '@b>", "'<a'\\''; rm -rf ~; '\\''@b>'"),
            ("a\u{1b}[2Jb", "'a[2Jb'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expect, "{text}");
        }
    }
}
