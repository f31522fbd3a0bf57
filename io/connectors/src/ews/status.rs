//! Answers that are no SOAP: what an HTTP status means, and what a server that is no Exchange is told.

use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode, header};
use tieline_model::{Authentication, Refusal};
use tieline_ports::{Applied, PortError};
use tieline_transport::{Outcome, Rejection, Scope};

use super::call::Call;
use super::failure;

impl Call<'_> {
    /// An answer that is no SOAP at all. After a 200 or 500 the server may have worked all the same.
    pub(super) fn unreadable(&self, status: StatusCode, headers: &HeaderMap, why: &str) -> PortError {
        let media =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
        if status == StatusCode::OK && !media.contains("xml") {
            return PortError::refused(self.not_ews(&format!("it answers with {}", shown(media))));
        }
        PortError::uncertain(
            Refusal::transient(
                "answer-unreadable",
                format!("the answer (HTTP {}) cannot be read: {why}", status.as_u16()),
                "nothing; if it stays, look for a proxy or a failing Exchange server",
            )
            .at(self.at()),
        )
    }

    fn not_ews(&self, why: &str) -> Refusal {
        Refusal::operator(
            "not-ews",
            format!("the server is there, but Exchange Web Services are not: {why}"),
            "check address, port and path of the endpoint; the path of every Exchange is /EWS/Exchange.asmx",
        )
        .at(self.session.url())
    }

    /// What a status other than 200 and 500 means.
    pub(super) fn refused(&self, status: StatusCode, headers: &HeaderMap) -> (Outcome, PortError) {
        let number = status.as_u16();
        if number == 401 {
            return self.unauthorised(headers);
        }
        let retry_after = retry_after(headers);
        match number {
            429 | 456 | 503 => {
                let refusal = Refusal::transient(
                    "exchange-busy",
                    format!("the server refuses requests for the moment (HTTP {number})"),
                    "nothing; Tieline waits as long as the server asks and tries again",
                );
                let outcome = Outcome::Throttled { scope: Scope::Server, back_off: retry_after };
                let back_off = retry_after.map(failure::signed);
                (
                    outcome,
                    PortError::Failed { refusal: refusal.at(self.at()), back_off, applied: Applied::No },
                )
            }
            408 | 502 | 504 => {
                let refusal = Refusal::transient(
                    "gateway-failed",
                    format!("a gateway before Exchange gave up (HTTP {number})"),
                    "nothing; if it stays, look at the load balancer before Exchange",
                );
                (Outcome::Unanswered, PortError::uncertain(refusal.at(self.at())))
            }
            400 => (Outcome::Served, PortError::refused(self.bad_request())),
            413 => (Outcome::Served, PortError::refused(self.too_large())),
            403 => (Outcome::Served, PortError::refused(self.forbidden())),
            300..=399 | 421 | 451 => {
                let to = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(shown);
                let why = match to {
                    Some(to) => format!("it sends its visitors to {to} (HTTP {number})"),
                    None => format!("it says that another server is meant (HTTP {number})"),
                };
                (Outcome::Served, PortError::refused(self.not_ews(&why)))
            }
            _ if status.is_server_error() => {
                let refusal = Refusal::transient(
                    "exchange-failed",
                    format!("Exchange failed (HTTP {number})"),
                    "nothing; if it stays, look into the event log of the Exchange server",
                );
                (Outcome::Unanswered, PortError::uncertain(refusal.at(self.at())))
            }
            _ => (Outcome::Served, PortError::refused(self.not_ews(&format!("it answers HTTP {number}")))),
        }
    }

    fn unauthorised(&self, headers: &HeaderMap) -> (Outcome, PortError) {
        let (server, user) = (self.session.server(), self.session.user());
        if let Rejection::Doubtful { pause } = self.session.rejected(Instant::now()) {
            let refusal = Refusal::transient(
                "account-doubted",
                format!("{server} refused {user}, which it accepted before"),
                "nothing yet; a busy Exchange does that, and Tieline tries again before it gives up",
            );
            let outcome = Outcome::Throttled { scope: Scope::Server, back_off: Some(pause) };
            let back_off = Some(failure::signed(pause));
            return (
                outcome,
                PortError::Failed { refusal: refusal.at(self.at()), back_off, applied: Applied::No },
            );
        }
        let refusal = self.not_let_in(headers);
        (Outcome::Served, PortError::refused(refusal.at(self.session.url())))
    }

    /// A 401 that nothing else could be done about, in the words of the way in which the account signs in.
    fn not_let_in(&self, headers: &HeaderMap) -> Refusal {
        let (server, user) = (self.session.server(), self.session.user());
        let offered = schemes(headers);
        let offers = |scheme: &str| offered.iter().any(|offer| offer.eq_ignore_ascii_case(scheme));
        let by_ntlm = offers("ntlm") || offers("negotiate");
        match self.session.authentication() {
            Authentication::OAuth2 { client_id, .. } => {
                let why = headers.get("x-ms-diagnostics").and_then(|value| value.to_str().ok());
                Refusal::operator(
                    "token-refused",
                    match why.map(shown) {
                        Some(why) => format!("{server} refuses the tokens of application {client_id}: {why}"),
                        None => format!("{server} refuses the tokens of application {client_id}"),
                    },
                    "check the scope, and that full_access_as_app was granted to the application with consent",
                )
            }
            Authentication::Ntlm | Authentication::Automatic if by_ntlm && !offers("basic") => {
                Refusal::operator(
                    "wrong-password",
                    format!("{server} does not accept {user} with this password by NTLM"),
                    "check user name and password of the service account; behind a load balancer that ends TLS, also that \
                 Extended Protection is off on the EWS virtual directory",
                )
            }
            Authentication::Ntlm if !by_ntlm && !offered.is_empty() => Refusal::operator(
                "no-ntlm-authentication",
                format!("{server} offers {} but not NTLM", offered.join(", ")),
                "run Set-WebServicesVirtualDirectory -WindowsAuthentication $true in the Exchange Management Shell, or \
                 choose another way to sign in with `tieline endpoint edit --authentication`",
            ),
            _ if offered.is_empty() || offers("basic") => Refusal::operator(
                "wrong-password",
                format!("{server} does not accept {user} with this password"),
                "check user name and password of the service account, and that it is neither locked nor expired",
            ),
            _ => Refusal::operator(
                "no-basic-authentication",
                format!("{server} offers {} but not Basic authentication", offered.join(", ")),
                "choose a way that it offers with `tieline endpoint edit --authentication`, or run \
                 Set-WebServicesVirtualDirectory -BasicAuthentication $true in the Exchange Management Shell",
            ),
        }
    }

    fn forbidden(&self) -> Refusal {
        Refusal::operator(
            "ews-forbidden",
            "Exchange forbids this account or program the use of Exchange Web Services (HTTP 403)",
            "check EwsEnabled, EwsApplicationAccessPolicy and EwsBlockList with Get-CASMailbox and Get-OrganizationConfig",
        )
        .at(self.at())
    }

    fn too_large(&self) -> Refusal {
        Refusal::permanent(
            "message-too-large",
            "the server takes no request of this size (HTTP 413)",
            "choose a Voice Format with shorter files, or raise maxRequestLength in the web.config of EWS",
        )
        .at(self.at())
    }

    fn bad_request(&self) -> Refusal {
        Refusal::permanent(
            "exchange-refused",
            "the server found the request malformed (HTTP 400)",
            "see the trace with `tieline explain`; this needs another input or a newer Tieline",
        )
        .at(self.at())
    }
}

/// The authentication schemes that a 401 offers.
fn schemes(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(|value| value.split_ascii_whitespace().next()).map(shown).collect()
}

/// `Retry-After` in seconds, at most an hour; the form with a date is rare and would need a clock that agrees.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

/// A peer's text in a message: printable and short.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
