//! Which migrations the database has.

use sqlx::migrate::Migrator;

use super::{Conn, Db};
use crate::{StoreError, schema};

/// Numbers and names of the migrations that were carried out; none when the database is empty.
pub(crate) async fn applied(conn: &mut Conn) -> Result<Vec<(i64, String)>, StoreError> {
    let there: bool = sqlx::query_scalar::<Db, bool>(table_exists!())
        .bind("_sqlx_migrations")
        .fetch_one(&mut *conn)
        .await?;
    if !there {
        return Ok(Vec::new());
    }
    let sql = "SELECT version, description FROM _sqlx_migrations WHERE success ORDER BY version";
    Ok(sqlx::query_as::<Db, (i64, String)>(sql).fetch_all(conn).await?)
}

/// Refuses a newer schema, and brings an older one up to date if that is wanted.
pub(crate) async fn prepare(conn: &mut Conn, wanted: bool, migrator: &Migrator) -> Result<(), StoreError> {
    let behind = schema::judge(&applied(conn).await?)?;
    if !behind {
        return Ok(());
    }
    if !wanted {
        return Err(schema::behind());
    }
    migrator.run(conn).await.map_err(|error| schema::failed(&error))
}
