use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::{Limits, Ns};
use crate::Error;

/// An element just entered: its namespace, name and attributes.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    tag: BytesStart<'a>,
    /// Where the local name begins in the name.
    local_at: usize,
    ns: Ns,
    empty: bool,
    dirty: bool,
}

impl Start<'_> {
    /// The element's namespace.
    pub fn ns(&self) -> Ns {
        self.ns
    }

    /// The local name if the namespace is one of ours, otherwise the empty string, which is no element's name.
    pub fn local(&self) -> &str {
        if self.ns == Ns::Other { "" } else { self.any_local() }
    }

    /// The local name, whatever the namespace.
    pub fn any_local(&self) -> &str {
        self.tag.name().0.get(self.local_at..).unwrap_or_default()
    }

    pub(crate) fn has_attributes(&self) -> bool {
        !self.tag.attributes_raw().is_empty()
    }

    /// Calls `each` with the name and the value of every attribute, namespace declarations excepted. The name is
    /// the local one, but for `xml:lang` and its like.
    pub(crate) fn attributes(
        &self,
        limits: &Limits,
        mut each: impl FnMut(&str, Cow<'_, str>),
    ) -> Result<(), Error> {
        for (count, attribute) in self.tag.attributes().with_checks(false).enumerate() {
            if count >= limits.attributes {
                return Err(Error::Limit("attributes on one element"));
            }
            let Ok(attribute) = attribute else {
                return Err(Error::Attribute);
            };
            let (local, prefix) = attribute.key.decompose();
            if attribute.key.0 == "xmlns" || prefix.is_some_and(|p| p.into_inner() == "xmlns") {
                continue;
            }
            let name = match prefix {
                Some(prefix) if prefix.into_inner() == "xml" => attribute.key.0,
                _ => local.into_inner(),
            };
            let value = unescape(&attribute.value);
            each(name, if self.dirty { clean(value) } else { value });
        }
        Ok(())
    }

    /// The value of one attribute by local name.
    pub(crate) fn attribute(&self, limits: &Limits, name: &str) -> Result<Option<String>, Error> {
        let mut found = None;
        self.attributes(limits, |local, value| {
            if local == name {
                found = Some(value.into_owned());
            }
        })?;
        Ok(found)
    }
}

/// A pull reader over one document held in memory.
#[derive(Debug)]
pub struct Reader<'a> {
    xml: NsReader<&'a [u8]>,
    limits: Limits,
    depth: usize,
    memory: usize,
    /// The document contains characters that XML forbids, as themselves.
    dirty: bool,
}

impl<'a> Reader<'a> {
    /// Begins to read `document`, which must be UTF-8 (a byte order mark is fine).
    pub fn new(document: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        if document.len() > limits.bytes {
            return Err(Error::Limit("bytes in the document"));
        }
        let document = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
        let text = std::str::from_utf8(document).map_err(|_| Error::Encoding)?;
        let dirty = has_illegal_characters(text);
        Ok(Self { xml: NsReader::from_str(text), limits: *limits, depth: 0, memory: 0, dirty })
    }

    /// The limits this document is read under.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Accounts for `bytes` of decoded structure.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.limits.memory {
            return Err(Error::Limit("memory for the decoded message"));
        }
        Ok(())
    }

    /// The document's root element.
    pub fn root(&mut self) -> Result<Start<'a>, Error> {
        loop {
            match self.event()? {
                Event::Start(tag) => return self.enter(tag),
                Event::Empty(tag) => return Ok(self.start(tag, true)),
                Event::Eof | Event::End(_) => return Err(Error::Truncated),
                _ => {}
            }
        }
    }

    /// The next child element of `parent`, or `None` at its end. The child must be consumed, by reading or
    /// [`skip`](Self::skip), before the next call.
    pub fn child(&mut self, parent: &Start<'_>) -> Result<Option<Start<'a>>, Error> {
        if parent.empty {
            return Ok(None);
        }
        loop {
            match self.event()? {
                Event::Start(tag) => return self.enter(tag).map(Some),
                Event::Empty(tag) => return Ok(Some(self.start(tag, true))),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(None);
                }
                Event::Eof => return Err(Error::Truncated),
                _ => {}
            }
        }
    }

    /// The text of `element`, pieces joined; child elements inside are passed over.
    pub fn text(&mut self, element: &Start<'_>) -> Result<Cow<'a, str>, Error> {
        if element.empty {
            return Ok(Cow::Borrowed(""));
        }
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        loop {
            let piece = match self.event()? {
                Event::Text(piece) => piece.xml10_content(),
                Event::CData(piece) => piece.xml10_content(),
                Event::GeneralRef(reference) => {
                    push_reference(text.to_mut(), &reference.into_inner());
                    continue;
                }
                Event::Start(tag) => {
                    let nested = self.enter(tag)?;
                    self.skip(&nested)?;
                    continue;
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(text);
                }
                Event::Eof => return Err(Error::Truncated),
                _ => continue,
            };
            let piece = if self.dirty { clean(piece) } else { piece };
            if text.is_empty() {
                text = piece;
            } else {
                text.to_mut().push_str(&piece);
            }
        }
    }

    /// Passes over `element` and everything in it, without recursion.
    pub fn skip(&mut self, element: &Start<'_>) -> Result<(), Error> {
        if element.empty {
            return Ok(());
        }
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            match self.event()? {
                Event::Start(_) => self.depth = self.depth.saturating_add(1),
                Event::End(_) => self.depth = self.depth.saturating_sub(1),
                Event::Eof => return Err(Error::Truncated),
                _ => {}
            }
        }
        Ok(())
    }

    fn event(&mut self) -> Result<Event<'a>, Error> {
        match self.xml.read_event() {
            Ok(Event::DocType(_)) => Err(Error::DocumentType),
            Ok(event) => Ok(event),
            Err(error) => Err(Error::Xml { at: self.xml.error_position(), why: error.to_string() }),
        }
    }

    fn enter(&mut self, tag: BytesStart<'a>) -> Result<Start<'a>, Error> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > self.limits.depth {
            return Err(Error::Limit("nested elements"));
        }
        Ok(self.start(tag, false))
    }

    fn start(&self, tag: BytesStart<'a>, empty: bool) -> Start<'a> {
        let name = tag.name();
        let (local, prefix) = name.decompose();
        let local_at = name.0.len().saturating_sub(local.into_inner().len());
        let ns = match self.xml.resolver().resolve_prefix(prefix, true) {
            ResolveResult::Bound(Namespace(uri)) => Ns::of(uri),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => Ns::Other,
        };
        Start { tag, local_at, ns, empty, dirty: self.dirty }
    }
}

/// Replaces the references in an attribute value.
fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|b| matches!(b, b'&' | b'\n' | b'\t' | b'\r')) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        push_normalized(&mut text, before);
        match after.split_once(';') {
            Some((name, tail)) if name.len() <= 12 => {
                push_reference(&mut text, name);
                rest = tail;
            }
            _ => {
                text.push('&');
                rest = after;
            }
        }
    }
    push_normalized(&mut text, rest);
    Cow::Owned(text)
}

fn push_normalized(text: &mut String, raw: &str) {
    text.extend(raw.chars().map(|c| if matches!(c, '\n' | '\t' | '\r') { ' ' } else { c }));
}

/// Appends what `&name;` stands for. An illegal character becomes U+FFFD; a name nobody declared stays as it is.
fn push_reference(text: &mut String, name: &str) {
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let Some(number) = name.strip_prefix('#') else {
                text.push('&');
                text.extend(name.chars().map(replace));
                text.push(';');
                return;
            };
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32).filter(|c| legal(*c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    };
    text.push(character);
}

/// Whether the document contains characters that XML forbids, as themselves rather than as references.
fn has_illegal_characters(text: &str) -> bool {
    // Without branches, so that it costs next to nothing. U+FFFE and U+FFFF begin with 0xEF, which is rare.
    let (mut control, mut rare) = (false, false);
    for byte in text.as_bytes() {
        control |= (*byte < b' ') & (*byte != b'\t') & (*byte != b'\n') & (*byte != b'\r');
        rare |= *byte == 0xEF;
    }
    control || (rare && text.contains(['\u{FFFE}', '\u{FFFF}']))
}

/// Replaces the characters that XML forbids.
fn clean(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.chars().all(legal) {
        return text;
    }
    Cow::Owned(text.chars().map(replace).collect())
}

fn replace(c: char) -> char {
    if legal(c) { c } else { char::REPLACEMENT_CHARACTER }
}

/// Whether XML 1.0 allows the character.
pub(super) fn legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}
