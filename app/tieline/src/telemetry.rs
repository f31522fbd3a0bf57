//! Logs and metrics. Every line carries the trace id of the journey it belongs to, as a field of its span.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tieline_model::Refusal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// Changes the log's filter while the process runs.
pub(crate) struct LogFilter(reload::Handle<EnvFilter, tracing_subscriber::Registry>);

impl LogFilter {
    pub(crate) fn set(&self, log: &Log) -> Result<(), Refusal> {
        self.0.reload(filter(log)?).map_err(|error| {
            Refusal::operator(
                "log-filter",
                format!("the log's filter cannot be changed: {error}"),
                "restart the server",
            )
        })
    }
}

/// Begins to log to standard error.
pub(crate) fn logs(log: &Log) -> Result<LogFilter, Refusal> {
    let (filter, handle) = reload::Layer::new(filter(log)?);
    let registry = tracing_subscriber::registry().with(filter);
    let begun = match log.format {
        LogFormat::Json => {
            let layer =
                tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
        LogFormat::Text => {
            registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).try_init()
        }
    };
    begun.map_err(|error| Refusal::operator("log-failed", error.to_string(), "restart the server"))?;
    Ok(LogFilter(handle))
}

fn filter(log: &Log) -> Result<EnvFilter, Refusal> {
    EnvFilter::try_new(&log.filter).map_err(|error| {
        let what = format!("[log] filter {:?} is not one: {error}", log.filter);
        Refusal::operator("log-filter", what, "write it as info or info,tieline_connectors=debug")
    })
}

/// The registry that `/metrics` renders. Buckets span a NOTIFY on loopback to a slow night at the mail server.
pub(crate) fn metrics() -> Result<PrometheusHandle, Refusal> {
    const SECONDS: [f64; 14] =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Refusal::operator("metrics-failed", error.to_string(), "restart the server"))
}
