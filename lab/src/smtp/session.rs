//! One SMTP session on the server's side, without its socket: bytes go in, replies and messages come out.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    account::{Account, DOMAIN, Directory},
    delivery::is_ours,
};

/// The longest message, in bytes, as Exchange has it: 36 MB.
const MAX_MESSAGE: usize = 37_748_736;
/// The longest command line, in bytes (RFC 5321 section 4.5.3.1.4, with room for AUTH).
const MAX_LINE: usize = 4096;
const MAX_RECIPIENTS: usize = 500;
/// So many senseless commands end the session.
const MAX_ERRORS: usize = 20;

const END: &[u8] = b"\r\n.\r\n";

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send this.
    Reply(String),
    /// Deliver this and send the reply that results.
    Deliver(Received),
    /// Send this and close.
    Close(String),
}

/// A message with its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// Empty for a report.
    pub(super) sender: String,
    /// In lower case.
    pub(super) recipients: BTreeSet<String>,
    pub(super) source: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Commands,
    /// `AUTH PLAIN` waits for its response.
    Plain,
    /// `AUTH LOGIN` waits for the name, then for the password.
    Login(Option<String>),
    /// The message is coming; `true` when it has become too long and is thrown away.
    Data(bool),
    Over,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session<'a> {
    directory: &'a Directory,
    state: State,
    buffer: Vec<u8>,
    /// How far the buffer was searched for the end of the message.
    searched: usize,
    greeted: bool,
    caller: Option<&'a Account>,
    sender: Option<String>,
    recipients: BTreeSet<String>,
    errors: usize,
}

fn reply(text: &str) -> Action {
    Action::Reply(format!("{text}\r\n"))
}

impl<'a> Session<'a> {
    pub(super) fn new(directory: &'a Directory) -> Self {
        Self {
            directory,
            state: State::Commands,
            buffer: Vec::new(),
            searched: 0,
            greeted: false,
            caller: None,
            sender: None,
            recipients: BTreeSet::new(),
            errors: 0,
        }
    }

    /// What the server says first.
    pub(super) fn greeting(&self) -> String {
        format!("220 mail.{DOMAIN} Microsoft ESMTP MAIL Service ready\r\n")
    }

    /// Takes what the peer sent.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        if self.state != State::Over {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What is to be done next; `None` until more has come.
    pub(super) fn next(&mut self) -> Option<Action> {
        match self.state {
            State::Over => None,
            State::Data(too_long) => self.data(too_long),
            _ => {
                let line = self.line()?;
                Some(match line {
                    Some(line) => self.command(&line),
                    None => self.close("500 5.5.2 Line too long"),
                })
            }
        }
    }

    fn close(&mut self, text: &str) -> Action {
        self.state = State::Over;
        self.buffer.clear();
        Action::Close(format!("{text}\r\n"))
    }

    /// A line without its end; `Some(None)` when it is too long.
    fn line(&mut self) -> Option<Option<String>> {
        let end = self.buffer.windows(2).take(MAX_LINE).position(|pair| pair == b"\r\n");
        match end {
            Some(end) => {
                let rest = self.buffer.split_off(end + 2);
                let line = std::mem::replace(&mut self.buffer, rest);
                Some(Some(String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned()))
            }
            None if self.buffer.len() > MAX_LINE => Some(None),
            None => None,
        }
    }

    /// The message up to the line with a single dot. Only CRLF ends lines here: a peer's bare LF cannot end a message
    /// that our next hop thinks goes on.
    fn data(&mut self, too_long: bool) -> Option<Action> {
        let from = self.searched.saturating_sub(END.len());
        let found = if self.buffer.starts_with(b".\r\n") {
            Some((0, 3))
        } else {
            let rest = self.buffer.get(from..).unwrap_or_default();
            let at = rest.windows(END.len()).position(|window| window == END);
            at.map(|at| (from + at + 2, from + at + END.len()))
        };
        let Some((length, end)) = found else {
            if self.buffer.len() > MAX_MESSAGE + END.len() {
                self.state = State::Data(true);
                let keep = self.buffer.len() - END.len();
                self.buffer.drain(..keep);
            }
            self.searched = self.buffer.len();
            return None;
        };
        let rest = self.buffer.split_off(end);
        let mut source = std::mem::replace(&mut self.buffer, rest);
        source.truncate(length);
        self.searched = 0;
        self.state = State::Commands;
        let sender = self.sender.take().unwrap_or_default();
        let recipients = std::mem::take(&mut self.recipients);
        if too_long || source.len() > MAX_MESSAGE {
            return Some(reply("552 5.3.4 Message size exceeds fixed maximum message size"));
        }
        Some(Action::Deliver(Received { sender, recipients, source: unstuffed(&source) }))
    }

    fn command(&mut self, line: &str) -> Action {
        match std::mem::replace(&mut self.state, State::Commands) {
            State::Plain => return self.sign_in_plain(line),
            State::Login(None) => {
                let name = STANDARD.decode(line.trim()).ok().and_then(|name| String::from_utf8(name).ok());
                self.state = State::Login(Some(name.unwrap_or_default()));
                return reply("334 UGFzc3dvcmQ6");
            }
            State::Login(Some(name)) => {
                let password =
                    STANDARD.decode(line.trim()).ok().and_then(|text| String::from_utf8(text).ok());
                return self.sign_in(&name, &password.unwrap_or_default());
            }
            _ => {}
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.greeted = true;
                self.forget();
                Action::Reply(format!(
                    "250-mail.{DOMAIN} Hello\r\n250-SIZE {MAX_MESSAGE}\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n\
                     250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
                ))
            }
            "HELO" => {
                self.greeted = true;
                self.forget();
                Action::Reply(format!("250 mail.{DOMAIN} Hello\r\n"))
            }
            "AUTH" => self.auth(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.recipients.is_empty() => self.error("503 5.5.2 Need Rcpt command."),
            "DATA" => {
                self.state = State::Data(false);
                reply("354 Start mail input; end with <CRLF>.<CRLF>")
            }
            "RSET" => {
                self.forget();
                reply("250 2.0.0 Resetting")
            }
            "NOOP" => reply("250 2.0.0 OK"),
            "VRFY" => reply("252 2.1.5 Cannot VRFY user"),
            "QUIT" => self.close("221 2.0.0 Service closing transmission channel"),
            _ => self.error("500 5.3.3 Unrecognized command"),
        }
    }

    fn error(&mut self, text: &str) -> Action {
        self.errors += 1;
        match self.errors > MAX_ERRORS {
            true => self.close("421 4.7.0 Too many errors on this connection, closing transmission channel"),
            false => reply(text),
        }
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn auth(&mut self, rest: &str) -> Action {
        let (mechanism, initial) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        if self.caller.is_some() {
            return self.error("503 5.5.2 Already authenticated");
        }
        match (mechanism.to_ascii_uppercase().as_str(), initial.trim()) {
            ("PLAIN", "") => {
                self.state = State::Plain;
                reply("334 ")
            }
            ("PLAIN", initial) => self.sign_in_plain(initial),
            ("LOGIN", "") => {
                self.state = State::Login(None);
                reply("334 VXNlcm5hbWU6")
            }
            ("LOGIN", initial) => {
                let name = STANDARD.decode(initial).ok().and_then(|name| String::from_utf8(name).ok());
                self.state = State::Login(Some(name.unwrap_or_default()));
                reply("334 UGFzc3dvcmQ6")
            }
            _ => self.error("504 5.7.4 Unrecognized authentication type"),
        }
    }

    fn sign_in_plain(&mut self, response: &str) -> Action {
        let decoded = STANDARD.decode(response.trim()).ok().and_then(|text| String::from_utf8(text).ok());
        let decoded = decoded.unwrap_or_default();
        let mut parts = decoded.split('\0').skip(1);
        let (name, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.sign_in(name, password)
    }

    fn sign_in(&mut self, name: &str, password: &str) -> Action {
        let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        self.caller = self.directory.authenticate(&basic);
        match self.caller {
            Some(_) => reply("235 2.7.0 Authentication successful"),
            None => self.error("535 5.7.3 Authentication unsuccessful"),
        }
    }

    fn mail(&mut self, rest: &str) -> Action {
        if !self.greeted {
            return self.error("503 5.5.2 Send hello first");
        }
        if self.sender.is_some() {
            return self.error("503 5.5.2 Sender already specified");
        }
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return self.error("501 5.5.4 Invalid arguments");
        };
        let size = parameters.split_whitespace().find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case("SIZE").then(|| value.parse::<usize>().unwrap_or(usize::MAX))
        });
        if size.is_some_and(|size| size > MAX_MESSAGE) {
            return reply("552 5.3.4 Message size exceeds fixed maximum message size");
        }
        if self.caller.is_some_and(|caller| !caller.address.eq_ignore_ascii_case(address)) {
            return reply("550 5.7.60 SMTP; Client does not have permissions to send as this sender");
        }
        self.sender = Some(address.to_owned());
        reply("250 2.1.0 Sender OK")
    }

    fn rcpt(&mut self, rest: &str) -> Action {
        if self.sender.is_none() {
            return self.error("503 5.5.2 Need mail command");
        }
        let Some((address, _)) = path(rest, "TO:").filter(|(address, _)| address.contains('@')) else {
            return self.error("501 5.1.3 Invalid address");
        };
        if self.recipients.len() >= MAX_RECIPIENTS {
            return reply("452 4.5.3 Too many recipients");
        }
        if is_ours(address) && self.directory.by_address(address).is_none() {
            return reply(
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            );
        }
        if !is_ours(address) && self.caller.is_none() {
            return reply("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain");
        }
        self.recipients.insert(address.to_lowercase());
        reply("250 2.1.5 Recipient OK")
    }
}

/// The address in `FROM:<a@b> SIZE=1`, and what follows it.
fn path<'t>(rest: &'t str, keyword: &str) -> Option<(&'t str, &'t str)> {
    let rest = rest.trim();
    let rest = match rest.get(..keyword.len()) {
        Some(head) if head.eq_ignore_ascii_case(keyword) => rest.get(keyword.len()..)?.trim_start(),
        _ => return None,
    };
    let (address, after) = rest.strip_prefix('<')?.split_once('>')?;
    // A source route before the address means nothing any more (RFC 5321 appendix C).
    let address =
        address.rsplit_once(':').filter(|_| address.starts_with('@')).map_or(address, |(_, last)| last);
    let fits = address.len() <= 320 && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    fits.then_some((address, after))
}

/// Takes away the dot that stands before a dot at the beginning of a line.
fn unstuffed(source: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len());
    let mut at_line = true;
    let mut previous = 0;
    for &byte in source {
        if !(at_line && byte == b'.') {
            out.push(byte);
        }
        at_line = previous == b'\r' && byte == b'\n';
        previous = byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a transcript in pieces and gives the replies' codes, and the messages.
    fn talk(directory: &Directory, said: &[u8], piece: usize) -> (Vec<String>, Vec<Received>) {
        let mut session = Session::new(directory);
        let (mut codes, mut messages) = (Vec::new(), Vec::new());
        for bytes in said.chunks(piece) {
            session.receive(bytes);
            while let Some(action) = session.next() {
                match action {
                    Action::Reply(reply) | Action::Close(reply) => {
                        codes.push(reply.chars().take(3).collect())
                    }
                    Action::Deliver(received) => messages.push(received),
                }
            }
        }
        (codes, messages)
    }

    const MAIL: &[u8] = b"EHLO x\r\nMAIL FROM:<zoe@x.example> SIZE=100\r\nRCPT TO:<Alice@lab.example>\r\nRCPT TO:<nobody@lab.example>\r\n\
        RCPT TO:<else@y.example>\r\nDATA\r\nSubject: a\r\n\r\n..dot\r\n.\n.\r\n.\r\nQUIT\r\n";

    #[test]
    fn a_message_arrives_whole_however_it_is_cut() {
        let directory = Directory::new(3);
        for piece in [1, 2, 3, 7, 1000] {
            let (codes, messages) = talk(&directory, MAIL, piece);
            assert_eq!(codes, ["250", "250", "250", "550", "550", "354", "221"], "{piece}");
            let [message] = messages.as_slice() else { panic!("{messages:?}") };
            assert_eq!(message.sender, "zoe@x.example");
            assert_eq!(message.recipients, BTreeSet::from(["alice@lab.example".to_owned()]));
            // A bare line feed ends no line, so the dot after it ends nothing either.
            assert_eq!(message.source, b"Subject: a\r\n\r\n.dot\r\n\n.\r\n");
        }
    }

    #[test]
    fn who_signs_in_may_send_elsewhere_but_only_as_himself() {
        let directory = Directory::new(3);
        let plain = STANDARD.encode("\0bob@lab.example\0lab-password");
        let said = format!(
            "EHLO x\r\nAUTH PLAIN {plain}\r\nMAIL FROM:<alice@lab.example>\r\nMAIL FROM:<bob@lab.example>\r\n\
             RCPT TO:<else@y.example>\r\n"
        );
        assert_eq!(talk(&directory, said.as_bytes(), 5).0, ["250", "235", "550", "250", "250"]);
        let (name, wrong) = (STANDARD.encode("bob@lab.example"), STANDARD.encode("wrong"));
        let said = format!("EHLO x\r\nAUTH LOGIN\r\n{name}\r\n{wrong}\r\n");
        assert_eq!(talk(&directory, said.as_bytes(), 5).0, ["250", "334", "334", "535"]);
    }

    #[test]
    fn what_is_out_of_place_is_refused_and_too_much_ends_the_session() {
        let directory = Directory::new(3);
        let said =
            b"DATA\r\nRCPT TO:<a@b>\r\nMAIL FROM:<a@b>\r\nHELO x\r\nMAIL FROM:a@b\r\nMAIL FROM:<a b@c>\r\n";
        assert_eq!(talk(&directory, said, 9).0, ["503", "503", "503", "250", "501", "501"]);
        let (codes, _) = talk(&directory, &b"nonsense\r\n".repeat(40), 100);
        assert_eq!(codes.len(), MAX_ERRORS + 1);
        assert_eq!(codes.last().map(String::as_str), Some("421"));
        let (codes, _) = talk(&directory, &[b'x'; 10_000], 100);
        assert_eq!(codes, ["500"]);
    }
}
