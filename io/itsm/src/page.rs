//! A page of a ticket system, as a browser meets it that has never been there.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use tieline_model::Refusal;
use tieline_ports::{PageSeen, PortError};
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, Trust};

use crate::call::{WITHIN, transport};

/// The most that is read of a page that answers only to GET, in bytes.
const LARGEST: u64 = 4 << 20;

/// Asks for the page's head; servers that do not know HEAD are asked for the page.
pub(crate) async fn look(url: &str) -> Result<PageSeen, PortError> {
    let seen = ask(url, Method::HEAD).await?;
    if matches!(seen.status, 405 | 501) { ask(url, Method::GET).await } else { Ok(seen) }
}

async fn ask(url: &str, method: Method) -> Result<PageSeen, PortError> {
    let endpoint = Endpoint::parse(url.split(['?', '#']).next().unwrap_or_default());
    let endpoint = endpoint.map_err(|error| transport(&error))?;
    let query = url.split('#').next().and_then(|url| url.split_once('?')).map(|(_, query)| query);
    let path = match query {
        Some(query) => format!("{}?{query}", endpoint.path()),
        None => endpoint.path().to_owned(),
    };
    let authority = endpoint.authority();
    // Chromium trusts what the machine trusts, and so does this.
    let client = Client::new(endpoint, Credentials::Anonymous, &Trust::Platform, ClientOptions::default());
    let client = client.map_err(|error| transport(&error))?;
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT, "text/html");
    let request = request.body(Bytes::new()).map_err(|error| {
        let next = "correct the form's address: tieline quick-call target edit TARGET";
        PortError::refused(Refusal::operator("bad-address", error.to_string(), next).at(&authority))
    })?;
    let response = client.send(request, WITHIN).await.map_err(|error| transport(&error))?;
    let status = response.status;
    let location = response.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.filter(|_| status.is_redirection()).map(str::to_owned);
    // What was asked for is in the head; the body is read so that the connection ends well.
    if status != StatusCode::NO_CONTENT {
        let _ = response.collect(LARGEST, WITHIN).await;
    }
    Ok(PageSeen {
        status: status.as_u16(),
        saml: location.as_deref().is_some_and(|location| location.contains("SAMLRequest=")),
        leads_to: location.map(|location| origin(&location, url)),
    })
}

/// Scheme, host and port of an address; of the page itself for one without them.
fn origin(location: &str, page: &str) -> String {
    let absolute = if location.contains("://") { location } else { page };
    let (scheme, rest) = absolute.split_once("://").unwrap_or(("https", absolute));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let shown: String = authority.chars().filter(|c| !c.is_control()).take(120).collect();
    format!("{scheme}://{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_says_where_a_redirect_leads() {
        let page = "https://companyname.easyvista.com/sso.php?a=b";
        assert_eq!(origin("https://idp.example:8443/sso?SAMLRequest=x", page), "https://idp.example:8443");
        assert_eq!(origin("/login.php", page), "https://companyname.easyvista.com");
    }
}
