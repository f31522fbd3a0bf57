//! Trusted certificates.

use jiff::Timestamp;

use super::{Conn, Db, event};
use crate::column::time;
use crate::{StoreError, TrustedCertificate};

/// Lets a certificate in; one that is in already stays as it is.
pub(crate) async fn add(conn: &mut Conn, trusted: &TrustedCertificate) -> Result<(), StoreError> {
    let sql = "INSERT INTO trusted_certificate (sha256, host, authority, der, added_by, added_ms)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let done = sqlx::query::<Db>(sql)
        .bind(trusted.sha256.as_slice())
        .bind(&trusted.host)
        .bind(trusted.authority)
        .bind(&trusted.der)
        .bind(&trusted.added_by)
        .bind(trusted.added.as_millisecond())
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let (at, by) = (trusted.added, &trusted.added_by);
    event::put_audit(conn, at, by, "certificate-trusted", &trusted.host, &hex(&trusted.sha256)).await
}

/// Takes a certificate out, at every host.
pub(crate) async fn remove(
    conn: &mut Conn,
    sha256: &[u8; 32],
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM trusted_certificate WHERE sha256 = $1";
    let query = sqlx::query::<Db>(sql).bind(sha256.as_slice());
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return Err(StoreError::conflict(
            "unknown-certificate",
            format!("no certificate with SHA-256 {} is trusted", hex(sha256)),
            "tieline trust list",
        ));
    }
    event::put_audit(conn, at, by, "certificate-distrusted", "", &hex(sha256)).await
}

type Row = (Vec<u8>, String, bool, Vec<u8>, String, i64);

pub(crate) async fn list(conn: &mut Conn) -> Result<Vec<TrustedCertificate>, StoreError> {
    let sql = "SELECT sha256, host, authority, der, added_by, added_ms FROM trusted_certificate ORDER BY host, sha256";
    let rows = sqlx::query_as::<Db, Row>(sql).fetch_all(conn).await?;
    let read = |(sha256, host, authority, der, added_by, added_ms): Row| {
        let sha256 = <[u8; 32]>::try_from(sha256.as_slice()).map_err(|_| {
            StoreError::corrupt(format!("trusted certificate of {host}"), "its SHA-256 has another length")
        })?;
        Ok(TrustedCertificate { sha256, host, authority, der, added_by, added: time(added_ms)? })
    };
    rows.into_iter().map(read).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
