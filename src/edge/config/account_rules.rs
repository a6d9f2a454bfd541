//! `rules` and `[account.folders]` of an account: what it has over the rules that all accounts share.

use super::check::Check;
use super::syntax;
use crate::rules::Folders;
use std::path::PathBuf;

/// What an account has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRules {
    /// Folder of rule files for this account alone.
    pub rules: Option<PathBuf>,
    /// Folders by category.
    pub folders: Option<Folders>,
}

impl OwnRules {
    /// Whether the account has nothing of its own.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.rules.is_none() && self.folders.is_none()
    }
}

impl Check<'_> {
    /// What an account has of its own. Whether its categories are known is found out with its rules.
    pub(super) fn own_rules(&mut self, account: &syntax::Account) -> OwnRules {
        let mut folders = Folders::of(self.source().clone());
        for (category, folder) in &account.folders {
            let given =
                folders.give((category.get_ref().clone(), category.span()), (folder.get_ref().clone(), folder.span()));
            if let Err((what, help)) = given {
                self.wrong(folder.span(), what, help);
            }
        }
        OwnRules {
            rules: account.rules.as_deref().map(|path| self.path(path)),
            folders: Some(folders).filter(|folders| !folders.is_empty()),
        }
    }
}
