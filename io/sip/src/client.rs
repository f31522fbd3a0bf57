//! Requests that we send: one transaction each, digest answered once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tieline_proto_sip::digest::{Challenge, Login};
use tieline_proto_sip::{ClientStep, ClientTransaction, Name, Request, Response, Transport, Uri};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{Class, Failure};
use crate::lock;
use crate::stack::Core;
use crate::wire::Flow;

/// Requests on their way, by branch.
pub(crate) struct Client {
    pending: Mutex<HashMap<String, mpsc::Sender<Response>>>,
    in_flight: Semaphore,
}

/// Which way a request goes.
pub(crate) enum Way<'a> {
    /// To a host, over a connection that is opened when needed.
    Hop(&'a Uri),
    /// As [`Way::Hop`], over a flow that was chosen already, unless it has closed meanwhile.
    Through(&'a Uri, Flow),
    /// Over what is there.
    Flow(Flow),
}

impl Way<'_> {
    /// Where a new connection would go when the present one is dead.
    const fn hop(&self) -> Option<&Uri> {
        match self {
            Self::Hop(hop) | Self::Through(hop, _) => Some(hop),
            Self::Flow(_) => None,
        }
    }
}

/// A final response, and what it took to get it.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// How often the request was sent, retransmissions included.
    pub(crate) sent: u32,
    /// The CSeq under which it was answered.
    pub(crate) cseq: u32,
}

/// Forgets a branch when its request ends in whatever way.
pub(crate) struct Pending<'a> {
    client: &'a Client,
    branch: String,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        lock(&self.client.pending).remove(&self.branch);
    }
}

impl Client {
    pub(crate) fn new(in_flight: usize) -> Self {
        Self { pending: Mutex::new(HashMap::new()), in_flight: Semaphore::new(in_flight) }
    }

    /// A response arrived; strays are dropped.
    pub(crate) fn deliver(&self, response: Response) {
        let branch = response.top_via().ok().and_then(|via| via.params.value("branch")).map(str::to_owned);
        let waiting = branch.and_then(|branch| lock(&self.pending).get(&branch).cloned());
        if let Some(waiting) = waiting {
            // Full only when a peer repeats itself faster than we read: the first answers count.
            let _ = waiting.try_send(response);
        }
    }

    /// The responses to a branch, until the first of the pair is dropped.
    pub(crate) fn expect(&self, branch: &str) -> (Pending<'_>, mpsc::Receiver<Response>) {
        let (sender, receiver) = mpsc::channel(16);
        lock(&self.pending).insert(branch.to_owned(), sender);
        (Pending { client: self, branch: branch.to_owned() }, receiver)
    }

    pub(crate) fn waiting(&self) -> usize {
        lock(&self.pending).len()
    }
}

impl Core {
    /// Sends a request and waits for its final response, answering one digest challenge when `login` can.
    pub(crate) async fn send(
        &self,
        mut request: Request,
        way: Way<'_>,
        login: Option<&Login>,
    ) -> Result<Answer, Failure> {
        let method = name_of(&request);
        let shut = || Failure::new(Class::Transient, method, "", "Tieline stops");
        let _permit = self.client.in_flight.acquire().await.map_err(|_| shut())?;
        if request.headers.first(Name::USER_AGENT).is_none() {
            request.headers.push(Name::USER_AGENT, &self.config.user_agent);
        }
        let first = self.exchange(&request, &way).await?;
        let Some(login) = login else { return Ok(first) };
        let (ask, reply) = match first.response.code {
            401 => (Name::WWW_AUTHENTICATE, Name::AUTHORIZATION),
            407 => (Name::PROXY_AUTHENTICATE, Name::PROXY_AUTHORIZATION),
            _ => return Ok(first),
        };
        let challenges: Vec<_> =
            first.response.headers.all(ask).filter_map(|value| Challenge::parse(value).ok()).collect();
        let cnonce = self.token();
        let Some(credentials) = login.answer(&challenges, method, &request.uri, 1, &cnonce) else {
            return Ok(first);
        };
        let cseq = first.cseq.saturating_add(1);
        request.headers.set(Name::CSEQ, format!("{cseq} {method}"));
        request.headers.set(reply, credentials.to_header());
        self.exchange(&request, &way).await
    }

    /// One client transaction.
    async fn exchange(&self, request: &Request, way: &Way<'_>) -> Result<Answer, Failure> {
        let method = name_of(request);
        let mut flow = match way {
            // One that was closed with a reason is kept, for the reason.
            Way::Through(_, flow) if flow.is_open() || flow.refusal().is_some() => flow.clone(),
            Way::Hop(hop) | Way::Through(hop, _) => self.wire.flow_to(hop, method).await?,
            Way::Flow(flow) => flow.clone(),
        };
        let peer = flow.peer.to_string();
        let failed = |why: String| Failure::new(Class::Transient, method, &peer, why);
        let refused = |flow: &Flow, why: String| match flow.refusal() {
            Some(refusal) => Failure::new(Class::Operator, method, &peer, refusal),
            None => failed(why),
        };
        let branch = format!("z9hG4bK{}", self.token());
        let (_pending, mut answers) = self.client.expect(&branch);
        let mut message = self.print(request, &flow, &branch);
        let reliable = flow.transport.is_reliable();
        let mut transaction = ClientTransaction::new(self.config.timers, reliable, self.uptime());
        let cseq = request.cseq().map_or(1, |(number, _)| number);
        loop {
            match transaction.step(self.uptime()) {
                ClientStep::TimedOut => return Err(failed("no answer".to_owned())),
                ClientStep::Send => {
                    if let Err(error) = flow.send(message.clone()).await {
                        // A kept connection may have died unnoticed: one fresh one is tried.
                        let Some(hop) = way.hop().filter(|_| flow.refusal().is_none()) else {
                            return Err(refused(&flow, error.to_string()));
                        };
                        flow = self.wire.flow_to(hop, method).await?;
                        message = self.print(request, &flow, &branch);
                        flow.send(message.clone())
                            .await
                            .map_err(|error| refused(&flow, error.to_string()))?;
                    }
                }
                ClientStep::Wait(until) => {
                    let until = self.started + Duration::from_millis(u64::try_from(until).unwrap_or(0));
                    match self.next_answer(&mut answers, &flow, until).await {
                        None => {}
                        Some(Err(why)) => return Err(refused(&flow, why.to_owned())),
                        Some(Ok(response)) if response.code < 200 => transaction.provisional(),
                        Some(Ok(response)) => return Ok(Answer { response, sent: transaction.sent(), cseq }),
                    }
                }
            }
        }
    }

    /// The next response, an error when the connection closes first, or `None` at `until`.
    async fn next_answer(
        &self,
        answers: &mut mpsc::Receiver<Response>,
        flow: &Flow,
        until: Instant,
    ) -> Option<Result<Response, &'static str>> {
        tokio::select! {
            biased;
            answer = answers.recv() => answer.map(Ok),
            () = flow.closed() => {
                // The answer may have been read just before the end.
                match timeout_at(Instant::now() + Duration::from_millis(20), answers.recv()).await {
                    Ok(Some(answer)) => Some(Ok(answer)),
                    _ => Some(Err(match flow.transport {
                        Transport::Tls => "the connection was closed before an answer came; a peer that does not trust \
                                           Tieline's certificate does so too",
                        _ => "the connection was closed before an answer came",
                    })),
                }
            }
            () = self.wire.stopping().cancelled() => Some(Err("Tieline stops")),
            () = sleep_until(until) => None,
        }
    }

    /// The bytes of a request over one flow.
    fn print(&self, request: &Request, flow: &Flow, branch: &str) -> Arc<[u8]> {
        Arc::from(self.with_via(request, flow, branch).to_bytes())
    }

    /// A request with our Via for one flow.
    pub(crate) fn with_via(&self, request: &Request, flow: &Flow, branch: &str) -> Request {
        let mut request = request.clone();
        let (host, port) = self.own_address(flow);
        let transport = flow.transport.via_name();
        let via = format!("SIP/2.0/{transport} {host}:{port};branch={branch};rport");
        request.headers.push_front(Name::VIA, via);
        request
    }

    /// Host and port under which peers reach us over the transport of `flow`.
    pub(crate) fn own_address(&self, flow: &Flow) -> (String, u16) {
        let same = |(transport, address): &&(Transport, std::net::SocketAddr)| {
            *transport == flow.transport && address.is_ipv4() == flow.local.is_ipv4()
        };
        let listener = self.wire.listening().iter().find(same).map(|(_, address)| *address);
        let port = listener.map_or(flow.local.port(), |address| address.port());
        if let Some(host) = &self.config.advertised_host {
            return (host.clone(), port);
        }
        let ip = [listener.map(|address| address.ip()), Some(flow.local.ip())]
            .into_iter()
            .flatten()
            .find(|ip| !ip.is_unspecified())
            .unwrap_or_else(|| source_towards(flow.peer));
        (if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }, port)
    }

    /// Our Contact over `flow`.
    pub(crate) fn contact(&self, flow: &Flow) -> String {
        let (host, port) = self.own_address(flow);
        match flow.transport {
            Transport::Udp => format!("sip:voicemail@{host}:{port}"),
            other => format!("sip:voicemail@{host}:{port};transport={}", other.param()),
        }
    }
}

/// The address that the system would send from. Nothing is sent.
fn source_towards(peer: std::net::SocketAddr) -> std::net::IpAddr {
    let any: std::net::IpAddr = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let probe =
        std::net::UdpSocket::bind((any, 0)).and_then(|s| s.connect(peer).and_then(|()| s.local_addr()));
    probe.map_or(any, |address| address.ip())
}

fn name_of(request: &Request) -> &'static str {
    match request.method {
        tieline_proto_sip::Method::Publish => "PUBLISH",
        _ => "NOTIFY",
    }
}
