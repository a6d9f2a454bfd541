//! Names of folders: `楽天/再入荷` for people, and as each server writes it (prefix, delimiter, modified UTF-7).

use super::open::Opened;
use super::utf7;

/// How names are written on this server.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) delimiter: Option<char>,
}

impl Names {
    pub(super) fn of(opened: &Opened) -> Self {
        Self { prefix: opened.prefix.clone(), delimiter: opened.delimiter }
    }

    /// `楽天/再入荷` as this server writes it.
    pub(super) fn wire(&self, name: &str) -> String {
        let inbox = |part: &str| part.eq_ignore_ascii_case("INBOX");
        if inbox(name) {
            return "INBOX".to_owned();
        }
        let mut parts: Vec<String> = name.split('/').map(str::to_owned).collect();
        if let (Some(first), true) = (parts.first_mut(), name.split('/').next().is_some_and(inbox)) {
            *first = "INBOX".to_owned();
        }
        let joined = match self.delimiter {
            // a delimiter inside a part would make two of it
            Some(delimiter) => {
                let parts: Vec<String> = parts.iter().map(|part| part.replace(delimiter, "_")).collect();
                parts.join(&delimiter.to_string())
            }
            None => name.replace('/', "_"),
        };
        let wire = utf7::encode(&joined);
        if self.prefix.is_empty() || wire.starts_with(&self.prefix) { wire } else { format!("{}{wire}", self.prefix) }
    }

    /// A name of this server as we write it.
    pub(super) fn plain(&self, wire: &str) -> String {
        let bare = wire.strip_prefix(&self.prefix).filter(|bare| !bare.is_empty()).unwrap_or(wire);
        let text = utf7::decode(bare);
        match self.delimiter {
            Some(delimiter) if delimiter != '/' => text.replace(delimiter, "/"),
            _ => text,
        }
    }
}
