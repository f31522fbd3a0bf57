//! `with-postgres COMMAND …`: runs a command while one temporary PostgreSQL cluster is up, so that the tests of a whole run
//! share it. Ends with the command's exit code.

use std::process::{Command, ExitCode};

use tieline_tests::postgres::{Cluster, SOCKET_VARIABLE};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-postgres COMMAND [ARGUMENT …]");
        return ExitCode::from(2);
    };
    let cluster = Cluster::start();
    let status =
        Command::new(&program).args(arguments).env(SOCKET_VARIABLE, cluster.socket_folder()).status();
    match status {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("{} did not start: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
