//! Cuts a byte stream into messages (RFC 3261 section 18.3) and CRLF keep-alives (RFC 5626 section 3.5.1).

use crate::message::{content_length, head_end, parse_head};
use crate::{Error, MAX_HEAD, MAX_MESSAGE, Message, malformed};

/// What a stream delivered.
#[derive(Debug)]
pub enum Frame {
    /// A whole message.
    Message(Message),
    /// A double CRLF: answer with one CRLF.
    Ping,
    /// A single CRLF, the answer to our ping.
    Pong,
}

/// The unread bytes of one connection. Holds at most one message and what arrived with it.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// A head that is complete, its length, and the length of its body.
    head: Option<(Message, usize, usize)>,
    /// Start of the first line not yet searched for the end of the head.
    searched: usize,
}

impl Framer {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes from the peer. Call [`Framer::next_frame`] until it is empty before adding more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes held.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame, or `None` when more bytes are needed. Without Content-Length the body is empty: leniency
    /// "no length on a stream", since RFC 3261 demands the header there.
    ///
    /// # Errors
    /// The stream cannot be understood any more; close it.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Error> {
        if self.head.is_none() {
            if let Some(frame) = self.keep_alive() {
                return Ok(Some(frame));
            }
            // Half a ping: the rest may still be on its way.
            if matches!(self.buffer.as_slice(), [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r']) {
                return Ok(None);
            }
            let Some(end) = head_end(&self.buffer, self.searched) else {
                if self.buffer.len() > MAX_HEAD {
                    return Err(Error::TooLarge { what: "message head", limit: MAX_HEAD });
                }
                self.searched = self.buffer.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
                return Ok(None);
            };
            let head = self.buffer.get(..end).ok_or_else(|| malformed("head", "out of range"))?;
            let message = parse_head(head)?;
            let body = content_length(message.headers())?.unwrap_or(0);
            if end + body > MAX_MESSAGE {
                return Err(Error::TooLarge { what: "message", limit: MAX_MESSAGE });
            }
            self.head = Some((message, end, body));
        }
        let Some((mut message, end, length)) = self.head.take() else { return Ok(None) };
        if let Some(body) = self.buffer.get(end..end + length) {
            *message.body_mut() = body.to_vec();
            self.buffer.drain(..end + length);
            self.searched = 0;
            return Ok(Some(Frame::Message(message)));
        }
        self.head = Some((message, end, length));
        Ok(None)
    }

    /// Line ends between messages.
    fn keep_alive(&mut self) -> Option<Frame> {
        let (length, frame) = match self.buffer.as_slice() {
            [b'\r', b'\n', b'\r', b'\n', ..] => (4, Frame::Ping),
            [b'\r', b'\n', b'\r'] => return None,
            [b'\r', b'\n', _, ..] => (2, Frame::Pong),
            _ => return None,
        };
        self.buffer.drain(..length);
        self.searched = 0;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framer: &mut Framer) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some(frame) = framer.next_frame().unwrap() {
            seen.push(match frame {
                Frame::Message(Message::Request(r)) => {
                    format!("{} {}", r.method, String::from_utf8(r.body).unwrap())
                }
                Frame::Message(Message::Response(r)) => r.code.to_string(),
                Frame::Ping => "ping".into(),
                Frame::Pong => "pong".into(),
            });
        }
        seen
    }

    const STREAM: &[u8] =
        b"\r\n\r\nNOTIFY sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nab\r\ncSIP/2.0 200 OK\r\nl: 0\r\n\r\n\
        OPTIONS sip:a SIP/2.0\r\n\r\n";

    #[test]
    fn every_cut_gives_the_same_frames() {
        for at in 0..STREAM.len() {
            let mut framer = Framer::new();
            let mut seen = Vec::new();
            for part in [&STREAM[..at], &STREAM[at..]] {
                framer.push(part);
                seen.extend(frames(&mut framer));
            }
            assert_eq!(seen, ["ping", "NOTIFY ab\r\nc", "200", "OPTIONS "], "cut at {at}");
            assert_eq!(framer.buffered(), 0);
        }
    }

    #[test]
    fn a_lone_line_end_is_a_pong_once_something_follows() {
        let mut framer = Framer::new();
        framer.push(b"\r\n");
        assert!(frames(&mut framer).is_empty());
        framer.push(b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n");
        assert_eq!(frames(&mut framer), ["pong", "200"]);
    }

    #[test]
    fn an_endless_head_and_an_endless_body_are_refused() {
        let mut framer = Framer::new();
        framer.push(b"NOTIFY sip:a SIP/2.0\r\n");
        let line = b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
        let mut refused = false;
        for _ in 0..MAX_HEAD {
            framer.push(line);
            if framer.next_frame().is_err() {
                refused = true;
                break;
            }
        }
        assert!(refused && framer.buffered() < MAX_HEAD + 100);
        let mut framer = Framer::new();
        framer.push(b"NOTIFY sip:a SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n");
        assert!(framer.next_frame().is_err());
    }
}
