use crate::Error;
use crate::message_xml::MessageXml;
use crate::response_code::{Remedy, ResponseCode};
use crate::xml::{Ns, Reader, Start, Writer};

/// A SOAP fault: the whole request failed.
///
/// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscdata/> section 2.2.4
#[derive(Clone, Debug, Default, PartialEq, thiserror::Error)]
#[error("the server refused the request: {} ({string})", self.code())]
pub struct Fault {
    /// `faultcode` without its prefix: a response code, `Client` or `Server`.
    pub fault_code: String,
    /// `faultstring`: the server's sentence.
    pub string: String,
    /// `e:ResponseCode` of the detail.
    pub response_code: Option<ResponseCode>,
    /// `e:Message` of the detail.
    pub message: Option<String>,
    /// Details: back-off time, the place of a schema violation.
    pub xml: MessageXml,
}

impl Fault {
    /// A fault with a response code and a sentence.
    pub fn new(code: ResponseCode, sentence: impl Into<String>) -> Self {
        let string = sentence.into();
        Self {
            fault_code: code.as_str().to_owned(),
            message: Some(string.clone()),
            string,
            response_code: Some(code),
            xml: MessageXml::default(),
        }
    }

    /// The response code: the wrapped one, that of the detail, or else the fault code.
    pub fn code(&self) -> ResponseCode {
        self.xml
            .inner_code()
            .or_else(|| self.response_code.clone())
            .unwrap_or_else(|| ResponseCode::from(self.fault_code.as_str()))
    }

    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        self.code().remedy()
    }

    pub(crate) fn read(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Self, Error> {
        let mut fault = Self::default();
        while let Some(child) = r.child(element)? {
            match child.any_local() {
                "faultcode" => {
                    let code = r.text(&child)?;
                    let local = code.rsplit(':').next().unwrap_or_default();
                    fault.fault_code = local.trim().to_owned();
                }
                "faultstring" => fault.string = r.text(&child)?.into_owned(),
                "detail" => fault.read_detail(r, &child)?,
                _ => r.skip(&child)?,
            }
        }
        Ok(fault)
    }

    fn read_detail(&mut self, r: &mut Reader<'_>, detail: &Start<'_>) -> Result<(), Error> {
        while let Some(child) = r.child(detail)? {
            match child.any_local() {
                "ResponseCode" => {
                    self.response_code = Some(ResponseCode::from(r.text(&child)?.trim()));
                }
                "Message" => self.message = Some(r.text(&child)?.into_owned()),
                "MessageXml" => self.xml = MessageXml::read_element(r, &child)?,
                _ => r.skip(&child)?,
            }
        }
        Ok(())
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.start(Ns::Soap, b"Fault");
        w.start(Ns::Other, b"faultcode");
        let prefix = if self.response_code.is_some() { Ns::Types } else { Ns::Soap };
        w.text(prefix.prefix());
        w.text(&self.fault_code);
        w.end(Ns::Other, b"faultcode");
        w.start(Ns::Other, b"faultstring");
        w.attribute_text(b"xml:lang", "en-US");
        w.text(&self.string);
        w.end(Ns::Other, b"faultstring");
        if let Some(code) = &self.response_code {
            w.start(Ns::Other, b"detail");
            w.start(Ns::Errors, b"ResponseCode");
            w.declare(Ns::Errors);
            w.text(code.as_str());
            w.end(Ns::Errors, b"ResponseCode");
            if let Some(message) = &self.message {
                w.start(Ns::Errors, b"Message");
                w.declare(Ns::Errors);
                w.text(message);
                w.end(Ns::Errors, b"Message");
            }
            self.xml.write_element(w, Ns::Types);
            w.end(Ns::Other, b"detail");
        }
        w.end(Ns::Soap, b"Fault");
    }
}
