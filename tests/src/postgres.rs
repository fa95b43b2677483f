//! A PostgreSQL for tests: every call makes a fresh database on one private cluster, shared by all test processes.
//!
//! The cluster lives among the machine's temporary files, is started by the first test that needs it and stays up for the next run; it
//! listens on 127.0.0.1 only, on a port of its own, with fsync on as in production. `GUERDON_TEST_POSTGRES` (an address
//! with the right to create databases) is used instead when it is set. Fails, never skips, when there is neither.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Names a server to use instead of a private cluster.
pub const VARIABLE: &str = "GUERDON_TEST_POSTGRES";

static MADE: AtomicU32 = AtomicU32::new(0);

/// The address of a new, empty database. It is dropped by a later test run, once this process is gone.
pub async fn database() -> String {
    let server = server();
    let address: PgConnectOptions = server.parse().unwrap_or_else(|e| panic!("{VARIABLE} is no address of a PostgreSQL: {e}"));
    let mut connection = PgConnection::connect_with(&address).await.unwrap_or_else(|e| panic!("no PostgreSQL answers at {server}: {e}"));
    drop_left_over(&mut connection).await;
    let name = format!("guerdon_test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    // A process of an earlier boot may have had this number.
    for statement in [format!("drop database if exists {name} with (force)"), format!("create database {name}")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("a database can be made");
    }
    let (before, _) = server.rsplit_once('/').expect("an address with a database");
    format!("{before}/{name}")
}

/// Drops the databases of processes that are gone.
async fn drop_left_over(connection: &mut PgConnection) {
    let names: Vec<String> = sqlx::query_scalar("select datname::text from pg_database where datname like 'guerdon_test_%'")
        .fetch_all(&mut *connection)
        .await
        .expect("databases can be listed");
    for name in names {
        let process = name.split('_').nth(2).and_then(|n| n.parse::<u32>().ok());
        let gone = Path::new("/proc/self").exists() && process.is_some_and(|p| !Path::new(&format!("/proc/{p}")).exists());
        if gone {
            // Another test may be doing the same: that it fails does not matter.
            let _ = sqlx::raw_sql(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).execute(&mut *connection).await;
        }
    }
}

/// The address of a server, started if need be.
fn server() -> String {
    if let Ok(address) = std::env::var(VARIABLE) {
        return address;
    }
    let folder = cluster_folder();
    fs::create_dir_all(&folder).expect("the folder of the cluster");
    // For `tests/run`, which stops the server when the tests are done.
    fs::write(target_folder().join("guerdon-postgres.pid-file"), folder.join("data/postmaster.pid").display().to_string())
        .expect("a file under target");
    let lock = File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let cluster = Cluster::find(folder);
    let port = cluster.running_port().unwrap_or_else(|| cluster.start());
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

/// One for each `target` folder, in the machine's folder for temporary files: the user `postgres`, as whom it runs when
/// the tests are root's, may be unable to reach `target` itself.
fn cluster_folder() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    target_folder().hash(&mut hasher);
    std::env::temp_dir().join(format!("guerdon-postgres-{:016x}", hasher.finish()))
}

/// The folder `target` that holds this test's program.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program");
    program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).expect("a program under target").to_path_buf()
}

struct Cluster {
    folder: PathBuf,
    /// Folder of initdb and pg_ctl.
    programs: PathBuf,
    /// PostgreSQL refuses to run as root: then everything runs as the user `postgres`.
    root: bool,
}

impl Cluster {
    fn find(folder: PathBuf) -> Cluster {
        let programs = programs().unwrap_or_else(|| {
            panic!("no PostgreSQL is installed (apt install postgresql, or brew install postgresql), and {VARIABLE} is not set")
        });
        let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        Cluster { folder, programs, root }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The port of the cluster if it runs.
    fn running_port(&self) -> Option<u16> {
        let port = fs::read_to_string(self.folder.join("port")).ok()?.trim().parse().ok()?;
        self.run("pg_ctl", &format!("status -D '{}'", self.data().display())).ok()?;
        Some(port)
    }

    fn start(&self) -> u16 {
        let data = self.data();
        if !data.join("PG_VERSION").exists() {
            self.make_folder(&data);
            self.run("initdb", &format!("-D '{}' -U postgres -A trust -E UTF8 --locale=C.UTF-8", data.display()))
                .unwrap_or_else(|e| panic!("initdb failed: {e}"));
        }
        let port = free_port();
        let settings = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=32MB -c max_connections=300 \
                        -c fsync=on -c autovacuum_naptime=10s";
        let log = data.join("server.log");
        self.run("pg_ctl", &format!("start -w -D '{}' -l '{}' -o '-p {port} {settings}'", data.display(), log.display()))
            .unwrap_or_else(|e| panic!("PostgreSQL does not start: {e}; see {}", log.display()));
        fs::write(self.folder.join("port"), port.to_string()).expect("the port file");
        port
    }

    fn make_folder(&self, data: &Path) {
        fs::create_dir_all(data).expect("the folder of the cluster");
        if self.root {
            let owned = Command::new("chown").arg("postgres").arg(data).status();
            assert!(owned.is_ok_and(|s| s.success()), "PostgreSQL does not run as root, and there is no user postgres");
        }
    }

    /// Runs one of PostgreSQL's programs; its error output when it fails.
    fn run(&self, program: &str, arguments: &str) -> Result<(), String> {
        let line = format!("'{}' {arguments}", self.programs.join(program).display());
        let mut command = match self.root {
            true => Command::new("su"),
            false => Command::new("sh"),
        };
        if self.root {
            command.args(["postgres", "-s", "/bin/sh"]);
        }
        // Into a file, not a pipe: the server inherits it and would keep a pipe open.
        let errors = self.folder.join("errors");
        let file = File::create(&errors).map_err(|e| e.to_string())?;
        let status = command.arg("-c").arg(line).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{program} ended with {status}: {}", fs::read_to_string(&errors).unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The newest installed, else the one on the search path.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("pg_ctl").exists() && folder.join("initdb").exists())
        .collect();
    versions.sort();
    let on_path = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).find(|folder| folder.join("pg_ctl").exists() && folder.join("initdb").exists()));
    versions.pop().map(|(_, folder)| folder).or(on_path)
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").port()
}
