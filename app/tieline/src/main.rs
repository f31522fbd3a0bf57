//! `tieline`: one binary for the server, its command line, the lab and the demo.
//!
//! The only crate that knows everybody: it reads the configuration, builds the parts and wires them together. Rules
//! live in `core`, use cases in `services`; what is here is plumbing and words for people.
//!
//! Exit codes: 0 it worked, 1 it was refused or failed (one line on standard error says why and what to do next),
//! 2 the command line was not understood (doctor: the configuration cannot be read).

mod api;
mod cli;
mod clock;
mod commands;
mod config;
mod output;
mod signals;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use tieline_model::Refusal;

use crate::api::Api;
use crate::cli::{Cli, Command};
use crate::output::Output;

/// Requests make and drop many small pieces on every core; the system's allocator takes a fifth of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.reach.json);
    // Every TLS user of the process shares one provider; installing it twice is no failure.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli, out).await {
        Ok(code) => code,
        Err(refusal) => {
            out.refuse(&refusal);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli, out: Output) -> Result<ExitCode, Refusal> {
    use crate::commands as c;
    let reach = &cli.reach;
    match cli.command {
        Command::Doctor(command) => return c::doctor::run(&command, reach, out).await,
        Command::Demo(command) => c::demo::run(command, out).await,
        Command::Lab(command) => c::lab::run(command, out).await,
        Command::Serve(command) => c::serve::run(command, reach, out).await,
        Command::Init(command) => c::init::run(&command, out),
        Command::Config(command) => c::config::run(command, reach, out).await,
        Command::Db(command) => c::db::run(command, reach, out).await,
        Command::Endpoint(command) => c::endpoint::run(command, &Api::new(reach)?, out).await,
        Command::FeatureGroup(command) => c::feature_group::run(command, &Api::new(reach)?, out).await,
        Command::Mailbox(command) => c::mailbox::run(command, &Api::new(reach)?, out).await,
        Command::Voicemail(command) => c::voicemail::run(command, &Api::new(reach)?, out).await,
        Command::Contact(command) => c::contact::run(command, &Api::new(reach)?, out).await,
        Command::Event(command) => c::event::run(command, &Api::new(reach)?, out).await,
        Command::Deletion(command) => c::deletion::run(command, &Api::new(reach)?, out).await,
        Command::Sync(command) => c::sync::run(command, &Api::new(reach)?, out).await,
        Command::Snapshot(command) => c::snapshot::run(command, &Api::new(reach)?, out).await,
        Command::MeetingRoom(command) => c::meeting_room::run(command, || Api::new(reach), out).await,
        Command::Meeting(command) => c::meeting::run(command, &Api::new(reach)?, out).await,
        Command::QuickCall(command) => c::quick_call::run(command, &Api::new(reach)?, out).await,
        Command::Explain(command) => c::explain::run(command, &Api::new(reach)?, out).await,
        Command::Preflight(command) => c::preflight::run(&command, &Api::new(reach)?, out).await,
        Command::Status(_) => c::status::run(&Api::new(reach)?, out).await,
        Command::Trust(command) => c::trust::run(command, &Api::new(reach)?, out).await,
        Command::Secret(command) => c::secret::run(&command, &Api::new(reach)?, out).await,
        Command::Token(command) => c::token::run(command, &Api::new(reach)?, out).await,
        Command::User(command) => c::user::run(command, &Api::new(reach)?, out).await,
    }?;
    Ok(ExitCode::SUCCESS)
}
