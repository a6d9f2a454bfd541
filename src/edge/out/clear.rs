//! A connection that begins in clear text: each answer is read to its end and no further, until TLS begins.
//!
//! Whoever sits in between may send more together with the answer to STARTTLS. Read ahead and kept, it would count as said
//! under TLS (CVE-2011-0411); left where it is, it is no TLS, and the handshake fails.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// First byte of a TLS handshake (RFC 8446, 5.1); no command of SMTP begins with it.
const HANDSHAKE: u8 = 22;

/// A connection that begins in clear text.
#[derive(Debug)]
pub(super) struct Clear {
    tcp: TcpStream,
    /// TLS has begun: it reads as much as there is.
    tls: bool,
}

impl Clear {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, tls: false }
    }
}

impl AsyncRead for Clear {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.tls || into.remaining() == 0 {
            return Pin::new(&mut self.tcp).poll_read(cx, into);
        }
        let mut byte = [0; 1];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut one))?;
        into.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Clear {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.tls |= bytes.first() == Some(&HANDSHAKE);
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Clear {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn nothing_is_read_ahead_before_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut clear = Clear::new(tcp);
        server.write_all(b"220 go\r\n235 in\r\n").await.unwrap();
        let mut buffer = [0; 64];
        for expected in b"220 go\r\n" {
            assert_eq!((clear.read(&mut buffer).await.unwrap(), buffer[0]), (1, *expected));
        }
        clear.write_all(&[HANDSHAKE, 3, 1]).await.unwrap();
        let rest = clear.read(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..rest], b"235 in\r\n", "TLS gets to see what was sent before it");
    }
}
