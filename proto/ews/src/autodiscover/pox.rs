//! Autodiscover with plain XML, `/autodiscover/autodiscover.xml`.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxdscli/> section 2.2

use crate::Error;
use crate::envelope::unexpected;
use crate::xml::{Limits, Ns, Reader, Sequence, Value as _, Writer, sequence};

sequence! {
    /// The request: an address, and the form of answer wanted.
    #[derive(Eq)]
    pub struct Request in PoxRequest {
        element b"EMailAddress" => email_address: Option<String>,
        element b"LegacyDN" => legacy_dn: Option<String>,
        element b"AcceptableResponseSchema" => acceptable_response_schema: Option<String>,
    }
}

impl Request {
    /// A request for the settings of Outlook, which EWS clients use as well.
    pub fn new(email_address: impl Into<String>) -> Self {
        Self {
            email_address: Some(email_address.into()),
            legacy_dn: None,
            acceptable_response_schema: Some(Ns::PoxOutlook.uri().to_owned()),
        }
    }

    /// Reads a request (server).
    pub fn parse(document: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(document, limits)?;
        let root = r.root()?;
        if root.ns() != Ns::PoxRequest || root.local() != "Autodiscover" {
            return Err(unexpected("an Autodiscover request", &root));
        }
        let mut request = Self::default();
        while let Some(child) = r.child(&root)? {
            if child.local() == "Request" {
                request.read_into(&mut r, &child)?;
            } else {
                r.skip(&child)?;
            }
        }
        Ok(request)
    }

    /// Writes the request (client).
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(512);
        w.raw(DECLARATION);
        w.start(Ns::PoxRequest, b"Autodiscover");
        w.declare(Ns::PoxRequest);
        self.write(&mut w, Ns::PoxRequest, b"Request");
        w.end(Ns::PoxRequest, b"Autodiscover");
        w.finish()
    }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

sequence! {
    /// The user found.
    #[derive(Eq)]
    pub struct User in PoxOutlook {
        element b"DisplayName" => display_name: Option<String>,
        element b"LegacyDN" => legacy_dn: Option<String>,
        element b"AutoDiscoverSMTPAddress" => auto_discover_smtp_address: Option<String>,
        element b"DeploymentId" => deployment_id: Option<String>,
    }
}

sequence! {
    /// One way to reach the mailbox: `EXCH` from inside, `EXPR` from outside, `WEB` by browser.
    #[derive(Eq)]
    pub struct Protocol in PoxOutlook {
        element b"Type" => protocol_type: Option<String>,
        element b"Server" => server: Option<String>,
        element b"ServerDN" => server_dn: Option<String>,
        element b"ServerVersion" => server_version: Option<String>,
        element b"MdbDN" => mdb_dn: Option<String>,
        element b"PublicFolderServer" => public_folder_server: Option<String>,
        element b"AD" => ad: Option<String>,
        element b"Port" => port: Option<String>,
        element b"SSL" => ssl: Option<String>,
        element b"AuthPackage" => auth_package: Option<String>,
        element b"CertPrincipalName" => cert_principal_name: Option<String>,
        /// Availability, which is the address of EWS.
        element b"ASUrl" => as_url: Option<String>,
        element b"EwsUrl" => ews_url: Option<String>,
        element b"EmwsUrl" => emws_url: Option<String>,
        element b"EcpUrl" => ecp_url: Option<String>,
        element b"OOFUrl" => oof_url: Option<String>,
        element b"UMUrl" => um_url: Option<String>,
        element b"OABUrl" => oab_url: Option<String>,
        element b"EwsPartnerUrl" => ews_partner_url: Option<String>,
        element b"GroupingInformation" => grouping_information: Option<String>,
    }
}

sequence! {
    /// The account: settings, or where to ask next.
    #[derive(Eq)]
    pub struct Account in PoxOutlook {
        element b"AccountType" => account_type: Option<String>,
        /// `settings`, `redirectAddr` or `redirectUrl`.
        element b"Action" => action: Option<String>,
        element b"MicrosoftOnline" => microsoft_online: Option<String>,
        /// Begin again with this address.
        element b"RedirectAddr" => redirect_addr: Option<String>,
        /// Post the request to this URL.
        element b"RedirectUrl" => redirect_url: Option<String>,
        element b"Protocol" => protocols: Vec<Protocol>,
    }
}

sequence! {
    /// A refusal: 500 not found, 501 bad address, 600 invalid request, 601 schema not available.
    #[derive(Eq)]
    pub struct Refusal in PoxResponse {
        attribute b"Time" => time: Option<String>,
        attribute b"Id" => id: Option<String>,
        required b"ErrorCode" => error_code: i32,
        element b"Message" => message: Option<String>,
        element b"DebugData" => debug_data: Option<String>,
    }
}

sequence! {
    /// The answer.
    #[derive(Eq)]
    pub struct Response in PoxOutlook {
        element b"User" => user: Option<User>,
        element b"Account" => account: Option<Account>,
        element b"Error" => error: Option<Refusal>,
    }
}

impl Response {
    /// The address of EWS: that for clients outside, or else the one inside.
    pub fn ews_url(&self) -> Option<&str> {
        let protocols = &self.account.as_ref()?.protocols;
        ["EXPR", "EXCH", "EXHTTP"].iter().find_map(|wanted| {
            let protocol = protocols.iter().find(|p| p.protocol_type.as_deref() == Some(wanted))?;
            protocol.ews_url.as_deref().or(protocol.as_url.as_deref())
        })
    }

    /// Reads an answer (client).
    pub fn parse(document: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(document, limits)?;
        let root = r.root()?;
        // Servers disagree on the namespace of the outer element.
        if root.any_local() != "Autodiscover" {
            return Err(unexpected("an Autodiscover response", &root));
        }
        let mut response = Self::default();
        while let Some(child) = r.child(&root)? {
            if child.local() == "Response" {
                response.read_into(&mut r, &child)?;
            } else {
                r.skip(&child)?;
            }
        }
        Ok(response)
    }

    /// Writes the answer (server).
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(1024);
        w.raw(DECLARATION);
        w.start(Ns::PoxResponse, b"Autodiscover");
        w.declare(Ns::PoxResponse);
        w.start(Ns::PoxOutlook, b"Response");
        // A refusal stays in the outer namespace.
        if self.error.is_none() {
            w.declare(Ns::PoxOutlook);
        }
        self.write_children(&mut w);
        w.end(Ns::PoxOutlook, b"Response");
        w.end(Ns::PoxResponse, b"Autodiscover");
        w.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_round() {
        let request = Request::new("alice@lab.example");
        assert_eq!(Request::parse(&request.encode(), &Limits::DEFAULT), Ok(request));
    }

    #[test]
    fn answers_go_round() {
        let protocol = |kind: &str, url: &str| Protocol {
            protocol_type: Some(kind.to_owned()),
            as_url: Some(url.to_owned()),
            ..Protocol::default()
        };
        let response = Response {
            user: Some(User { display_name: Some("Alice <A>".to_owned()), ..User::default() }),
            account: Some(Account {
                account_type: Some("email".to_owned()),
                action: Some("settings".to_owned()),
                protocols: vec![protocol("EXCH", "https://in/"), protocol("EXPR", "https://out/")],
                ..Account::default()
            }),
            error: None,
        };
        let read = Response::parse(&response.encode(), &Limits::DEFAULT).unwrap();
        assert_eq!(read.ews_url(), Some("https://out/"));
        assert_eq!(read, response);
        let refusal = Response {
            error: Some(Refusal {
                error_code: 500,
                message: Some("No such user".to_owned()),
                ..Refusal::default()
            }),
            ..Response::default()
        };
        assert_eq!(Response::parse(&refusal.encode(), &Limits::DEFAULT), Ok(refusal));
    }
}
