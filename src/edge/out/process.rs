//! Runs a program with something on its standard input: argv, never a shell.

use super::OutError;
use crate::edge::Advice;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// How much of a program's complaint is shown.
const COMPLAINT: usize = 300;

/// Runs `argv` with `input` on its standard input and waits for it.
///
/// # Errors
/// It cannot be started, ends with another code than 0, or takes longer than `limit` (it is killed then).
pub(super) async fn run(argv: &[String], input: &[u8], limit: Duration) -> Result<(), OutError> {
    let (program, arguments) = argv.split_first().ok_or_else(|| failed("no program is named", Advice::Ask))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            // a program that is not there does not come by itself
            let advice = match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => Advice::Ask,
                _ => Advice::Again(None),
            };
            failed(&format!("cannot start {program}: {error}"), advice)
        })?;
    let stdin = child.stdin.take();
    let stderr = child.stderr.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // a program that does not care for its input may close it: not our trouble
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        }
    };
    let listen = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(64 * 1024).read_to_end(&mut said).await;
        }
        said
    };
    let all = async {
        let ((), said, status) = tokio::join!(feed, listen, child.wait());
        (said, status)
    };
    let Ok((said, status)) = tokio::time::timeout(limit, all).await else {
        // killed by being dropped; what it did until now is not known, a repeat carries the same key
        return Err(failed(&format!("{program} did not end within {} s", limit.as_secs()), Advice::Unknown));
    };
    let status = status.map_err(|error| failed(&format!("waiting for {program}: {error}"), Advice::Unknown))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let said: String = said.trim().chars().take(COMPLAINT).filter(|c| !c.is_control() || *c == '\n').collect();
    let code = status.code().map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
    let colon = if said.is_empty() { "" } else { ": " };
    Err(failed(&format!("{program} ended with {code}{colon}{said}"), Advice::Again(None)))
}

fn failed(what: &str, advice: Advice) -> OutError {
    OutError { what: what.to_owned(), advice }
}
