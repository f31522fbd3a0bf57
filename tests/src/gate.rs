//! A gate on loopback between a program that calls and a server that is called. Shut, it hangs up on whoever calls, as a
//! firewall would.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

#[derive(Debug, Default)]
struct State {
    server: Option<String>,
    shut: bool,
    passed: Option<Instant>,
}

/// Connections to its port go on to the server as long as it is open.
#[derive(Debug, Clone)]
pub struct Gate {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Gate {
    /// Open; it leads nowhere yet.
    ///
    /// # Panics
    /// When no port is free.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a bound port").port();
        let gate = Self { port, state: Arc::default() };
        let state = Arc::clone(&gate.state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    if state.shut {
                        continue;
                    }
                    state.passed = Some(Instant::now());
                    state.server.clone()
                };
                let Some(onward) = server.and_then(|server| TcpStream::connect(server).ok()) else {
                    continue;
                };
                let (Ok(back), Ok(to_client)) = (onward.try_clone(), client.try_clone()) else { continue };
                std::thread::spawn(move || pass(client, onward));
                std::thread::spawn(move || pass(back, to_client));
            }
        });
        gate
    }

    /// As a caller names it.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on it leads to this host and port.
    pub fn leads_to(&self, server: &str) {
        self.change(|state| state.server = Some(server.to_owned()));
    }

    /// Nobody new gets through.
    pub fn shut(&self) {
        self.change(|state| state.shut = true);
    }

    /// Callers get through again.
    pub fn open(&self) {
        self.change(|state| state.shut = false);
    }

    /// When the last one got through.
    ///
    /// # Panics
    /// When nobody did.
    pub fn passed(&self) -> Instant {
        self.change(|state| state.passed).expect("somebody got through")
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // Whichever side ends it, the other one hears of it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
