//! The word of a reverse proxy that signs people in. Believed only from addresses that the configuration lists.

use std::net::IpAddr;

use axum::http::HeaderMap;
use tieline_store::UserRole;

use super::ProxyPolicy;

/// The longest name that is taken, in characters.
const LONGEST: usize = 256;

/// Who the proxy says it is: name, what people see, role. `None` when this is not the proxy, or it names nobody.
pub(super) fn person(
    policy: &ProxyPolicy,
    peer: IpAddr,
    headers: &HeaderMap,
) -> Option<(String, String, UserRole)> {
    if !policy.believes(peer) {
        return None;
    }
    let name = single(headers, policy.user_header.as_ref()?)?;
    let shown = policy.display_header.as_ref().and_then(|header| single(headers, header));
    let listed = policy.administrators.iter().any(|admin| *admin == name.to_lowercase());
    let role = if listed { UserRole::Administrator } else { UserRole::Technician };
    Some((name.to_lowercase(), shown.unwrap_or(name), role))
}

/// A header that is there once and readable: twice means that somebody in front of the proxy sent one, too.
fn single(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = std::str::from_utf8(values.next()?.as_bytes()).ok()?.trim();
    let readable =
        !value.is_empty() && value.chars().count() <= LONGEST && !value.chars().any(char::is_control);
    (values.next().is_none() && readable).then(|| value.to_owned())
}

/// Who sent the request to the proxy: the last address in `X-Forwarded-For` that is not the proxy's own. Only what our
/// own proxies added can be believed, and they add at the end.
pub(super) fn client(policy: &ProxyPolicy, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !policy.believes(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let addresses: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    for address in addresses.into_iter().rev() {
        match address.parse::<IpAddr>() {
            Ok(address) if policy.believes(address) => {}
            Ok(address) => return address,
            Err(_) => break,
        }
    }
    peer
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn policy() -> ProxyPolicy {
        ProxyPolicy {
            peers: vec!["10.0.0.0/28".parse().unwrap()],
            user_header: Some(http::HeaderName::from_static("x-remote-user")),
            display_header: Some(http::HeaderName::from_static("x-remote-name")),
            administrators: vec!["root@corp.example".to_owned()],
        }
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 99));

    #[test]
    fn only_the_listed_proxy_is_believed() {
        let named = headers(&[("x-remote-user", "Dana@corp.example"), ("x-remote-name", "Dana")]);
        let person_of = |peer, headers: &HeaderMap| person(&policy(), peer, headers);
        let dana = ("dana@corp.example".to_owned(), "Dana".to_owned(), UserRole::Technician);
        assert_eq!(person_of(PROXY, &named), Some(dana));
        assert_eq!(person_of(STRANGER, &named), None);
        let root = headers(&[("x-remote-user", "Root@Corp.example")]);
        assert_eq!(person_of(PROXY, &root).unwrap().2, UserRole::Administrator);
        for lines in [&[][..], &[("x-remote-user", " ")], &[("x-remote-user", "a"), ("x-remote-user", "b")]] {
            assert_eq!(person_of(PROXY, &headers(lines)), None, "{lines:?}");
        }
    }

    #[test]
    fn the_client_is_who_spoke_to_our_outermost_proxy() {
        let forwarded =
            headers(&[("x-forwarded-for", "1.2.3.4, 192.0.2.7"), ("x-forwarded-for", "10.0.0.2")]);
        assert_eq!(client(&policy(), PROXY, &forwarded), IpAddr::from([192, 0, 2, 7]));
        assert_eq!(client(&policy(), STRANGER, &forwarded), STRANGER);
        assert_eq!(client(&policy(), PROXY, &headers(&[("x-forwarded-for", "1.2.3.4, junk")])), PROXY);
    }
}
