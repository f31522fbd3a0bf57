//! `tieline trust …`: whose certificates are believed.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;
use tieline_transport::{Endpoint, PresentedCertificate, presented_chain};

use crate::output::{Output, text};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Shows the certificates that a server presents, as this machine sees them. Nothing is trusted by it.
    Fetch {
        /// The server, as mail.corp.example or mail.corp.example:8443.
        host: String,
        /// Write the chain to this file, PEM, for: tieline endpoint edit NAME --ca FILE
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
}

/// How long the server may take to present itself.
const WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(command: Trust, out: Output) -> Result<(), Refusal> {
    let Trust::Fetch { host, save } = command;
    let refuse = |error: tieline_transport::TransportError| {
        Refusal::operator("no-certificate", error.what(), error.next())
    };
    let endpoint = Endpoint::parse(&format!("https://{host}/")).map_err(refuse)?;
    let chain = presented_chain(&endpoint, WITHIN).await.map_err(refuse)?;
    if let Some(file) = &save {
        std::fs::write(file, pem(&chain)).map_err(|error| {
            let what = format!("the certificates cannot be written: {error}");
            Refusal::permanent("file-unwritable", what, "name a writable file").at(file.display().to_string())
        })?;
    }
    let certificates: Vec<_> = chain
        .iter()
        .map(|certificate| {
            let key = certificate.key_fingerprint.map(|key| key.to_string());
            json!({"sha256": certificate.fingerprint.to_string(), "key_sha256": key, "bytes": certificate.der.len()})
        })
        .collect();
    out.show(&json!({"host": host, "certificates": certificates}), |answer| shown(&host, answer));
    Ok(())
}

fn pem(chain: &[PresentedCertificate]) -> String {
    let mut pem = String::new();
    for certificate in chain {
        let text = STANDARD.encode(&certificate.der);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

fn counted(certificates: usize) -> String {
    if certificates == 1 {
        "one certificate".to_owned()
    } else {
        format!("{certificates} certificates, its own first")
    }
}

fn shown(host: &str, answer: &Value) -> String {
    let certificates = answer.get("certificates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut lines = vec![format!("{host} presents {}:", counted(certificates.len()))];
    for (index, certificate) in certificates.iter().enumerate() {
        lines.push(format!("  {}. SHA-256 {}", index + 1, text(certificate, "sha256")));
    }
    lines.push(
        "Compare the first line with what the server's administrator reads out, then one of:".to_owned(),
    );
    lines.push(
        "  tieline endpoint edit NAME --pin SHA256   trusts exactly this certificate, until it is renewed"
            .to_owned(),
    );
    lines.push(
        "  tieline endpoint edit NAME --ca FILE      trusts the company's authority; ask for its PEM file"
            .to_owned(),
    );
    lines.join("\n")
}
