//! Which addresses may be contacted on somebody else's word.
//!
//! A webhook or a redirect names a host; whoever chose it must not thereby reach the database beside us or the
//! metadata service of a cloud. The check is on the resolved address, and the connection is then made to that
//! very address, so that a second look-up cannot answer differently.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a client may go.
#[derive(Debug, Clone, Default)]
pub enum Reach {
    /// The address was configured by an administrator: any host.
    #[default]
    Configured,
    /// The address came from elsewhere.
    Guarded(Guard),
}

/// Lets public addresses pass, and those that an administrator listed.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Network>,
}

impl Guard {
    pub fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// # Errors
    /// The class of the address, when it is neither public nor listed.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressClass> {
        let address = embedded_v4(address).map_or(address, IpAddr::V4);
        match AddressClass::of(address) {
            AddressClass::Public => Ok(()),
            _ if self.allowed.iter().any(|network| network.contains(address)) => Ok(()),
            class => Err(class),
        }
    }
}

/// An address range such as `10.20.0.0/16` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let wrong = || format!("`{text}` is not an address range; write for example 10.20.0.0/16");
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().ok().filter(|p| *p <= longest).ok_or_else(wrong)?,
            None => longest,
        };
        Ok(Self { address, prefix })
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                shift == 32 || u32::from(network) >> shift == u32::from(address) >> shift
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                shift == 128 || u128::from(network) >> shift == u128::from(address) >> shift
            }
            _ => false,
        }
    }
}

/// The kinds of address that matter for [`Guard`]; see the IANA special-purpose registries (RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    Public,
    Loopback,
    Private,
    LinkLocal,
    CarrierShared,
    Multicast,
    Reserved,
}

impl std::fmt::Display for AddressClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "this machine itself",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address (cloud metadata lives there)",
            Self::CarrierShared => "a shared carrier address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        })
    }
}

impl AddressClass {
    pub fn of(address: IpAddr) -> Self {
        match embedded_v4(address).map_or(address, IpAddr::V4) {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        match (a, b, c) {
            (127, ..) => Self::Loopback,
            // 0.0.0.0 reaches the local machine on Linux.
            (0, ..) => Self::Loopback,
            (10, ..) | (192, 168, _) => Self::Private,
            (172, 16..=31, _) => Self::Private,
            (169, 254, _) => Self::LinkLocal,
            (100, 64..=127, _) => Self::CarrierShared,
            (224..=239, ..) => Self::Multicast,
            (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => {
                Self::Reserved
            }
            (240..=255, ..) => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        match segments {
            _ if address.is_loopback() || address.is_unspecified() => Self::Loopback,
            [first, ..] if first & 0xfe00 == 0xfc00 => Self::Private,
            [first, ..] if first & 0xffc0 == 0xfe80 => Self::LinkLocal,
            [first, ..] if first & 0xffc0 == 0xfec0 => Self::Private,
            [first, ..] if first & 0xff00 == 0xff00 => Self::Multicast,
            // Teredo, ORCHID and documentation, then everything that is not global unicast.
            [0x2001, 0 | 0xdb8 | 0x10..=0x2f, ..] => Self::Reserved,
            [first, ..] if first & 0xe000 != 0x2000 => Self::Reserved,
            _ => Self::Public,
        }
    }
}

/// The IPv4 address that a mapped, NAT64 or 6to4 address stands for.
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let pair = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(pair(high, low)),
        [0x2002, high, low, ..] => Some(pair(high, low)),
        // The deprecated IPv4-compatible form; ::1 and :: are not of it.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(pair(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> AddressClass {
        AddressClass::of(text.parse().unwrap())
    }

    #[test]
    fn every_way_to_write_an_inner_address_is_recognised() {
        use AddressClass as C;
        let table = [
            ("127.0.0.1", C::Loopback),
            ("127.255.1.2", C::Loopback),
            ("0.0.0.0", C::Loopback),
            ("::1", C::Loopback),
            ("::", C::Loopback),
            ("::ffff:127.0.0.1", C::Loopback),
            ("::127.0.0.1", C::Loopback),
            ("64:ff9b::7f00:1", C::Loopback),
            ("2002:7f00:1::", C::Loopback),
            ("10.1.2.3", C::Private),
            ("172.16.0.1", C::Private),
            ("172.31.255.255", C::Private),
            ("172.32.0.1", C::Public),
            ("192.168.1.1", C::Private),
            ("::ffff:192.168.1.1", C::Private),
            ("fd00::1", C::Private),
            ("fec0::1", C::Private),
            ("169.254.169.254", C::LinkLocal),
            ("::ffff:169.254.169.254", C::LinkLocal),
            ("fe80::1", C::LinkLocal),
            ("100.64.0.1", C::CarrierShared),
            ("224.0.0.1", C::Multicast),
            ("ff02::1", C::Multicast),
            ("255.255.255.255", C::Reserved),
            ("198.18.0.1", C::Reserved),
            ("192.0.2.1", C::Reserved),
            ("2001:db8::1", C::Reserved),
            ("2001::1", C::Reserved),
            ("100::1", C::Reserved),
            ("8.8.8.8", C::Public),
            ("2606:4700::1", C::Public),
        ];
        for (text, expected) in table {
            assert_eq!(class(text), expected, "{text}");
        }
    }

    #[test]
    fn the_allow_list_opens_exactly_what_it_names() {
        let guard = Guard::new(vec!["10.20.0.0/16".parse().unwrap(), "fd00::5".parse().unwrap()]);
        let check = |text: &str| guard.check(text.parse().unwrap());
        assert_eq!(check("10.20.255.1"), Ok(()));
        assert_eq!(check("::ffff:10.20.255.1"), Ok(()));
        assert_eq!(check("10.21.0.1"), Err(AddressClass::Private));
        assert_eq!(check("fd00::5"), Ok(()));
        assert_eq!(check("fd00::6"), Err(AddressClass::Private));
        assert_eq!(check("8.8.8.8"), Ok(()));
    }

    #[test]
    fn wrong_ranges_are_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "x/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("10.0.0.1".parse().unwrap()));
    }
}
