//! The lab's Exchange, one for each test.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tieline_lab::{Fault, LabConfig, RequestRecord, Settings};
use tieline_model::TlsTrust;
use tieline_ports::{MailAccount, MailTarget};
use tieline_transport::{Endpoint, presented_chain};

use crate::person::Person;
use crate::world::{PASSWORD, account, target};

pub(crate) struct Lab {
    lab: tieline_lab::Lab,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    _state: TempDir,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A lab with other settings.
    pub(crate) async fn with(settle: impl FnOnce(&mut Settings)) -> Self {
        let state = tempfile::tempdir().unwrap();
        let https = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut config = LabConfig { https, ..LabConfig::new(state.path()) };
        settle(&mut config.settings);
        let lab = tieline_lab::Lab::start(config).await.unwrap();
        Self { http: lab.http_addr().unwrap(), https: lab.https_addr().unwrap(), lab, _state: state }
    }

    /// The service account, over plain HTTP.
    pub(crate) fn account(&self) -> MailAccount {
        account(self.http, PASSWORD)
    }

    pub(crate) fn target(&self, alias: &str) -> MailTarget {
        target(&self.account(), alias)
    }

    pub(crate) fn person(&self, alias: &str) -> Person {
        Person::new(self.http, alias)
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.lab.faults().add(fault);
    }

    /// When requests of an operation arrived, in milliseconds.
    pub(crate) fn arrivals(&self, operation: &str) -> Vec<i64> {
        let records = self.lab.journal().records();
        let wanted = records.iter().filter(|record| record.operation.as_deref() == Some(operation));
        wanted.map(|record| record.at_ms).collect()
    }

    /// The service account over TLS, trusting the lab's certificate.
    pub(crate) fn account_by_tls(&self) -> MailAccount {
        let mut account = account(self.https, PASSWORD);
        account.endpoint.https = true;
        account.endpoint.tls = TlsTrust::Ca { pem: self.certificate() };
        account
    }

    /// What clients asked.
    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.lab.journal().records()
    }

    /// The lab's issuer of tokens.
    pub(crate) fn token_url(&self) -> String {
        self.lab.ready().oauth2.token_url.clone()
    }

    /// The certificate as PEM.
    pub(crate) fn certificate(&self) -> String {
        std::fs::read_to_string(self.lab.certificate().unwrap()).unwrap()
    }

    /// The certificate's SHA-256, as `tieline trust fetch` shows it.
    pub(crate) async fn fingerprint(&self) -> String {
        let endpoint = Endpoint::parse(&format!("https://{}/", self.https)).unwrap();
        let chain = presented_chain(&endpoint, Duration::from_secs(10)).await.unwrap();
        chain[0].fingerprint.to_string()
    }
}
