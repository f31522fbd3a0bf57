//! What clients asked: one record a request, kept in memory, read through `GET /lab/requests`.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::sign_in::Scheme;

const KEPT: usize = 200_000;

/// One finished (or streaming) request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestRecord {
    /// Number of the request since the lab started, from 1.
    pub seq: u64,
    /// When the request arrived, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Who signed in.
    pub user: Option<String>,
    /// How: `ntlm`, `negotiate`, `basic` or `bearer`.
    pub scheme: Option<Scheme>,
    /// Whom the caller impersonated.
    pub impersonated: Option<String>,
    /// Operation: the EWS request's element name, or `Autodiscover`, or `GET`.
    pub operation: Option<String>,
    /// `client-request-id` of the request.
    pub client_request_id: Option<String>,
    /// `X-AnchorMailbox` of the request.
    pub anchor_mailbox: Option<String>,
    /// `User-Agent` of the request.
    pub user_agent: Option<String>,
    /// HTTP status answered; absent when the connection was closed without an answer.
    pub status: Option<u16>,
    /// First response code that is not `NoError`, else `NoError`; absent for answers without one.
    pub response_code: Option<String>,
    /// Time the lab took from the last byte of the request to the ready response, in microseconds,
    /// injected delays included.
    pub service_us: u64,
    /// The part of `service_us` that a fault put in.
    pub injected_us: u64,
    /// Kind of the fault that struck, if one did.
    pub fault: Option<String>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body (of the first part, for streams).
    pub response_bytes: u64,
}

/// The list of requests.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    records: VecDeque<RequestRecord>,
}

impl Journal {
    /// The number for a request that just arrived.
    pub(crate) fn next(&self) -> u64 {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last += 1;
        inner.last
    }

    /// Adds a finished request; the oldest ones are dropped beyond a fixed number.
    pub(crate) fn push(&self, record: RequestRecord) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.records.len() == KEPT {
            inner.records.pop_front();
        }
        inner.records.push_back(record);
    }

    /// The records in the order of completion.
    pub fn records(&self) -> Vec<RequestRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).records.iter().cloned().collect()
    }

    /// Forgets all records; numbering goes on.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).records.clear();
    }
}
