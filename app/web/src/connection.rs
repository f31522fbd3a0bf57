//! The TCP side of the listener: a connection whose request lines are cleaned before they are parsed, and who is at its
//! other end.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::http::Extensions;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::per_core::Dealt;
use crate::request_line::RequestLines;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Of a request; `None` for one that came over the admin socket.
    pub(crate) fn of(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<ConnectInfo<Self>>().map(|info| info.0.0)
    }
}

impl Connected<IncomingStream<'_, Dealt>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Dealt>) -> Self {
        Self(stream.remote_addr().ip())
    }
}

/// How much is read at once, in bytes.
const PIECE: usize = 4 << 10;

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    lines: RequestLines,
    /// Read and cleaned, for the parser.
    cleaned: Vec<u8>,
    /// How much of it the parser has.
    taken: usize,
    ended: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, lines: RequestLines::default(), cleaned: Vec::new(), taken: 0, ended: false }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let rest = this.cleaned.get(this.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let some = rest.get(..buffer.remaining()).unwrap_or(rest);
                buffer.put_slice(some);
                this.taken += some.len();
                return Poll::Ready(Ok(()));
            }
            this.cleaned.clear();
            this.taken = 0;
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            let mut piece = [0; PIECE];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                this.ended = true;
                this.lines.finish(&mut this.cleaned);
            } else {
                this.lines.feed(read.filled(), &mut this.cleaned);
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
