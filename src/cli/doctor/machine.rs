//! What lies on this machine: who may read it, whether the database is sound, and how much room is left.

use crate::cli::render;
use crate::edge::config::Config;
use crate::edge::oauth::Credential;
use crate::edge::secret::Secret;
use crate::edge::store::{BEFORE_UPGRADE, Db, Soundness, StoreError};
use crate::engine::checkup::Check;
use std::path::{Path, PathBuf};

/// A disk with less than this is nearly full, in KiB: the database, its log and a copy before an upgrade need room.
const ROOM: u64 = 256 * 1024;
/// A log that grew beyond this is not taken into the database: something holds it open, in bytes.
const LOG: u64 = 64 * 1024 * 1024;

/// What keeps others out of the state folder.
pub(super) fn folder(state: &Path) -> Check {
    let about = "state";
    let shown = state.display();
    if !state.is_dir() {
        if state.exists() {
            let remedy = "name another folder with `state`, or move the file away";
            return Check::failure(about, format!("{shown} is not a folder"), remedy);
        }
        return Check::fine(about, format!("{shown}, made at the first start"));
    }
    if open_to(state, 0o077) {
        let said = format!("others can look into {shown}: it tells what you ordered");
        return Check::warning(about, said, format!("chmod 700 {shown}"));
    }
    Check::fine(about, format!("{shown}, only yours"))
}

/// Whether others have one of these rights.
#[cfg(unix)]
fn open_to(path: &Path, rights: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & rights != 0)
}

#[cfg(not(unix))]
fn open_to(_: &Path, _: u32) -> bool {
    false
}

/// In a folder with this mark only the owner of a file may put another into its place.
const STICKY: u32 = 0o1000;

/// Whether the file is root's: a service of the system whose user exists only while it runs must be able to read it.
#[cfg(unix)]
fn is_roots(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|found| found.uid() == 0)
}

#[cfg(not(unix))]
fn is_roots(_: &Path) -> bool {
    false
}

/// Whether something secret stands in the configuration itself.
fn holds_plain(config: &Config) -> bool {
    config.channels.values().any(|channel| channel.kind.is_written_plain())
}

/// The modes of the files that hold what is nobody else's business.
pub(super) fn modes(file: Option<&Path>, config: Option<&Config>, state: &Path) -> Vec<Check> {
    let about = "file modes";
    let mut checks = Vec::new();
    let mut closed = 0;
    if let Some(file) = file.filter(|file| file.exists()) {
        let shown = file.display();
        if open_to(file, 0o022) {
            let said = format!("others can write to {shown}: whoever does lets programs run as you");
            checks.push(Check::failure(about, said, format!("chmod 600 {shown}")));
        } else if open_to(file, 0o044) && !(is_roots(file) && config.is_none_or(|config| !holds_plain(config))) {
            let said = format!("others can read {shown}: it names your accounts and channels");
            checks.push(Check::warning(about, said, format!("chmod 600 {shown}")));
        } else {
            closed += 1;
        }
    }
    let parent = file.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    for folder in parent.into_iter().chain(config.and_then(|config| config.rules.as_deref())) {
        if open_to(folder, 0o022) && !open_to(folder, STICKY) {
            let shown = folder.display();
            let said =
                format!("others can write into {shown}: whoever does may put another file in the place of yours");
            checks.push(Check::warning(about, said, format!("chmod go-w {shown}")));
        }
    }
    for secret in config.map(files).unwrap_or_default() {
        let secret = secret.as_path();
        if open_to(secret, 0o077) {
            let shown = secret.display();
            checks.push(Check::failure(
                about,
                format!("others can read the secret {shown}"),
                format!("chmod 600 {shown}"),
            ));
        } else if secret.exists() {
            closed += 1;
        }
    }
    for name in ["modori.sqlite", "modori.sqlite-wal", "modori.sqlite-shm", BEFORE_UPGRADE, "modori.lock"] {
        let path = state.join(name);
        // the lock says which process works, and nothing else
        let rights = if name == "modori.lock" { 0o022 } else { 0o077 };
        if open_to(&path, rights) {
            let shown = path.display();
            let said = match open_to(state, 0o077) {
                true => format!("others can open {shown}: it tells what you ordered"),
                false => format!("only its folder keeps others out of {shown}: a copy would be open to them"),
            };
            checks.push(Check::warning(about, said, format!("chmod 600 {shown}")));
        } else if path.exists() {
            closed += 1;
        }
    }
    if checks.is_empty() && closed > 0 {
        checks.push(Check::fine(about, format!("{} only yours to read", render::count(closed, "file"))));
    }
    checks
}

/// The files that secrets are read from.
fn files(config: &Config) -> Vec<PathBuf> {
    let mut all: Vec<&Secret> =
        config.channels.values().flat_map(|channel| channel.kind.secrets()).map(|(_, one)| one).collect();
    let mut tokens = Vec::new();
    for account in &config.accounts {
        let sends = account.smtp.as_ref().and_then(|smtp| smtp.login.as_ref()).map(|(_, credential)| credential);
        for credential in std::iter::once(&account.credential).chain(sends) {
            match credential {
                Credential::Password(secret) => all.push(secret),
                Credential::Token(of) => tokens.extend(of.files()),
            }
        }
    }
    let mut files: Vec<PathBuf> = all
        .into_iter()
        .filter_map(|secret| match secret {
            Secret::File(path) => Some(path.clone()),
            _ => None,
        })
        .chain(tokens)
        .collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// Whether the database is sound.
pub(super) fn database(state: &Path) -> Vec<Check> {
    let about = "database";
    let found = match Db::look_over(state) {
        Ok(found) => found,
        Err(StoreError::Missing { path }) => {
            return vec![Check::fine(about, format!("{}, made at the first start", path.display()))];
        }
        Err(error) => return vec![Check::failure(about, error.to_string(), RESTORE)],
    };
    let path = state.join("modori.sqlite");
    if !found.ours {
        let said = format!("{} is not modori's database", path.display());
        return vec![Check::failure(about, said, "name another folder with `state`, or --state DIR")];
    }
    let mut checks = Vec::new();
    for fault in &found.faults {
        checks.push(Check::failure(about, format!("{}: {}", path.display(), render::one_line(fault)), RESTORE));
    }
    if found.dangling > 0 {
        let rows = render::count(found.dangling as usize, "row");
        let said = format!("{rows} in {} name others that are not there", path.display());
        checks.push(Check::failure(about, said, RESTORE));
    }
    checks.extend(schema(&found, &path));
    if found.journal != "wal" && found.schema > 0 {
        let said = format!("{} is written with journal_mode {}, not wal", path.display(), found.journal);
        checks.push(Check::warning(about, said, "the next start of modori sets it; it must lie on a local disk"));
    }
    if found.log > LOG {
        let said = format!("the log beside it has {}: a program holds the database open", size(found.log));
        checks.push(Check::warning(
            about,
            said,
            "end other programs that read modori.sqlite; then it shrinks by itself",
        ));
    }
    if checks.is_empty() {
        let said = format!(
            "sound (schema {}); {}, {} of it free, log {}",
            found.schema,
            size(found.size),
            size(found.free),
            size(found.log)
        );
        checks.push(Check::fine(about, said));
    }
    checks
}

const RESTORE: &str = "stop modori, keep a copy of the file, and put a backup in its place (modori ledger backup makes \
                       them); without one `modori ledger rebuild --mailbox` reads your mail anew";

fn schema(found: &Soundness, path: &Path) -> Option<Check> {
    let about = "database";
    let shown = path.display();
    match found.schema.cmp(&found.known) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => {
            let said = format!("{shown} has schema {}, this modori uses {}", found.schema, found.known);
            let remedy = "start `modori watch` (again): it brings the file up to date and keeps a copy of it as it was";
            Some(Check::warning(about, said, remedy))
        }
        std::cmp::Ordering::Greater => {
            let said = format!(
                "{shown} was written by a newer modori (schema {}, this one knows {})",
                found.schema, found.known
            );
            Some(Check::failure(about, said, "use the newer program, or put back the copy from before the upgrade"))
        }
    }
}

/// Bytes, for people.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    match bytes {
        0..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

/// Whether the disk of the state folder has room: asked of `df`, as POSIX has it, for there is no other way without a
/// call of the system by hand. Where there is no `df`, nothing is said.
pub(super) fn room(state: &Path) -> Option<Check> {
    let there = state.ancestors().find(|folder| folder.is_dir())?;
    let output = std::process::Command::new("df").arg("-Pk").arg(there).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let free: u64 = available(&text)?;
    let shown = there.display();
    // the number changes all the time: it is told when it matters
    Some(match free < ROOM {
        true => Check::warning(
            "disk",
            format!("{} left on the disk of {shown}", size(free.saturating_mul(1024))),
            "make room: without any, nothing new can be written down, and modori stops",
        ),
        false => Check::fine("disk", format!("room enough on the disk of {shown}")),
    })
}

/// The fourth column of the line below the head.
fn available(text: &str) -> Option<u64> {
    let mut words = text.lines().nth(1)?.split_whitespace().rev();
    // from behind: the name of the file system may hold blanks. Mount point, capacity, available
    words.find(|word| word.ends_with('%'))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn folders_and_copies_that_others_may_write_or_read_are_told() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, copy) = (folder.path().join("config.toml"), folder.path().join(BEFORE_UPGRADE));
        let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        for path in [&file, &copy] {
            std::fs::write(path, "").unwrap();
            mode(path, 0o600);
        }
        let told = || modes(Some(&file), None, folder.path()).into_iter().map(|one| one.said).collect::<Vec<_>>();
        assert_eq!(told(), ["2 files only yours to read"]);
        mode(&copy, 0o644);
        assert!(told().len() == 1 && told()[0].contains(BEFORE_UPGRADE), "{:?}", told());
        mode(&copy, 0o600);
        mode(folder.path(), 0o777);
        assert!(told().len() == 1 && told()[0].contains("put another file"), "{:?}", told());
        mode(folder.path(), 0o1777);
        assert_eq!(told(), ["2 files only yours to read"]);
        // a service of the system reads what is root's
        mode(&file, 0o644);
        assert_eq!(told().iter().any(|said| said.contains("names your accounts")), !is_roots(&file));
    }

    #[test]
    fn df_is_read_from_behind() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n//server/a share 1000 400 600 40% /home/hana ko\n";
        assert_eq!(available(text), Some(600));
        assert_eq!(available("nothing\n"), None);
        assert_eq!(available(""), None);
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(1), "1 KiB");
        assert_eq!(size(3 * 1024 * 1024 / 2), "1.5 MiB");
    }
}
