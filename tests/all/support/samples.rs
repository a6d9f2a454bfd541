//! The sample mails, for benches.

use jiff::Timestamp;
use modori::mail::Reading;
use std::path::Path;

/// All sample mails; one iteration of a bench goes through all of them.
pub(crate) fn mails() -> Vec<Vec<u8>> {
    let mut mails = Vec::new();
    let kinds = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).expect("fixtures");
    for kind in kinds.flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(kind.path()).expect("a folder of fixtures").flatten() {
            if file.path().extension().is_some_and(|extension| extension == "eml") {
                mails.push(std::fs::read(file.path()).expect("a fixture"));
            }
        }
    }
    assert!(mails.len() > 50, "the fixtures are missing");
    mails
}

pub(crate) fn reading(bytes: &[u8]) -> Reading<'static> {
    Reading { received: Timestamp::UNIX_EPOCH, size: u32::try_from(bytes.len()).unwrap_or(u32::MAX), authserv_ids: &[] }
}
