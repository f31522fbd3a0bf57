/// The namespaces that occur in EWS and Autodiscover. All begin with `http://`; where Microsoft's pages print
/// `https://`, that is an artefact of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ns {
    /// `t:`, EWS types.
    Types,
    /// `m:`, EWS messages.
    Messages,
    /// `e:`, EWS errors; fault details only.
    Errors,
    /// `s:`, the SOAP 1.1 envelope.
    Soap,
    /// `a:`, SOAP Autodiscover (2010).
    Autodiscover,
    /// `wsa:`, WS-Addressing.
    Addressing,
    /// `i:`, XML Schema instance.
    SchemaInstance,
    /// POX Autodiscover request.
    PoxRequest,
    /// POX Autodiscover outer response, and its errors.
    PoxResponse,
    /// POX Autodiscover inner response for Outlook.
    PoxOutlook,
    /// No namespace, or one we have no words for.
    Other,
}

impl Ns {
    pub(crate) fn of(uri: &str) -> Self {
        for ns in [
            Self::Types,
            Self::Messages,
            Self::Soap,
            Self::Errors,
            Self::Autodiscover,
            Self::Addressing,
            Self::SchemaInstance,
            Self::PoxRequest,
            Self::PoxResponse,
            Self::PoxOutlook,
        ] {
            if uri == ns.uri() {
                return ns;
            }
        }
        Self::Other
    }

    /// The namespace name on the wire.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Types => "http://schemas.microsoft.com/exchange/services/2006/types",
            Self::Messages => "http://schemas.microsoft.com/exchange/services/2006/messages",
            Self::Errors => "http://schemas.microsoft.com/exchange/services/2006/errors",
            Self::Soap => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::Autodiscover => "http://schemas.microsoft.com/exchange/2010/Autodiscover",
            Self::Addressing => "http://www.w3.org/2005/08/addressing",
            Self::SchemaInstance => "http://www.w3.org/2001/XMLSchema-instance",
            Self::PoxRequest => {
                "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
            }
            Self::PoxResponse => "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006",
            Self::PoxOutlook => {
                "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
            }
            Self::Other => "",
        }
    }

    /// The prefix we write, colon included. POX documents use default namespaces.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Types => "t:",
            Self::Messages => "m:",
            Self::Errors => "e:",
            Self::Soap => "s:",
            Self::Autodiscover => "a:",
            Self::Addressing => "wsa:",
            Self::SchemaInstance => "i:",
            Self::PoxRequest | Self::PoxResponse | Self::PoxOutlook | Self::Other => "",
        }
    }

    /// The namespace of the entries inside a list element of this namespace: `m:Ids` holds `t:Id`.
    pub(crate) const fn entries(self) -> Self {
        match self {
            Self::Messages => Self::Types,
            other => other,
        }
    }
}
