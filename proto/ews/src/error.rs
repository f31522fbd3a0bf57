/// Why a document could not be read.
///
/// Anything inside a readable envelope that is merely unknown is not an error: it is skipped or kept as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The document passes one of the [`Limits`](crate::xml::Limits).
    #[error("the document exceeds the limit on {0}; raise that limit if the peer is trusted")]
    Limit(&'static str),
    /// Not UTF-8.
    #[error("the document is not UTF-8; EWS documents are")]
    Encoding,
    /// A DTD, which SOAP forbids and which could define entities.
    #[error("the document contains a document type declaration, which SOAP forbids")]
    DocumentType,
    /// Not well-formed.
    #[error("the document is not well-formed XML at byte {at}: {why}")]
    Xml {
        /// Offset in bytes.
        at: u64,
        /// What the XML reader says.
        why: String,
    },
    /// A start tag with an unreadable attribute.
    #[error("an attribute in the document is not well-formed")]
    Attribute,
    /// The document ends early, as after a lost connection.
    #[error("the document ends before its root element is closed")]
    Truncated,
    /// Well-formed, but something else: a proxy's error page, for example.
    #[error("expected {expected}, found the element <{found}>; is the address that of an EWS endpoint?")]
    Unexpected {
        /// What was expected.
        expected: &'static str,
        /// The local name found.
        found: String,
    },
    /// The content of an attachment or a message that is no base64.
    #[error("the content of an attachment or a message is not base64")]
    Content,
    /// A SOAP body with nothing in it.
    #[error("the SOAP body is empty")]
    EmptyBody,
}
