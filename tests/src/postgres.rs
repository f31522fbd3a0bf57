//! A PostgreSQL of the tests' own: a cluster in a temporary folder, reached over a Unix socket there, and one database for
//! each test that asks.
//!
//! `scripts/test` starts one cluster for the whole run (`with-postgres`) and names its socket folder in
//! [`SOCKET_VARIABLE`]. Without that, each test process starts a cluster of its own on first use, about two seconds.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{PATIENCE, Running, run};

/// Names the folder of a running cluster's socket.
pub const SOCKET_VARIABLE: &str = "TIELINE_TEST_POSTGRES";
const SUPERUSER: &str = "postgres";
/// Followed by the id of the process that started the cluster.
const FOLDER_PREFIX: &str = "tieline-pg-";

/// A running cluster. Dropping it ends it, when it was started here.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    own: Option<(Running, TempDir)>,
}

impl Cluster {
    /// The cluster all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var_os(SOCKET_VARIABLE) {
            Some(folder) => Self { folder: folder.into(), own: None },
            None => start_in_keeper_thread(),
        })
    }

    /// A cluster of one's own, for tests that stop it. Durability against power cuts is off; against SIGKILL it holds.
    pub fn start() -> Self {
        let programs = server_programs();
        sweep_forgotten_folders();
        let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
        let home = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).expect("own folder");
        give_to_postgres(home.path());
        let data = home.path().join("data");
        run(as_postgres(&programs.join("initdb")).arg("--pgdata").arg(&data).args([
            "--username",
            SUPERUSER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]));
        let server = Self::serve(&programs, &data, home.path());
        Self { folder: home.path().to_owned(), own: Some((server, home)) }
    }

    fn serve(programs: &Path, data: &Path, home: &Path) -> Running {
        let mut command = as_postgres(&programs.join("postgres"));
        command.arg("-D").arg(data).arg("-k").arg(home);
        for setting in ["listen_addresses=", "fsync=off", "max_connections=200", "shared_buffers=64MB"] {
            command.args(["-c", setting]);
        }
        let logs = home.join("logs");
        fs::create_dir_all(&logs).expect("own folder");
        let mut server = Running::start("postgres", &mut command, &logs);
        server.wait_until("connection", || {
            let mut ready = Command::new(programs.join("pg_isready"));
            ready.arg("-q").arg("-h").arg(home).status().is_ok_and(|status| status.success()).then_some(())
        });
        server
    }

    /// The folder that holds the socket.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// A fresh, empty database.
    pub fn database(&self) -> Database {
        self.create(None)
    }

    /// A fresh database with the content of another, which nobody may be connected to.
    pub fn copy_of(&self, template: &Database) -> Database {
        self.create(Some(&template.name))
    }

    fn create(&self, template: Option<&str>) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let template = template.unwrap_or("template0");
        let mut createdb = Command::new(server_programs().join("createdb"));
        run(createdb.arg("-h").arg(&self.folder).args(["-U", SUPERUSER, "-T", template, &name]));
        Database { folder: self.folder.clone(), name }
    }

    /// Ends the server at once, connections included, as when its machine fails.
    ///
    /// # Panics
    /// When the cluster is a shared one.
    pub fn go_away(&mut self) {
        let (server, _) = self.own.as_mut().expect("only a cluster of one's own may go away");
        server.signal("QUIT");
        server.wait();
    }

    /// Starts the server again on the same data, after [`Self::go_away`].
    pub fn come_back(&mut self) {
        let (server, home) = self.own.as_mut().expect("only a cluster of one's own can come back");
        *server = Self::serve(&server_programs(), &home.path().join("data"), home.path());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((server, _)) = &mut self.own
            && server.ended().is_none()
        {
            // An immediate shutdown: nothing in it is kept, but its shared memory is given back.
            server.signal("QUIT");
            server.wait();
        }
    }
}

/// A database of one test. It is dropped with its cluster.
#[derive(Debug, Clone)]
pub struct Database {
    folder: PathBuf,
    name: String,
}

impl Database {
    /// The connection URL: over the Unix socket, as superuser, without a password.
    pub fn url(&self) -> String {
        format!("postgres:///{}?host={}&user={SUPERUSER}", self.name, self.folder.display())
    }

    /// Runs SQL and gives the rows as text, columns parted by `|`.
    pub fn query(&self, sql: &str) -> Vec<String> {
        let mut psql = Command::new(server_programs().join("psql"));
        psql.arg("-h").arg(&self.folder).args([
            "-U",
            SUPERUSER,
            "-d",
            &self.name,
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        run(psql.args(["-c", sql])).lines().map(str::to_owned).collect()
    }
}

/// A process is killed when the thread that started it ends, and a test's thread ends with the test: start the shared
/// cluster from a thread that stays.
fn start_in_keeper_thread() -> Cluster {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // The receiver waits right below; if it panicked, nobody needs the cluster.
        let _ = sender.send(Cluster::start());
        loop {
            std::thread::park();
        }
    });
    let started = Instant::now();
    receiver.recv_timeout(PATIENCE + Duration::from_secs(30)).unwrap_or_else(|error| {
        panic!("PostgreSQL did not start in {:?}: {error}", started.elapsed());
    })
}

/// A shared cluster's folder outlives its process, as nothing runs at the end of a static: the next one to start removes it.
fn sweep_forgotten_folders() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            // Somebody else may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Debian keeps the server programs of each major version in a folder of their own: take the newest.
fn server_programs() -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .flatten()
                .filter_map(|entry| {
                    Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
                })
                .filter(|(_, bin)| bin.join("initdb").is_file())
                .collect()
        })
        .unwrap_or_default();
    versions.sort();
    versions
        .pop()
        .map(|(_, bin)| bin)
        .unwrap_or_else(|| panic!("PostgreSQL is not installed. Next: scripts/setup"))
}

/// PostgreSQL refuses to run as root: root becomes its user, anybody else stays who they are.
fn as_postgres(program: &Path) -> Command {
    match postgres_ids() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new(crate::tool("setpriv"));
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
            // A parent's death is forgotten when the user changes, so it is asked for anew.
            command.args(["--pdeathsig", "QUIT", "--"]).arg(program);
            command
        }
    }
}

fn give_to_postgres(folder: &Path) {
    if let Some((user, group)) = postgres_ids() {
        chown(folder, Some(user), Some(group)).expect("root can give a folder away");
    }
}

/// The ids of the user `postgres`, when this process runs as root.
fn postgres_ids() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> u32 {
        run(Command::new("id").args(arguments)).trim().parse().expect("id prints a number")
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", SUPERUSER]), id(&["-g", SUPERUSER])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_separate_and_outlive_a_server_that_went_away() {
        let mut cluster = Cluster::start();
        let one = cluster.database();
        let two = cluster.database();
        one.query("CREATE TABLE only_here (n int); INSERT INTO only_here VALUES (7)");
        assert_eq!(two.query("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'"), ["0"]);
        assert_eq!(cluster.copy_of(&one).query("SELECT n FROM only_here"), ["7"]);
        cluster.go_away();
        cluster.come_back();
        assert_eq!(one.query("SELECT n FROM only_here"), ["7"]);
        assert!(one.url().starts_with("postgres:///t"));
    }
}
