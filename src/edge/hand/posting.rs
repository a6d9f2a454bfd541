//! What the hand needs to know about letters: who carries them, where they are laid, and how the shopper is told.

use crate::edge::imap::Folder;
use crate::edge::out::post::Carry;
use crate::ledger::due::Settings;
use crate::plan::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the hand needs to know about letters.
#[derive(Clone, Default)]
pub struct Posting {
    /// Who carries the letters of an account; an account that is not named sends none.
    pub carriers: BTreeMap<String, Arc<dyn Carry>>,
    /// Where drafts are laid; `None`: where the server says that they lie.
    pub drafts: Option<String>,
    /// Where copies of what was sent are laid; `None`: where the server says that they lie.
    pub sent: Option<String>,
    /// Whether they are; `None`: unless the provider does it by itself.
    pub copy: Option<bool>,
    /// How the shopper is told what became of a letter.
    pub policy: Policy,
    /// How the cases are counted that letters are about: each letter is judged again before it leaves.
    pub ledger: Settings,
}

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Letters that are not sent.
    Drafts,
    /// Copies of those that were.
    Sent,
    /// What was deleted.
    Trash,
}

impl Use {
    /// Its attribute (RFC 6154).
    fn attribute(self) -> &'static str {
        match self {
            Self::Drafts => "\\Drafts",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// What it is called where no attribute says so: by common servers and mail apps, in English and Japanese.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Drafts => &["Drafts", "下書き", "Draft", "草稿"],
            Self::Sent => &[
                "Sent", "送信済み", "送信済みメール", "送信済みアイテム", "送信済みトレイ", "Sent Messages",
                "Sent Items", "Sent Mail",
            ],
            Self::Trash => &["Trash", "ゴミ箱", "ごみ箱", "Deleted Messages", "Deleted Items"],
        }
    }

    /// What it is called when it is made.
    fn made(self) -> &'static str {
        self.names().first().copied().unwrap_or("Drafts")
    }
}

/// The folder for a use, if there is one: the configured one, the one that the server names, one with a usual name.
#[must_use]
pub fn there(folders: &[Folder], wanted: Use, configured: Option<&str>) -> Option<String> {
    if let Some(name) = configured {
        return Some(name.to_owned());
    }
    let bears = |folder: &&Folder, word: &str| folder.attributes.iter().any(|one| one.eq_ignore_ascii_case(word));
    let open: Vec<&Folder> =
        folders.iter().filter(|one| !bears(one, "\\Noselect") && !bears(one, "\\NonExistent")).collect();
    if let Some(named) = open.iter().find(|one| bears(one, wanted.attribute())) {
        return Some(named.name.clone());
    }
    let called = |name: &str| {
        let bare = |one: &str| one.strip_prefix("INBOX/").unwrap_or(one).to_lowercase();
        // the shallowest first: `Drafts` before `INBOX/Drafts`
        let mut same: Vec<&&Folder> = open.iter().filter(|one| bare(&one.name) == name.to_lowercase()).collect();
        same.sort_by_key(|one| one.name.len());
        same.first().map(|one| one.name.clone())
    };
    wanted.names().iter().find_map(|name| called(name))
}

/// The folder for a use; a new one's name where there is none.
pub(super) fn folder_for(folders: &[Folder], wanted: Use, configured: Option<&str>) -> String {
    there(folders, wanted, configured).unwrap_or_else(|| wanted.made().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_one_the_server_means_else_one_with_a_usual_name() {
        let folder = |name: &str, attributes: &[&str]| Folder {
            name: name.to_owned(),
            attributes: attributes.iter().map(|one| (*one).to_owned()).collect(),
        };
        let check = |folders: &[Folder], configured: Option<&str>, expect: &str| {
            assert_eq!(folder_for(folders, Use::Drafts, configured), expect);
        };
        let marked = [folder("Drafts", &[]), folder("Entwürfe", &["\\HasNoChildren", "\\drafts"])];
        check(&marked, None, "Entwürfe");
        check(&marked, Some("楽天/下書き"), "楽天/下書き");
        check(&[folder("INBOX", &[]), folder("INBOX/Drafts", &[])], None, "INBOX/Drafts");
        check(&[folder("INBOX/drafts", &[]), folder("DRAFTS", &[])], None, "DRAFTS");
        check(&[folder("下書き", &[])], None, "下書き");
        check(&[folder("Drafts", &["\\Noselect"]), folder("Draft", &[])], None, "Draft");
        check(&[folder("INBOX", &[])], None, "Drafts");
        check(&[], None, "Drafts");
        assert_eq!(
            folder_for(&[folder("[Gmail]/送信済みメール", &["\\Sent"])], Use::Sent, None),
            "[Gmail]/送信済みメール"
        );
        assert_eq!(there(&[folder("INBOX", &[])], Use::Trash, None), None);
    }
}
