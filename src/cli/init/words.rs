//! A command as one types it, taken apart into words; and text of the documents for a terminal.

/// The words of a command: blanks part them, `'…'` and `"…"` hold them together. No shell: nothing else has a meaning.
/// `None`: a quotation mark is left open, or there is no word.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut open: Option<char> = None;
    for c in text.chars() {
        match (open, c) {
            (Some(mark), c) if c == mark => open = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                open = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (open.is_none() && words.first().is_some_and(|program| !program.is_empty())).then_some(words)
}

/// Text of the documents without what makes links of it: `[step by step](oauth.md)` is `step by step`.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        match link.split_once("](").and_then(|(words, more)| Some((words, more.split_once(')')?.1))) {
            Some((words, after)) if !words.contains('[') => {
                out.push_str(words);
                rest = after;
            }
            _ => {
                out.push('[');
                rest = link;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_apart_at_blanks_outside_of_quotation_marks() {
        for (text, expected) in [
            ("pass mail", Some(&["pass", "mail"][..])),
            (" secret-tool  lookup service 'my mail' ", Some(&["secret-tool", "lookup", "service", "my mail"])),
            ("sh -c \"cat 'a b'\"", Some(&["sh", "-c", "cat 'a b'"])),
            ("a''b ''", Some(&["ab", ""])),
            ("pass 'mail", None),
            ("''", None),
            ("  ", None),
        ] {
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn links_become_their_words() {
        for (text, expected) in [
            ("in [the password file](configuration.md#passwords). Once", "in the password file. Once"),
            ("[a](b)[c](d)", "ac"),
            ("[Gmail]/下書き and [x", "[Gmail]/下書き and [x"),
        ] {
            assert_eq!(plain(text), expected);
        }
        for provider in crate::provider::all() {
            for told in &provider.told {
                assert!(!plain(&told.text).contains("]("), "{}: {}", provider.name, told.text);
            }
        }
    }
}
