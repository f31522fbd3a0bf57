//! The client against small servers in the same process.

mod http;
mod server;
mod sign_in;
mod tls;
