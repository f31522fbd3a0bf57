//! A wire between a client and a server that remembers what the client sent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Forwards connections to a server on loopback.
#[derive(Debug, Clone)]
pub struct Tap {
    port: u16,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Tap {
    /// In front of the server at this host and port.
    ///
    /// # Panics
    /// When no port is free.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a bound port").port();
        let tap = Self { port, sent: Arc::default() };
        let (sent, server) = (Arc::clone(&tap.sent), server.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(onward) = TcpStream::connect(&server) else { continue };
                let place = {
                    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                    sent.push(Vec::new());
                    sent.len() - 1
                };
                let (Ok(back), Ok(to_client)) = (onward.try_clone(), client.try_clone()) else { continue };
                let sent = Arc::clone(&sent);
                std::thread::spawn(move || {
                    forward(client, onward, |bytes| {
                        sent.lock().unwrap_or_else(PoisonError::into_inner)[place].extend_from_slice(bytes);
                    });
                });
                std::thread::spawn(move || forward(back, to_client, |_| {}));
            }
        });
        tap
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What clients sent so far, a connection each.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut(&[u8])) {
    let mut piece = [0; 16 << 10];
    while let Ok(some @ 1..) = from.read(&mut piece) {
        seen(&piece[..some]);
        if to.write_all(&piece[..some]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
