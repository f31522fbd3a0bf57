//! The harness of the black-box suites: it starts what a site has (a lab Exchange, a Tieline server, a PostgreSQL) as real
//! processes on loopback, lets independent programs judge them, and takes everything down again.
//!
//! It knows the binary, its configuration file, its command line and its wire protocols. It refuses to know any product
//! crate: a test that could reach inside would no longer be a black box. So product crates may use it for their own tests
//! (the store starts its PostgreSQL with [`postgres`]).
//!
//! The types to know: [`process::Running`] is a child that cannot outlive its owner; [`postgres::Cluster`] hands out
//! databases; [`judge::Judge`] runs a program that nobody here wrote and records what it found; [`tool`] finds one or fails.
//!
//! Everything here panics with a sentence when it cannot go on: its callers are tests, and a missing judge is a failure.

pub mod chromium;
pub mod desk;
pub mod gate;
pub mod judge;
pub mod kamailio;
pub mod lab;
pub mod mail_user;
pub mod page;
pub mod port;
pub mod postgres;
pub mod process;
pub mod recording;
pub mod rest;
pub mod seed;
pub mod sipp;
pub mod site;
pub mod tap;

use std::path::{Path, PathBuf};

/// The root of the source tree.
pub fn source_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the source tree")
}

/// A program that a test cannot do without, from `PATH` or the usual system folders.
///
/// # Panics
/// When it is not installed. A missing judge fails, it is never skipped.
pub fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed. Next: scripts/setup"))
}

/// The `tieline` binary that cargo built beside the running test.
///
/// # Panics
/// When it was not built: `cargo nextest run -p tieline-tests` alone does not build it.
pub fn tieline() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own program");
    test.ancestors()
        .map(|folder| folder.join("tieline"))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("no tieline beside {}. Next: cargo build -p tieline", test.display()))
}
