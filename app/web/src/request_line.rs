//! Request lines as clients really send them.
//!
//! Lync hands `Contacts=<sip:a@b>` to the browser as it is, and some browsers put it into the request line as it is, too.
//! `<`, `>` and their like are not allowed there (RFC 3986), so the HTTP parser would say 400 before any page could read the
//! contact. [`RequestLines`] stands before the parser: it percent-encodes what a request's target may not contain, and leaves
//! every other byte as it came. It follows heads and bodies only as far as it takes to know where the next request begins;
//! as soon as it is in doubt, it passes everything on untouched.

/// A longer line is passed on as it is; the parser behind says that it is too long.
const LONGEST_LINE: usize = 64 << 10;

/// Cleans the request lines of one connection. Bytes go in as they are read, bytes for the parser come out.
#[derive(Debug, Default)]
pub(crate) struct RequestLines {
    state: State,
    /// The line so far, not passed on yet.
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before or in a request line.
    #[default]
    Line,
    /// In the header lines behind it.
    Head { length: Option<u64>, doubt: bool },
    /// In a body, which so many bytes are left of.
    Body(u64),
    /// Whatever comes is passed on.
    Through,
}

impl RequestLines {
    /// Takes what was read and adds to `out` what the parser gets. At most one line is held back.
    pub(crate) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            match self.state {
                State::Through => {
                    out.extend_from_slice(input);
                    return;
                }
                State::Body(left) => {
                    let some = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                    let (body, rest) = input.split_at(some);
                    out.extend_from_slice(body);
                    let left = left - some as u64;
                    self.state = if left == 0 { State::Line } else { State::Body(left) };
                    input = rest;
                }
                State::Line | State::Head { .. } => input = self.take_line(input, out),
            }
        }
    }

    /// Gives up what was held back: nothing more will be read.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.line);
        self.state = State::Through;
    }

    /// Takes the input up to the end of the line, and gives what is behind it.
    fn take_line<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let end = input.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        self.line.extend_from_slice(part);
        if self.line.len() > LONGEST_LINE {
            self.finish(out);
        } else if end.is_some() {
            let line = std::mem::take(&mut self.line);
            self.state = match self.state {
                State::Head { length, doubt } => {
                    out.extend_from_slice(&line);
                    header(&line, length, doubt)
                }
                _ => request_line(&line, out),
            };
            self.line = line;
            self.line.clear();
        }
        rest
    }
}

/// Passes a request line on, its target cleaned, and says what comes next.
fn request_line(line: &[u8], out: &mut Vec<u8>) -> State {
    let text = bare(line);
    if text.is_empty() {
        out.extend_from_slice(line);
        return State::Line;
    }
    let Some((start, end)) = target(text) else {
        out.extend_from_slice(line);
        return State::Through;
    };
    for (at, byte) in line.iter().enumerate() {
        if (start..end).contains(&at) && !allowed(*byte) {
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
    // Behind CONNECT comes somebody else's protocol.
    if text.starts_with(b"CONNECT ") { State::Through } else { State::Head { length: None, doubt: false } }
}

/// Where in a request line of HTTP/1 the target begins and ends.
fn target(text: &[u8]) -> Option<(usize, usize)> {
    let start = text.iter().position(|byte| *byte == b' ')? + 1;
    let end = text.len().checked_sub(b" HTTP/1.1".len())?;
    let version = text.get(end..)?;
    (start < end && version.starts_with(b" HTTP/1.")).then_some((start, end))
}

/// What a header line says about where the next request begins.
fn header(line: &[u8], length: Option<u64>, doubt: bool) -> State {
    let text = bare(line);
    if text.is_empty() {
        return match length {
            _ if doubt => State::Through,
            None | Some(0) => State::Line,
            Some(length) => State::Body(length),
        };
    }
    let colon = text.iter().position(|byte| *byte == b':').unwrap_or(0);
    let (name, value) = text.split_at(colon);
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    match name.to_ascii_lowercase().as_slice() {
        b"content-length" => {
            let digits =
                std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let said = digits.and_then(|text| text.parse().ok());
            let doubt = doubt || said.is_none() || length.is_some_and(|before| Some(before) != said);
            State::Head { length: said.or(length), doubt }
        }
        // A line that goes on with the one before, no name, or a body whose end only the parser knows.
        b"" | b"transfer-encoding" | b"upgrade" => State::Head { length, doubt: true },
        _ => State::Head { length, doubt: doubt || text.first().is_some_and(u8::is_ascii_whitespace) },
    }
}

/// Without its line end.
fn bare(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// What may stand in a target, as far as it is told apart here: control characters are left for the parser to refuse.
fn allowed(byte: u8) -> bool {
    !matches!(byte, b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..)
}

const fn digit(half: u8) -> u8 {
    if half < 10 { b'0' + half } else { b'A' + half - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(input: &[u8]) -> Vec<u8> {
        let (mut lines, mut out) = (RequestLines::default(), Vec::new());
        lines.feed(input, &mut out);
        lines.finish(&mut out);
        out
    }

    fn cleaned(line: &str) -> String {
        String::from_utf8(whole(format!("{line}\r\nHost: x\r\n\r\n").as_bytes())).unwrap()
    }

    /// Covers: EV-46 (raw)
    #[test]
    fn what_a_target_may_not_contain_is_percent_encoded() {
        let line = cleaned("GET /quick-call?contactId=Contacts=<sip:a b@x.example>,\"C\" HTTP/1.1");
        assert_eq!(
            line,
            "GET /quick-call?contactId=Contacts=%3Csip:a%20b@x.example%3E,%22C%22 HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        assert!(
            cleaned("GET /q?c=<sip:jürgen@x> HTTP/1.0")
                .starts_with("GET /q?c=%3Csip:j%C3%BCrgen@x%3E HTTP/1.0\r")
        );
        for untouched in [
            "GET /quick-call?contactId=Contacts%3D%3Csip:a@x%3E&a=1#f HTTP/1.1",
            "PRI <*> HTTP/2.0",
            "GET /<",
            "<<<",
            "GET /a\tb HTTP/1.1",
        ] {
            assert_eq!(cleaned(untouched), format!("{untouched}\r\nHost: x\r\n\r\n"));
        }
    }

    /// What looks like a request line inside a header or a body is neither.
    #[test]
    fn only_request_lines_are_touched_however_many_come() {
        let body = "GET /<a> HTTP/1.1\r\n";
        let post = format!(
            "POST /x HTTP/1.1\r\nX-Note: GET /<b> HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let next = "GET /<c> HTTP/1.1\r\n\r\n";
        let input = format!("{post}{next}\r\n{next}");
        let wanted =
            format!("{post}{}\r\n{}", next.replace("<c>", "%3Cc%3E"), next.replace("<c>", "%3Cc%3E"));
        assert_eq!(whole(input.as_bytes()), wanted.as_bytes());
        for doubtful in [
            "Transfer-Encoding: chunked",
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: -1",
            "Content-Length:\r\n 5",
            "Upgrade: h2c",
            ": x",
        ] {
            let input = format!("POST /x HTTP/1.1\r\n{doubtful}\r\n\r\nGET /<d> HTTP/1.1\r\n\r\n");
            assert_eq!(whole(input.as_bytes()), input.as_bytes(), "{doubtful}");
        }
        let long = format!("GET /<{} HTTP/1.1\r\n", "a".repeat(LONGEST_LINE));
        assert_eq!(whole(long.as_bytes()), long.as_bytes());
    }

    /// SplitMix64.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Whatever comes, in whatever pieces: the same goes out, and nothing but the illegal bytes of targets is another.
    #[test]
    fn pieces_do_not_matter_and_decoding_gives_back_what_came() {
        let pieces: [&[u8]; 14] = [
            b"GET ",
            b"/quick-call?contactId=",
            b"<sip:a@b>",
            b" HTTP/1.1\r\n",
            b" HTTP/1.1\n",
            b"\r\n",
            b"\n",
            b"Content-Length: 7\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Host: <x>\r\n",
            b"POST /",
            b"abcdefg",
            b"\xff\x00\x80 \"",
            b"CONNECT x:1",
        ];
        let setting = |name: &str, or: u64| std::env::var(name).map_or(or, |text| text.parse().unwrap());
        let first = setting("TIELINE_FUZZ_SEED", 1);
        for seed in first..first + setting("TIELINE_FUZZ_ITERATIONS", 20_000) {
            let mut state = seed;
            let mut draw = |below: usize| (next(&mut state) % below as u64) as usize;
            let input: Vec<u8> = (0..draw(12)).flat_map(|_| pieces[draw(pieces.len())].to_vec()).collect();
            let wanted = whole(&input);
            let (mut lines, mut out, mut rest) = (RequestLines::default(), Vec::new(), input.as_slice());
            while !rest.is_empty() {
                let (some, behind) = rest.split_at(1 + draw(rest.len()));
                lines.feed(some, &mut out);
                rest = behind;
            }
            lines.finish(&mut out);
            assert_eq!(out, wanted, "TIELINE_FUZZ_SEED={seed}: {input:02x?}");
            let mut decoded = Vec::new();
            let mut rest = out.as_slice();
            while let Some((byte, behind)) = rest.split_first() {
                rest = behind;
                let hex = |at: usize| behind.get(at).and_then(|b| char::from(*b).to_digit(16));
                match (byte, hex(0), hex(1)) {
                    (b'%', Some(high), Some(low)) => {
                        decoded.push((high * 16 + low) as u8);
                        rest = &behind[2..];
                    }
                    _ => decoded.push(*byte),
                }
            }
            assert_eq!(decoded, input, "TIELINE_FUZZ_SEED={seed}");
        }
    }
}
