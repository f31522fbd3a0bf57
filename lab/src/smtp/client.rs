//! The lab as an SMTP client: one message to the smart host.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::{account::DOMAIN, store::outbound::Outbound};

const WITHIN: Duration = Duration::from_secs(60);
const LONGEST_LINE: u64 = 4096;
const MOST_LINES: usize = 100;

/// What became of a message at the smart host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Recipients that were refused for good, with what the host said.
    pub(super) refused: Vec<(String, String)>,
    /// Recipients that may be tried again.
    pub(super) later: Vec<String>,
}

/// Sends a message; an error says that nothing was taken over.
pub(super) async fn send(host: SocketAddr, message: &Outbound) -> io::Result<Outcome> {
    timeout(WITHIN, converse(host, message)).await.map_err(io::Error::other)?
}

struct Host {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Host {
    /// Sends a line, if there is one, and reads the reply: its code and its last line's text.
    async fn say(&mut self, line: &str) -> io::Result<(u16, String)> {
        if !line.is_empty() {
            self.writer.write_all(line.as_bytes()).await?;
            self.writer.write_all(b"\r\n").await?;
        }
        for _ in 0..MOST_LINES {
            let mut line = Vec::new();
            let length = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(|| io::Error::other("the smart host answers with no code"))?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, line));
            }
        }
        Err(io::Error::other("the smart host answers without end"))
    }

    async fn expect(&mut self, line: &str, kind: u16) -> io::Result<()> {
        let (code, text) = self.say(line).await?;
        match code / 100 == kind {
            true => Ok(()),
            false => Err(io::Error::other(text)),
        }
    }
}

async fn converse(address: SocketAddr, message: &Outbound) -> io::Result<Outcome> {
    let (reader, writer) = TcpStream::connect(address).await?.into_split();
    let mut host = Host { reader: BufReader::new(reader), writer };
    host.expect("", 2).await?;
    host.expect(&format!("EHLO mail.{DOMAIN}"), 2).await?;
    let all = |text: &str| {
        let refused = message.recipients.iter().map(|recipient| (recipient.clone(), text.to_owned()));
        Outcome { refused: refused.collect(), later: Vec::new() }
    };
    let mut outcome = Outcome::default();
    match host.say(&format!("MAIL FROM:<{}>", message.sender)).await? {
        (250, _) => {}
        (code, text) if code / 100 == 5 => return Ok(all(&text)),
        (_, text) => return Err(io::Error::other(text)),
    }
    let mut taken = 0;
    for recipient in &message.recipients {
        match host.say(&format!("RCPT TO:<{recipient}>")).await? {
            (250 | 251, _) => taken += 1,
            (code, text) if code / 100 == 5 => outcome.refused.push((recipient.clone(), text)),
            _ => outcome.later.push(recipient.clone()),
        }
    }
    if taken > 0 {
        host.expect("DATA", 3).await?;
        host.writer.write_all(&stuffed(&message.source)).await?;
        match host.say("").await? {
            (250, _) => {}
            (code, text) if code / 100 == 5 => return Ok(all(&text)),
            (_, text) => return Err(io::Error::other(text)),
        }
    }
    // The message is theirs, whatever they say to the farewell.
    let _ = host.say("QUIT").await;
    Ok(outcome)
}

/// The message with every line's end as CRLF, a dot before a dot that begins a line, and the line that ends it.
fn stuffed(source: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len() + source.len() / 40 + 8);
    let mut lines = source.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() && lines.peek().is_none() {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            out.push(b'.');
        }
        // A bare CR is no line's end for us, and must be none for the next hop.
        out.extend(line.iter().map(|byte| if *byte == b'\r' { b' ' } else { *byte }));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_begin_with_a_dot_are_stuffed() {
        assert_eq!(stuffed(b"a\r\n.b\n.\r\n"), b"a\r\n..b\r\n..\r\n.\r\n");
        assert_eq!(stuffed(b"a\r.\rb"), b"a . b\r\n.\r\n");
    }
}
