//! Migrations: two folders with the same numbers, built into the binary.

use serde::{Deserialize, Serialize};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use tieline_model::Refusal;

use crate::place::Place;
use crate::{StoreError, postgres, sqlite};

/// A migration that this release knows: its number, its name, and its SQL for SQLite and PostgreSQL.
type Known = (i64, &'static str, &'static str, &'static str);

macro_rules! known {
    ($($number:literal $name:literal),+ $(,)?) => {
        &[$((
            $number,
            $name,
            include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        )),+]
    };
}

const KNOWN: &[Known] = known![
    1 "0001_messaging",
    2 "0002_quick_call",
    3 "0003_sign_in",
    4 "0004_quick_call_choice",
    5 "0005_contacts_calendar",
    6 "0006_conferencing",
    7 "0007_trust",
    8 "0008_meeting_feeds",
    9 "0009_sync_counts",
    10 "0010_location",
    11 "0011_sync_spool",
    13 "0013_job_kind",
    14 "0014_picture",
    15 "0015_picture_sweep",
];

/// One migration and whether it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationStatus {
    /// Its number.
    pub number: i64,
    /// Its name; of one that this release does not know, what the database says.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
    /// Whether this release knows it.
    pub known: bool,
}

/// Compares the database at this address with what this release knows. Changes nothing.
///
/// # Errors
/// When the database cannot be reached.
pub async fn status(url: &str) -> Result<Vec<MigrationStatus>, StoreError> {
    let place = Place::parse(url)?;
    let name = place.name();
    let applied = match place {
        Place::Sqlite(path) => sqlite::applied(&path).await,
        Place::Postgres(options) => postgres::applied(&options).await,
    };
    Ok(compare(&applied.map_err(|error| error.at(&name))?))
}

/// Brings the database at this address up to date, and tells what it has now.
///
/// # Errors
/// When it cannot be reached, is newer than this release, or its file belongs to a running process.
pub async fn migrate(url: &str) -> Result<Vec<MigrationStatus>, StoreError> {
    let place = Place::parse(url)?;
    let name = place.name();
    let done = match place {
        Place::Sqlite(path) => sqlite::migrate(&path).await,
        Place::Postgres(options) => postgres::migrate(&options).await,
    };
    done.map_err(|error| error.at(&name))?;
    status(url).await
}

fn compare(applied: &[(i64, String)]) -> Vec<MigrationStatus> {
    let known = KNOWN.iter().map(|&(number, name, ..)| MigrationStatus {
        number,
        name: name.to_owned(),
        applied: applied.iter().any(|(have, _)| *have == number),
        known: true,
    });
    let unknown = applied.iter().filter(|(have, _)| KNOWN.iter().all(|(number, ..)| number != have)).map(
        |(number, name)| MigrationStatus { number: *number, name: name.clone(), applied: true, known: false },
    );
    known.chain(unknown).collect()
}

/// Refuses a database that a newer release has changed, and tells whether this release has something to add.
pub(crate) fn judge(applied: &[(i64, String)]) -> Result<bool, StoreError> {
    let status = compare(applied);
    if let Some(newer) = status.iter().find(|migration| !migration.known) {
        return Err(StoreError::Schema(Refusal::operator(
            "schema-newer",
            format!("the database was changed by a newer release ({})", newer.name),
            "run that release, or restore the backup made before the upgrade",
        )));
    }
    Ok(status.iter().any(|migration| !migration.applied))
}

/// The refusal of a database that must be brought up to date first.
pub(crate) fn behind() -> StoreError {
    StoreError::Schema(Refusal::operator(
        "schema-behind",
        "the database is older than this release",
        "tieline db migrate",
    ))
}

pub(crate) fn failed(error: &sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Schema(Refusal::operator(
        "migration-failed",
        format!("a migration failed: {error}"),
        "the database is as it was before; report this line together with tieline --version",
    ))
}

/// The migrations for one of the two databases.
pub(crate) fn migrator(sql: impl Fn(&Known) -> &'static str) -> Migrator {
    let migrations = KNOWN.iter().map(|known| {
        let sql = AssertSqlSafe(sql(known)).into_sql_str();
        Migration::new(known.0, known.1.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}
