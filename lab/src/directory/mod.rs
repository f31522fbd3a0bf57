//! The lab's directory: LDAP as an Active Directory domain controller speaks it, for the lab's people.
//!
//! It answers bind, search with any filter, pages, DirSync and `uSNChanged`, and nothing that writes: the people are
//! changed from outside, by [`LabDirectory::change`] and its like, as an administrator would on the server. Plain LDAP
//! on loopback; for TLS and for everything that OpenLDAP does otherwise, tests start OpenLDAP.

mod matching;
mod people;
mod session;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tieline_proto_ldap::{Message, frame_length};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::{LabError, account::Directory, http};
use people::People;
use session::{Next, Session};

/// Requests are small; nobody adds photographs here.
const MAX_REQUEST: usize = 1024 * 1024;
/// Connections at once.
const MAX_CONNECTIONS: usize = 256;

/// A running directory. It ends with its [`CancellationToken`].
#[derive(Clone, Debug)]
pub struct LabDirectory {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    people: Mutex<People>,
    searches: AtomicU64,
}

impl State {
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LabDirectory {
    /// Listens on a loopback address; port 0 takes a free one.
    pub async fn start(
        bind: SocketAddr,
        accounts: &Directory,
        stop: CancellationToken,
    ) -> Result<Self, LabError> {
        let listener = http::bind("ldap", bind).await?;
        let address =
            listener.local_addr().map_err(|error| LabError::Listen { what: "ldap", address: bind, error })?;
        let state = Arc::new(State { people: Mutex::new(People::of(accounts)), searches: AtomicU64::new(0) });
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            loop {
                let accepted = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let (Ok((stream, _)), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else {
                    continue;
                };
                let (state, stop) = (Arc::clone(&served), stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = serve(stream, &state) => {}
                    }
                    drop(place);
                });
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `ldap+plain://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("ldap+plain://{}", self.address)
    }

    /// Below this are the people.
    pub fn base(&self) -> &'static str {
        people::BASE
    }

    /// Gives a person's attribute these values; none takes it away. False when nobody has that alias.
    pub fn change(&self, alias: &str, attribute: &str, values: &[&str]) -> bool {
        self.state.people().change(alias, attribute, values)
    }

    /// Somebody new, with an address, a SIP address and a telephone number made of the alias.
    pub fn add(&self, alias: &str, display_name: &str) {
        self.state.people().add(alias, display_name);
    }

    /// Deletes a person; what is left of them shows in DirSync only. False when nobody has that alias.
    pub fn remove(&self, alias: &str) -> bool {
        self.state.people().remove(alias)
    }

    /// Becomes another domain controller, with a count of changes of its own.
    pub fn replace_controller(&self) {
        self.state.people().replace_controller();
    }

    /// Searches it was sent, those for its root entry apart.
    pub fn searches(&self) -> u64 {
        self.state.searches.load(Ordering::Relaxed)
    }
}

/// One connection, to its end.
async fn serve(mut stream: TcpStream, state: &State) {
    let mut session = Session::default();
    let mut received = bytes::BytesMut::new();
    loop {
        match frame_length(&received, MAX_REQUEST) {
            Ok(Some(length)) if length <= received.len() => {
                let frame = received.split_to(length);
                let Ok(request) = Message::decode(&frame) else { return };
                let answers: Vec<u8> = match session.answer(request, state) {
                    Next::Answer(answers) => answers.iter().flat_map(Message::encode).collect(),
                    Next::Close => return,
                };
                if stream.write_all(&answers).await.is_err() {
                    return;
                }
            }
            Ok(_) => match stream.read_buf(&mut received).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            Err(_) => return,
        }
    }
}
