//! Names of folders in the configuration.

use super::check::Check;
use toml::Spanned;
use unicode_normalization::UnicodeNormalization;

impl Check<'_> {
    /// A folder's name, composed (NFC), however the editor wrote it. INBOX is INBOX in whatever case (RFC 3501, 5.1).
    pub(super) fn mail_folder(&mut self, written: &Spanned<String>) -> String {
        let name = written.get_ref().trim();
        if name.split('/').any(|level| level.trim().is_empty()) || name.chars().any(char::is_control) {
            let help = "write it as your mail app shows it, with / between levels";
            self.wrong(written.span(), "this is no name of a folder", help);
        }
        if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name.nfc().collect() }
    }
}
