//! A wire with a bug of its own: `UID EXPUNGE` loses its UIDs on the way and removes whatever bears \Deleted. No code of
//! modori can send that; this shows that the oracle would see it.

use modori::edge::imap::{Dial, Wire};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub struct Meddling(Box<dyn Wire>);

impl Meddling {
    pub fn dial(dial: Dial) -> Dial {
        let Dial::Memory(dial) = dial else { panic!("only wires in memory are meddled with") };
        Dial::Memory(Arc::new(move || Ok(Box::new(Self(dial()?)) as Box<dyn Wire>)))
    }
}

/// The command without its UIDs, if it is one.
fn unscoped(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (tag, _) = text.split_once(" UID EXPUNGE ")?;
    Some(format!("{tag} EXPUNGE\r\n").into_bytes())
}

impl AsyncRead for Meddling {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Meddling {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match unscoped(bytes) {
            // a short write into an empty pipe goes whole
            Some(other) => {
                let written = ready!(Pin::new(&mut *self.0).poll_write(context, &other))?;
                assert_eq!(written, other.len());
                Poll::Ready(Ok(bytes.len()))
            }
            None => Pin::new(&mut *self.0).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}

/// The lines of the sources that name a word by itself, without comments.
fn lines_with(folder: &std::path::Path, word: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines_with(&path, word, found);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let own = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = own.lines().map(|line| line.split("//").next().unwrap_or_default());
            let names = |line: &&str| {
                line.match_indices(word).any(|(at, _)| {
                    let within = |letter: char| letter.is_alphanumeric() || letter == '_';
                    !line[..at].ends_with(within) && !line[at + word.len()..].starts_with(within)
                })
            };
            found.extend(code.filter(names).map(|line| line.trim().to_owned()));
        }
    }
}

#[test]
fn no_code_of_the_client_expunges_what_it_was_not_told_to() {
    let edge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/edge");
    let mut expunge = vec![];
    lines_with(&edge, "EXPUNGE", &mut expunge);
    // what the server says is read under the same word
    let (sent, read): (Vec<_>, Vec<_>) = expunge.iter().partition(|line| line.contains("UID EXPUNGE {"));
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(read.iter().all(|line| line.contains("\"EXPUNGE\" =>") || line.contains("\"EXPUNGE\" |")), "{read:?}");
    // CLOSE expunges, too (RFC 3501, 6.4.2)
    let mut close = vec![];
    lines_with(&edge, "CLOSE", &mut close);
    assert!(close.iter().all(|line| !line.contains("\"CLOSE") && !line.contains(" CLOSE\\r")), "{close:?}");
}
