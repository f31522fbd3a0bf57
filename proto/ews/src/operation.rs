//! The pattern all operations share: a request element, a response element, and inside most responses one
//! response message for each entry of the request.

use crate::Error;
use crate::message_xml::MessageXml;
use crate::response_code::{Remedy, ResponseCode};
use crate::xml::{Ns, Reader, Sequence, Start, Text as _, Value as _, Writer, open_enum};

/// An operation of the service: its request is the type itself, its answer the type [`Response`](Self::Response).
///
/// Clients use [`encode_request`](crate::encode_request) and [`decode_response`](crate::decode_response), servers
/// [`Request::parse`](crate::Request::parse) and [`encode_response`](crate::encode_response).
pub trait Operation: Body {
    /// Local name of the request element.
    const REQUEST: &'static str;
    /// Local name of the response element.
    const RESPONSE: &'static str;
    /// Local name of the response messages, if the response has such.
    const MESSAGE: &'static str;
    /// The content of the response element.
    type Response: Body;
}

/// The content of a SOAP body.
pub trait Body: Sized {
    /// Reads the content of `element`, whose response messages are named `message`.
    fn read_body(r: &mut Reader<'_>, element: &Start<'_>, message: &str) -> Result<Self, Error>;
    /// Writes itself as the element `name`.
    fn write_body(&self, w: &mut Writer, name: &str, message: &str);
}

impl<T: Sequence> Body for T {
    fn read_body(r: &mut Reader<'_>, element: &Start<'_>, _: &str) -> Result<Self, Error> {
        Ok(Self::read(r, element)?.unwrap_or_default())
    }
    fn write_body(&self, w: &mut Writer, name: &str, _: &str) {
        self.write(w, Ns::Messages, name.as_bytes());
    }
}

open_enum! {
    /// How one entry of a request fared.
    pub enum ResponseClass { Success, Warning, Error }
}

/// `m:ResponseMessageType`: how one entry of a request fared, and what it yields.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseMessage<P> {
    /// Success, warning or error. A warning may carry a payload.
    pub class: ResponseClass,
    /// The code; `NoError` on success.
    pub code: ResponseCode,
    /// The server's sentence; none on success.
    pub text: Option<String>,
    /// Reserved; always 0 where sent.
    pub descriptive_link_key: Option<i32>,
    /// Details: back-off time, the property at fault.
    pub xml: MessageXml,
    /// What the operation yields. On errors it is usually empty.
    pub payload: P,
}

impl<P: Default> Default for ResponseMessage<P> {
    fn default() -> Self {
        Self::success(P::default())
    }
}

impl<P> ResponseMessage<P> {
    /// A success with its payload.
    pub fn success(payload: P) -> Self {
        Self {
            class: ResponseClass::Success,
            code: ResponseCode::NoError,
            text: None,
            descriptive_link_key: None,
            xml: MessageXml::default(),
            payload,
        }
    }

    /// The payload of a success or a warning, otherwise the message itself.
    pub fn ok(&self) -> Result<&P, &Self> {
        if self.class == ResponseClass::Error { Err(self) } else { Ok(&self.payload) }
    }

    /// The code that tells what to do: the inner one where the server wrapped it.
    pub fn effective_code(&self) -> ResponseCode {
        self.xml.inner_code().unwrap_or_else(|| self.code.clone())
    }

    /// What to do about the outcome.
    pub fn remedy(&self) -> Remedy {
        self.effective_code().remedy()
    }
}

impl<P: Default> ResponseMessage<P> {
    /// An error with the server's sentence and an empty payload.
    pub fn error(code: ResponseCode, text: impl Into<String>) -> Self {
        Self {
            class: ResponseClass::Error,
            code,
            text: Some(text.into()),
            descriptive_link_key: Some(0),
            ..Self::success(P::default())
        }
    }

    /// A warning with the server's sentence and an empty payload.
    pub fn warning(code: ResponseCode, text: impl Into<String>) -> Self {
        Self { class: ResponseClass::Warning, ..Self::error(code, text) }
    }
}

impl<P: Sequence> Sequence for ResponseMessage<P> {
    fn read_attribute(&mut self, name: &str, value: std::borrow::Cow<'_, str>) {
        if name == "ResponseClass" {
            self.class = ResponseClass::from(&*value);
        } else {
            self.payload.read_attribute(name, value);
        }
    }

    fn read_child(&mut self, r: &mut Reader<'_>, child: &Start<'_>) -> Result<bool, Error> {
        match child.local() {
            "MessageText" => self.text = Some(r.text(child)?.into_owned()),
            "ResponseCode" => {
                self.code = ResponseCode::parse(r.text(child)?).unwrap_or_default();
            }
            "DescriptiveLinkKey" => self.descriptive_link_key = i32::parse(r.text(child)?),
            "MessageXml" => self.xml = MessageXml::read_element(r, child)?,
            _ => return self.payload.read_child(r, child),
        }
        Ok(true)
    }

    fn write_attributes(&self, w: &mut Writer) {
        w.attribute(b"ResponseClass", &self.class);
        self.payload.write_attributes(w);
    }

    fn write_children(&self, w: &mut Writer) {
        if let Some(text) = &self.text {
            w.element(Ns::Messages, b"MessageText", text);
        }
        w.element(Ns::Messages, b"ResponseCode", &self.code);
        if let Some(key) = &self.descriptive_link_key {
            w.element(Ns::Messages, b"DescriptiveLinkKey", key);
        }
        self.xml.write_element(w, Ns::Messages);
        self.payload.write_children(w);
    }
}

/// `m:ResponseMessages`: one message for each entry of the request, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseMessages<P> {
    /// The messages.
    pub messages: Vec<ResponseMessage<P>>,
}

impl<P> ResponseMessages<P> {
    /// A response of these messages.
    pub fn new(messages: Vec<ResponseMessage<P>>) -> Self {
        Self { messages }
    }

    /// A response of a single message.
    pub fn one(message: ResponseMessage<P>) -> Self {
        Self { messages: vec![message] }
    }

    /// The first message.
    pub fn first(&self) -> Option<&ResponseMessage<P>> {
        self.messages.first()
    }
}

impl<P> FromIterator<ResponseMessage<P>> for ResponseMessages<P> {
    fn from_iter<I: IntoIterator<Item = ResponseMessage<P>>>(messages: I) -> Self {
        Self { messages: messages.into_iter().collect() }
    }
}

impl<P: Sequence> Body for ResponseMessages<P> {
    fn read_body(r: &mut Reader<'_>, element: &Start<'_>, message: &str) -> Result<Self, Error> {
        let mut messages = Vec::new();
        while let Some(child) = r.child(element)? {
            if child.local() != "ResponseMessages" {
                r.skip(&child)?;
                continue;
            }
            r.list(&child, message.as_bytes(), &mut messages)?;
        }
        Ok(Self { messages })
    }

    fn write_body(&self, w: &mut Writer, name: &str, message: &str) {
        w.start(Ns::Messages, name.as_bytes());
        w.start(Ns::Messages, b"ResponseMessages");
        for entry in &self.messages {
            entry.write(w, Ns::Messages, message.as_bytes());
        }
        w.end(Ns::Messages, b"ResponseMessages");
        w.end(Ns::Messages, name.as_bytes());
    }
}

/// The payload of operations that yield nothing but their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoPayload;

impl Sequence for NoPayload {
    fn read_attribute(&mut self, _: &str, _: std::borrow::Cow<'_, str>) {}
    fn read_child(&mut self, _: &mut Reader<'_>, _: &Start<'_>) -> Result<bool, Error> {
        Ok(false)
    }
    fn write_attributes(&self, _: &mut Writer) {}
    fn write_children(&self, _: &mut Writer) {}
}

/// Declares the names of an operation and the type of its response.
macro_rules! operation {
    ($request:ty, $name:literal -> $response:ty) => {
        impl $crate::operation::Operation for $request {
            const REQUEST: &'static str = $name;
            const RESPONSE: &'static str = concat!($name, "Response");
            const MESSAGE: &'static str = concat!($name, "ResponseMessage");
            type Response = $response;
        }
    };
}
pub(crate) use operation;
