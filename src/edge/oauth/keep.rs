//! Where tokens lie: a file that only its owner can read, or two programs of the shopper's; and the lock that keeps two
//! modoris from renewing at once.

use super::kept::Kept;
use super::{Keep, TokenError};
use secrecy::{ExposeSecret, SecretString};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Most bytes that are read of what is kept.
const LONGEST: u64 = 64 * 1024;
/// A program may ask the shopper to unlock something: so long is waited.
const PATIENCE: Duration = Duration::from_secs(60);
/// Another modori has the lock while its programs load, give the client's secret and save, a minute each at most, and the
/// provider has half a minute for its answer: longer than all that takes, also when something was left to be saved.
const LOCKED: Duration = Duration::from_secs(300);
/// Who cannot wait for the file of tokens waits so long.
const GLANCE: Duration = Duration::from_millis(500);
/// Between two attempts to lock.
const AGAIN: Duration = Duration::from_millis(50);

fn failed(what: impl Into<String>, passing: bool) -> TokenError {
    TokenError { what: what.into(), passing }
}

impl Keep {
    /// What is kept; `None` when nothing is.
    ///
    /// # Errors
    /// It cannot be read, or others can read it.
    pub(super) async fn load(&self) -> Result<Option<Kept>, TokenError> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                blocking(move || read(&path)).await
            }
            Self::Commands { load, .. } => {
                let program = load.first().map_or("", String::as_str);
                let said = run(load, None).await?;
                let text = said.expose_secret().trim();
                if text.is_empty() {
                    return Ok(None);
                }
                let wrong = |why| failed(format!("what `load` ({program}) prints cannot be used: {why}"), false);
                Kept::read(text).map(Some).map_err(wrong)
            }
        }
    }

    /// Where that is, in words.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File(path) => format!("in {}", path.display()),
            Self::Commands { save, .. } => format!("by {}", save.first().map_or("", String::as_str)),
        }
    }

    /// What is kept, when that is a file that can be read. For those who cannot wait.
    ///
    /// # Errors
    /// Its disk does not answer.
    pub(super) fn load_file(&self) -> Result<Option<Kept>, TokenError> {
        let Self::File(path) = self else { return Ok(None) };
        let no_answer = || failed(format!("{} cannot be read: its disk does not answer", path.display()), true);
        let (file, (send, receive)) = (path.clone(), std::sync::mpsc::sync_channel(1));
        let look = move || drop(send.send(read(&file).ok().flatten()));
        std::thread::Builder::new().name("tokens".to_owned()).spawn(look).map_err(|_| no_answer())?;
        receive.recv_timeout(GLANCE).map_err(|_| no_answer())
    }

    /// Keeps it durably: after this it outlives a power cut.
    ///
    /// # Errors
    /// It cannot be written. What was kept before is kept still.
    pub(super) async fn save(&self, kept: &Kept) -> Result<(), TokenError> {
        match self {
            Self::File(path) => {
                let (path, json) = (path.clone(), kept.json());
                blocking(move || write(&path, &json)).await
            }
            // whatever it is, what was renewed is to be kept later: it is held, and tried again
            Self::Commands { save, .. } => {
                run(save, Some(kept.json())).await.map(drop).map_err(|error| TokenError { passing: true, ..error })
            }
        }
    }

    /// Keeps nothing any more: the file is removed, the program gets an empty input.
    ///
    /// # Errors
    /// It cannot be done.
    pub(super) async fn forget(&self) -> Result<(), TokenError> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                blocking(move || remove(&path)).await
            }
            Self::Commands { save, .. } => run(save, Some(SecretString::from(""))).await.map(drop),
        }
    }
}

/// The lock, held until dropped.
pub(super) struct Lock {
    _file: File,
}

/// Waits until no other program (and no other task of this one) is at these tokens.
///
/// # Errors
/// The lock cannot be had.
pub(super) async fn lock(path: &Path) -> Result<Lock, TokenError> {
    let unusable = |error: std::io::Error| {
        failed(
            format!("cannot lock {}: {error}; it must lie on a local disk that you may write to", path.display()),
            false,
        )
    };
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(unusable)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(unusable)?;
    let begun = tokio::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED => tokio::time::sleep(AGAIN).await,
            Err(TryLockError::WouldBlock) => {
                return Err(failed("another modori has been renewing access for minutes", true));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TokenError> + Send + 'static,
) -> Result<T, TokenError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(failed("the program is ending", true)))
}

fn read(path: &Path) -> Result<Option<Kept>, TokenError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| failed(format!("cannot read the tokens in {shown}: {error}"), false);
    let no_file = || failed(format!("{shown} is not a file, and tokens are to be kept there"), false);
    // before it is opened: opening a pipe would wait for whoever writes into it
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(no_file()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(no_file());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if about.permissions().mode() & 0o077 != 0 {
            let what = format!("others can read the tokens in {shown}; run: chmod 600 {shown}");
            return Err(failed(what, false));
        }
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
    Kept::read(&text).map(Some).map_err(|why| failed(format!("the tokens in {shown} cannot be used: {why}"), false))
}

/// Written beside, forced to disk, put in its place: whoever reads finds the old or the new, whole.
fn write(path: &Path, json: &SecretString) -> Result<(), TokenError> {
    let path = in_truth(path);
    let at_all = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder)?;
        let beside = beside(&path);
        let _ = std::fs::remove_file(&beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(json.expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&beside, &path)?;
        sync_folder(folder)
    };
    at_all().map_err(|error: std::io::Error| {
        failed(
            format!("cannot keep the tokens in {}: {error}; make room, or check who may write there", path.display()),
            true,
        )
    })
}

fn remove(path: &Path) -> Result<(), TokenError> {
    let path = in_truth(path);
    let gone = |path: &Path| match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let all = gone(&beside(&path)).and_then(|()| gone(&path));
    let all = all.and_then(|()| if folder.is_dir() { sync_folder(folder) } else { Ok(()) });
    all.map_err(|error| failed(format!("cannot remove {}: {error}", path.display()), false))
}

/// Where a link leads: the file is replaced, not the link.
fn in_truth(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Made so that only its owner looks into it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// That a file has a new name is written to disk, too.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Runs a program of the shopper's; what it prints.
async fn run(argv: &[String], input: Option<SecretString>) -> Result<SecretString, TokenError> {
    let (program, arguments) = argv.split_first().ok_or_else(|| failed("no program is named", false))?;
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot start {program}: {error}"), false))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // one that closes its input ends with its own complaint
            let _ = stdin.write_all(input.expose_secret().as_bytes()).await;
            let _ = stdin.shutdown().await;
        }
    };
    let listen = async {
        let mut text = String::new();
        if let Some(stdout) = stdout {
            stdout.take(LONGEST).read_to_string(&mut text).await?;
        }
        Ok::<_, std::io::Error>(SecretString::from(text))
    };
    let all = async {
        let ((), said) = tokio::join!(feed, listen);
        Ok::<_, std::io::Error>((said?, child.wait().await?))
    };
    let (said, status) = tokio::time::timeout(PATIENCE, all)
        .await
        .map_err(|_| failed(format!("{program} did not end within {} s", PATIENCE.as_secs()), true))?
        .map_err(|error| failed(format!("{program}: {error}"), true))?;
    if status.success() { Ok(said) } else { Err(failed(format!("{program} ended with {status}"), true)) }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::kept::Kept;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn kept() -> Kept {
        let text = "{\"version\":1,\"user\":\"a\",\"client_id\":\"c\",\"token_url\":\"https://id.example.jp/t\",\
                    \"granted_at\":\"2026-11-25T10:00:00Z\",\"scopes\":[],\"refresh_token\":\"geheim\"}";
        Kept::read(text).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_made_for_its_owner_only_and_refused_when_others_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens/a.json");
        let keep = Keep::File(path.clone());
        assert!(keep.load().await.unwrap().is_none());
        // what a killed modori left, with whatever mode
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        std::fs::write(folder.path().join("tokens/a.json.new"), "half").unwrap();
        keep.save(&kept()).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!folder.path().join("tokens/a.json.new").exists());
        assert_eq!(keep.load().await.unwrap().unwrap().refresh.unwrap().expose_secret(), "geheim");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = keep.load().await.unwrap_err();
        assert!(refused.what.contains("chmod 600") && !refused.passing, "{refused}");
        assert!(keep.load_file().unwrap().is_none());
        // renewing mends the mode, as the file is another one
        keep.save(&kept()).await.unwrap();
        assert!(keep.load().await.unwrap().is_some());
        keep.forget().await.unwrap();
        keep.forget().await.unwrap();
        assert!(keep.load().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_new_folder_is_its_owners_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/tokens/a.json");
        Keep::File(path.clone()).save(&kept()).await.unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path().join("new")), mode(&folder.path().join("new/tokens"))), (0o700, 0o700));
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "old").unwrap();
        Keep::File(link.clone()).save(&kept()).await.unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(Keep::File(path).load().await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_full_or_foreign_folder_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        // a file where the folder should be: root may write everywhere else
        std::fs::write(folder.path().join("tokens"), "").unwrap();
        let error = Keep::File(folder.path().join("tokens/a.json")).save(&kept()).await.unwrap_err();
        assert!(error.passing && error.what.contains("a.json") && !error.what.contains("geheim"), "{error}");
    }

    #[tokio::test]
    async fn programs_keep_tokens_and_their_failures_tell_nothing_secret() {
        let folder = tempfile::tempdir().unwrap();
        let shell = |script: String| vec!["sh".to_owned(), "-c".to_owned(), script];
        let file = folder.path().join("kept");
        let shown = file.display();
        let keep = Keep::Commands {
            load: shell(format!("cat {shown} 2>/dev/null || true")),
            save: shell(format!("cat > {shown}")),
        };
        assert!(keep.load().await.unwrap().is_none());
        keep.save(&kept()).await.unwrap();
        assert_eq!(keep.load().await.unwrap().unwrap().refresh.unwrap().expose_secret(), "geheim");
        keep.forget().await.unwrap();
        assert!(keep.load().await.unwrap().is_none());
        let broken = Keep::Commands {
            load: shell("echo geheim".to_owned()),
            save: shell("cat >&2 >/dev/null; exit 3".to_owned()),
        };
        assert!(!broken.load().await.unwrap_err().passing, "what it prints is no such thing");
        for error in [broken.load().await.unwrap_err(), broken.save(&kept()).await.unwrap_err()] {
            assert!(error.what.contains("sh") && !error.what.contains("geheim"), "{error}");
        }
        assert!(broken.save(&kept()).await.unwrap_err().passing);
        // one that is locked may be unlocked, one that is not there does not come
        for (load, passing) in [(shell("exit 3".to_owned()), true), (vec!["/no/such/program".to_owned()], false)] {
            let keep = Keep::Commands { load, save: Vec::new() };
            assert_eq!(keep.load().await.unwrap_err().passing, passing);
        }
    }

    #[tokio::test]
    async fn a_pipe_is_no_file_of_tokens_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let keep = Keep::File(path);
        let refused = keep.load().await.unwrap_err();
        assert!(refused.what.contains("is not a file") && !refused.passing, "{refused}");
        assert!(keep.load_file().unwrap().is_none());
    }

    #[test]
    fn arguments_of_programs_are_not_shown() {
        let argv = |program: &str| vec![program.to_owned(), "geheim".to_owned()];
        let shown = format!("{:?}", Keep::Commands { load: argv("l"), save: argv("s") });
        assert!(shown.contains("\"l\"") && !shown.contains("geheim"), "{shown}");
    }

    #[tokio::test]
    async fn one_has_the_lock_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens/a.lock");
        let first = lock(&path).await.unwrap();
        let second = tokio::spawn({
            let path = path.clone();
            async move { lock(&path).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
    }
}
