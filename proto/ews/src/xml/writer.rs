use bytes::Bytes;

use super::reader::legal;
use super::{Ns, Text};
use crate::encoded::Encoded;

/// Contents of so many bytes and more are set aside where that is wanted.
const LARGE: usize = 64 * 1024;

/// Writes one document. Prefixes are fixed (`s:`, `m:`, `t:`); characters that XML forbids become U+FFFD.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    /// The last start tag still lacks its `>`.
    open: bool,
    /// Large contents with their places, where they are not to be encoded yet.
    aside: Option<Vec<(usize, Bytes)>>,
}

impl Writer {
    /// An empty document, with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity), open: false, aside: None }
    }

    /// An empty document whose large contents are encoded when it is sent: end it with
    /// [`finish_encoded`](Self::finish_encoded).
    pub(crate) fn setting_aside(capacity: usize) -> Self {
        Self { aside: Some(Vec::new()), ..Self::with_capacity(capacity) }
    }

    /// The document, with what was set aside.
    pub(crate) fn finish_encoded(mut self) -> Encoded {
        let aside = self.aside.take().unwrap_or_default();
        Encoded::new(self.finish(), aside)
    }

    /// The document so far, as UTF-8.
    pub fn finish(mut self) -> Vec<u8> {
        self.close_tag();
        self.out
    }

    /// Writes text that is markup already, such as the XML declaration.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.close_tag();
        self.out.extend_from_slice(markup.as_bytes());
    }

    /// Opens an element; attributes may follow.
    pub fn start(&mut self, ns: Ns, name: &[u8]) {
        self.close_tag();
        self.out.push(b'<');
        self.name(ns, name);
        self.open = true;
    }

    /// Closes the element `name`, as `<name/>` if it stayed empty.
    pub fn end(&mut self, ns: Ns, name: &[u8]) {
        if self.open {
            self.out.extend_from_slice(b"/>");
            self.open = false;
        } else {
            self.out.extend_from_slice(b"</");
            self.name(ns, name);
            self.out.push(b'>');
        }
    }

    /// Declares a prefix, or the default namespace for namespaces without one.
    pub(crate) fn declare(&mut self, ns: Ns) {
        self.out.extend_from_slice(b" xmlns");
        if let Some(prefix) = ns.prefix().strip_suffix(':') {
            self.out.push(b':');
            self.out.extend_from_slice(prefix.as_bytes());
        }
        self.out.extend_from_slice(b"=\"");
        self.out.extend_from_slice(ns.uri().as_bytes());
        self.out.push(b'"');
    }

    /// An attribute of the element just opened; `name` includes its prefix if it has one.
    pub fn attribute<T: Text>(&mut self, name: &[u8], value: &T) {
        self.attribute_by(name, |w| value.write_text(w));
    }

    /// The same for text at hand.
    pub(crate) fn attribute_text(&mut self, name: &[u8], value: &str) {
        self.attribute_by(name, |w| w.text(value));
    }

    fn attribute_by(&mut self, name: &[u8], write: impl FnOnce(&mut Self)) {
        self.out.push(b' ');
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(b"=\"");
        let open = std::mem::take(&mut self.open);
        write(self);
        self.open = open;
        self.out.push(b'"');
    }

    /// An element with nothing but text.
    pub fn element<T: Text>(&mut self, ns: Ns, name: &[u8], value: &T) {
        self.start(ns, name);
        value.write_text(self);
        self.end(ns, name);
    }

    /// Text of the current element or attribute, escaped.
    pub fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.close_tag();
        let mut clean = 0;
        for (at, c) in text.char_indices() {
            // Everything above the ASCII range is legal except U+FFFE and U+FFFF (surrogates cannot occur).
            let escape: &[u8] = match c {
                '&' => b"&amp;",
                '<' => b"&lt;",
                '>' => b"&gt;",
                '"' => b"&quot;",
                '\r' => b"&#xD;",
                '\n' => b"&#xA;",
                '\t' => b"&#x9;",
                c if legal(c) => continue,
                _ => "\u{FFFD}".as_bytes(),
            };
            self.out.extend_from_slice(text.get(clean..at).unwrap_or_default().as_bytes());
            self.out.extend_from_slice(escape);
            clean = at.saturating_add(c.len_utf8());
        }
        self.out.extend_from_slice(text.get(clean..).unwrap_or_default().as_bytes());
    }

    /// Text that needs no escaping: numbers, dates, base64.
    pub(crate) fn plain(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.close_tag();
            self.out.extend_from_slice(text);
        }
    }

    /// Base64 of a content: encoded straight into the document, or set aside.
    pub(crate) fn content(&mut self, content: &Bytes) {
        match &mut self.aside {
            Some(aside) if content.len() >= LARGE => {
                if std::mem::take(&mut self.open) {
                    self.out.push(b'>');
                }
                aside.push((self.out.len(), content.clone()));
            }
            _ => self.base64(content),
        }
    }

    fn base64(&mut self, bytes: &[u8]) {
        use base64::Engine as _;
        if bytes.is_empty() {
            return;
        }
        self.close_tag();
        // Three bytes become four characters; a window of the input at a time keeps the copy small.
        let mut window = [0_u8; 4096];
        for chunk in bytes.chunks(3072) {
            if let Ok(length) = base64::engine::general_purpose::STANDARD.encode_slice(chunk, &mut window) {
                self.out.extend_from_slice(window.get(..length).unwrap_or_default());
            }
        }
    }

    fn name(&mut self, ns: Ns, name: &[u8]) {
        self.out.extend_from_slice(ns.prefix().as_bytes());
        self.out.extend_from_slice(name);
    }

    fn close_tag(&mut self) {
        if self.open {
            self.out.push(b'>');
            self.open = false;
        }
    }
}
