//! What the directory's policy says of an account that signs in: Active Directory's attributes, read as they are kept.

use jiff::Timestamp;
use tieline_ports::AccountPolicy;
use tieline_proto_ldap::{Entry, Filter};

const CONTROL: &str = "userAccountControl";
const LOCKED: &str = "lockoutTime";
const ENDS: &str = "accountExpires";
const HOURS: &str = "logonHours";
const PASSWORD_SET: &str = "pwdLastSet";
const PASSWORD_ENDS: &str = "msDS-UserPasswordExpiryTimeComputed";

/// `ADS_UF_ACCOUNTDISABLE`.
const DISABLED: i64 = 0x2;
/// `ADS_UF_DONT_EXPIRE_PASSWD`.
const PASSWORD_NEVER_ENDS: i64 = 0x1_0000;
/// Hours of a week, a bit each.
const WEEK: u32 = 168;

/// What is asked for.
pub(crate) fn wanted() -> Vec<String> {
    [CONTROL, LOCKED, ENDS, HOURS, PASSWORD_SET, PASSWORD_ENDS].map(str::to_owned).to_vec()
}

/// The account with this address or sign-in name.
pub(crate) fn filter(account: &str) -> Filter {
    let proxy = format!("smtp:{account}");
    Filter::Or(vec![
        Filter::equal("userPrincipalName", account),
        Filter::equal("mail", account),
        Filter::equal("proxyAddresses", proxy.as_str()),
    ])
}

/// Reads an entry; `None` when it has no such policy, as in other directories than Active Directory.
pub(crate) fn policy(entry: &Entry) -> Option<AccountPolicy> {
    let number = |name: &str| entry.text(name)?.trim().parse::<i64>().ok();
    let control = number(CONTROL)?;
    let hours = entry.values(HOURS).next().map(|bits| bits.iter().map(|byte| byte.count_ones()).sum::<u32>());
    Some(AccountPolicy {
        name: entry.dn.clone(),
        disabled: control & DISABLED != 0,
        locked_since: number(LOCKED).and_then(file_time),
        ends: number(ENDS).and_then(file_time),
        hours: hours.filter(|hours| *hours < WEEK),
        must_change_password: number(PASSWORD_SET) == Some(0) && control & PASSWORD_NEVER_ENDS == 0,
        password_never_ends: control & PASSWORD_NEVER_ENDS != 0,
        password_ends: number(PASSWORD_ENDS).and_then(file_time),
    })
}

/// Tenths of microseconds since 1601; 0 and the largest number mean never.
fn file_time(ticks: i64) -> Option<Timestamp> {
    const TO_UNIX_S: i64 = 11_644_473_600;
    if ticks <= 0 || ticks == i64::MAX {
        return None;
    }
    Timestamp::from_second(ticks / 10_000_000 - TO_UNIX_S).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_proto_ldap::Attribute;

    fn entry(attributes: &[(&str, &[u8])]) -> Entry {
        let attributes =
            attributes.iter().map(|(name, value)| Attribute::new(*name, [value.to_vec()])).collect();
        Entry { dn: "CN=svc,DC=x".to_owned(), attributes }
    }

    /// Covers: AV-21 (Active Directory), AV-22 (Active Directory)
    #[test]
    fn active_directorys_numbers_are_read_as_they_are_meant() {
        let plain = policy(&entry(&[
            ("userAccountControl", b"66048"),
            ("accountExpires", b"9223372036854775807"),
            ("lockoutTime", b"0"),
            ("logonHours", &[0xff; 21]),
            ("pwdLastSet", b"0"),
        ]))
        .unwrap();
        let expected = AccountPolicy {
            name: "CN=svc,DC=x".to_owned(),
            password_never_ends: true,
            ..AccountPolicy::default()
        };
        assert_eq!(plain, expected);
        let troubled = policy(&entry(&[
            ("userAccountControl", b"514"),
            ("accountExpires", b"134119584000000000"),
            ("lockoutTime", b"134119584000000000"),
            ("logonHours", &[0x0f; 21]),
            ("pwdLastSet", b"0"),
            ("msDS-UserPasswordExpiryTimeComputed", b"134119584000000000"),
        ]))
        .unwrap();
        let at: Timestamp = "2026-01-04T00:00:00Z".parse().unwrap();
        assert_eq!(
            (troubled.disabled, troubled.must_change_password, troubled.hours),
            (true, true, Some(84))
        );
        assert_eq!(
            (troubled.locked_since, troubled.ends, troubled.password_ends),
            (Some(at), Some(at), Some(at))
        );
        assert_eq!(policy(&entry(&[("cn", b"x")])), None, "another directory");
        assert_eq!(policy(&entry(&[("userAccountControl", b"no number")])), None);
    }
}
