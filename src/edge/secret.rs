//! Secrets: from a command, the environment, a file or systemd; never printed.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Longest secret, in bytes.
const LONGEST: u64 = 16 * 1024;
/// A command may ask the shopper to unlock something: so long is waited.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a secret comes from. Asked each time it is needed, so that a changed password needs no restart.
#[derive(Clone)]
pub enum Secret {
    /// The first line of a command's output (argv, no shell).
    Command(Vec<String>),
    /// An environment variable.
    Environment(String),
    /// A file that only its owner can read (mode 0600 or stricter).
    File(PathBuf),
    /// A credential that systemd hands to the service (`LoadCredential=`, <https://systemd.io/CREDENTIALS/>): a file of this
    /// name in `$CREDENTIALS_DIRECTORY`. systemd keeps others out, by means that the file's mode need not show.
    Credential(String),
    /// Given in memory by the demo or a test.
    Given(SecretString),
}

/// Why a secret cannot be had. Never holds (a part of) the secret.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SecretError {
    what: String,
    /// It may pass by itself: a command that ended in vain, a disk that does not answer.
    pub passing: bool,
}

impl SecretError {
    fn lasting(what: String) -> Self {
        Self { what, passing: false }
    }

    fn passing(what: String) -> Self {
        Self { what, passing: true }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // arguments may hold something that is nobody's business
            Self::Command(argv) => write!(f, "Secret::Command({:?} …)", argv.first()),
            Self::Environment(name) => write!(f, "Secret::Environment({name:?})"),
            Self::File(path) => write!(f, "Secret::File({path:?})"),
            Self::Credential(name) => write!(f, "Secret::Credential({name:?})"),
            Self::Given(_) => f.write_str("Secret::Given(…)"),
        }
    }
}

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// A sentence that says where it was looked for and what to do.
    pub async fn get(&self) -> Result<SecretString, SecretError> {
        let found = match self {
            Self::Given(secret) => return Ok(secret.clone()),
            Self::Environment(name) => std::env::var(name).map(SecretString::from).map_err(|_| {
                SecretError::lasting(format!("the environment variable {name} is not set (or not UTF-8)"))
            })?,
            Self::File(path) => aside(path.clone(), Guard::Mode).await?,
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    SecretError::lasting(format!(
                        "no credential {name}: only a service with LoadCredential={name}:/PATH is handed it by systemd"
                    ))
                })?;
                aside(PathBuf::from(folder).join(name), Guard::Systemd).await?
            }
            Self::Command(argv) => command(argv).await?,
        };
        if found.expose_secret().is_empty() {
            return Err(SecretError::lasting(format!("{} gives an empty secret", self.place())));
        }
        Ok(found)
    }

    /// When it was changed last, as far as that shows: the time of its file.
    #[must_use]
    pub fn changed_at(&self) -> Option<jiff::Timestamp> {
        let Self::File(path) = self else { return None };
        let changed = std::fs::metadata(path).and_then(|about| about.modified()).ok()?;
        jiff::Timestamp::try_from(changed).ok()
    }

    fn place(&self) -> String {
        match self {
            Self::Command(argv) => format!("the command {}", argv.first().map_or("", String::as_str)),
            Self::Environment(name) => format!("the environment variable {name}"),
            Self::File(path) => path.display().to_string(),
            Self::Credential(name) => format!("the credential {name}"),
            Self::Given(_) => "the program".to_owned(),
        }
    }
}

/// Who keeps others from a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// Its own mode.
    Mode,
    /// systemd.
    Systemd,
}

/// Reads a file where waiting for it holds nothing else up: it may lie on a disk that does not answer.
async fn aside(path: PathBuf, guard: Guard) -> Result<SecretString, SecretError> {
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || file(&path, guard));
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(SecretError::lasting(format!("cannot read {shown}"))),
        Err(_) => Err(SecretError::passing(format!("{shown} cannot be read: its disk does not answer"))),
    }
}

fn file(path: &std::path::Path, guard: Guard) -> Result<SecretString, SecretError> {
    let shown = path.display();
    let failed = |error: std::io::Error| SecretError::lasting(format!("cannot read {shown}: {error}"));
    // before it is opened: opening a pipe would wait for whoever writes into it
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(SecretError::lasting(format!("{shown} is not a file")));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(SecretError::lasting(format!("{shown} is not a file")));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if guard == Guard::Mode && about.permissions().mode() & 0o077 != 0 {
            return Err(SecretError::lasting(format!("others can read {shown}; run: chmod 600 {shown}")));
        }
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, LONGEST), &mut text).map_err(failed)?;
    Ok(first_line(&text))
}

async fn command(argv: &[String]) -> Result<SecretString, SecretError> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| SecretError::lasting("no program is named".to_owned()))?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| SecretError::lasting(format!("cannot start {program}: {error}")))?;
    let stdout = child.stdout.take();
    let run = async {
        let mut text = String::new();
        if let Some(stdout) = stdout {
            stdout.take(LONGEST).read_to_string(&mut text).await?;
        }
        Ok::<_, std::io::Error>((text, child.wait().await?))
    };
    let (text, status) = tokio::time::timeout(PATIENCE, run)
        .await
        .map_err(|_| SecretError::passing(format!("{program} did not end within {} s", PATIENCE.as_secs())))?
        .map_err(|error| SecretError::passing(format!("{program}: {error}")))?;
    if !status.success() {
        return Err(SecretError::passing(format!("{program} ended with {status}")));
    }
    Ok(first_line(&text))
}

fn first_line(text: &str) -> SecretString {
    SecretString::from(text.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_come_from_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, "geheim\nmore\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let refused = Secret::File(path.clone()).get().await.unwrap_err().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert_eq!(Secret::File(path).get().await.unwrap().expose_secret(), "geheim");
        let echo = Secret::Command(vec!["printf".into(), "a b\\nc".into()]);
        assert_eq!(echo.get().await.unwrap().expose_secret(), "a b");
        for (argv, passing) in [("false", true), ("/no/such/program", false), ("true", false)] {
            let error = Secret::Command(vec![argv.into()]).get().await.unwrap_err();
            assert_eq!(error.passing, passing, "{error}");
        }
        assert!(Secret::Environment("MODORI_NO_SUCH_VARIABLE".into()).get().await.is_err());
        assert!(Secret::File(folder.path().to_path_buf()).get().await.is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_that_nobody_writes_into_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let refused = Secret::File(path).get().await.unwrap_err().to_string();
        assert!(refused.ends_with("is not a file"), "{refused}");
    }

    #[test]
    fn a_secret_is_not_printed() {
        let shown = format!("{:?}", Secret::Given(SecretString::from("geheim")));
        assert!(!shown.contains("geheim"));
    }
}
