//! What puts a quick call into the client's menu: pure functions from targets to files.
//!
//! The menu is read by the *client* when it starts, so the entries go to the technicians' computers, never to the Lync
//! server (X-11). `Path` is Tieline's own address: no link and no secret lies on a client (X-12). The registry paths are
//! Microsoft's, per client version; what each value means is in `docs/quick-call.md` (EV-60).

mod admx;
mod powershell;
mod reg;

use sha2::{Digest, Sha256};
use tieline_model::{QuickCallTarget, QuickCallTargetId, Refusal};
use uuid::Uuid;

use crate::address::{Address, encoded};

/// `ExtensibleMenuAll` (EV-39).
pub const MENU_ALL: &str =
    "MainWindowRightClick;ConversationWindowActions;ConversationWindowRightClick;ContactCardMenu";
/// `ExtensibleMenu` (EV-40).
pub const MENU: &str = "MainWindowRightClick;ConversationWindowRightClick;ContactCardMenu";
/// `ApplicationType`: 1 is a protocol; 0, a program, would need `ApplicationInstallPath` (EV-37).
pub const APPLICATION_TYPE: u32 = 1;
/// `SessionType`: 0 is local; 1 and 2 would alert the other people in the conversation (EV-38).
pub const SESSION_TYPE: u32 = 0;

/// A client, by where it looks for menu entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientVersion {
    /// Communicator 2007 R2 and Lync 2010.
    Lync2010,
    /// Lync 2013, and Skype for Business 2015: the same program, Office 15.
    Lync2013,
    /// Skype for Business 2016, 2019 and later, Office 16.
    SkypeForBusiness2016,
}

impl ClientVersion {
    /// Every client, the oldest first.
    pub const ALL: [Self; 3] = [Self::Lync2010, Self::Lync2013, Self::SkypeForBusiness2016];

    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lync2010 => "lync-2010",
            Self::Lync2013 => "lync-2013",
            Self::SkypeForBusiness2016 => "sfb-2016",
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Lync2010 => "Lync 2010",
            Self::Lync2013 => "Lync 2013 and Skype for Business 2015",
            Self::SkypeForBusiness2016 => "Skype for Business 2016 and later",
        }
    }

    /// The client with this name; `sfb-2015` is the Lync 2013 program under its later name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "lync-2010" => Some(Self::Lync2010),
            "lync-2013" | "sfb-2015" => Some(Self::Lync2013),
            "sfb-2016" | "sfb-2019" => Some(Self::SkypeForBusiness2016),
            _ => None,
        }
    }

    /// Below `SOFTWARE`.
    const fn path(self) -> &'static str {
        match self {
            Self::Lync2010 => r"Microsoft\Communicator\SessionManager\Apps",
            Self::Lync2013 => r"Microsoft\Office\15.0\Lync\SessionManager\Apps",
            Self::SkypeForBusiness2016 => r"Microsoft\Office\16.0\Lync\SessionManager\Apps",
        }
    }
}

/// Whose registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hive {
    /// Everybody's on the computer; writing needs an administrator.
    Machine,
    /// The user's own; needs no rights (EV-23).
    User,
}

/// Which view of a machine's registry the client reads: that of its own word size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// A 64-bit client, or any client on 32-bit Windows.
    Native,
    /// A 32-bit client on 64-bit Windows: `Wow6432Node`.
    Wow64,
    /// Both, for computers of either kind (EV-32, EV-33).
    Both,
}

/// What is to be rolled out.
#[derive(Debug, Clone)]
pub struct Kit {
    entries: Vec<Entry>,
    clients: Vec<ClientVersion>,
    hive: Hive,
    bits: Bits,
}

/// One command of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) guid: Uuid,
    pub(crate) name: String,
    pub(crate) path: String,
}

/// A file of the kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitFile {
    /// Its name; may lie in a folder, as `en-US/…`.
    pub name: String,
    /// What it says, in the encoding that Windows expects.
    pub content: Vec<u8>,
}

impl Kit {
    /// A kit for these targets. `address` is how technicians' browsers reach Tieline, `https://tieline.corp.example`.
    /// With `with_user`, the entry also says `%user-id%`; it is recorded and never believed.
    ///
    /// # Errors
    /// When the address is no usable one.
    pub fn new(
        targets: &[QuickCallTarget],
        address: &str,
        with_user: bool,
        clients: &[ClientVersion],
        hive: Hive,
        bits: Bits,
    ) -> Result<Self, Refusal> {
        let parsed = Address::parse(address.trim())?;
        if parsed.rest.contains(['?', '#', '%']) {
            let next = "write it as https://tieline.corp.example";
            return Err(Refusal::permanent("bad-address", "Tieline's address has parameters", next));
        }
        let base = address.trim().trim_end_matches('/');
        let user = if with_user { "&userId=%user-id%" } else { "" };
        let entry = |target: &QuickCallTarget| Entry {
            guid: menu_guid(target.id),
            name: target.menu_text.clone(),
            // The client replaces %contact-id% and leaves the rest as it is.
            path: format!("{base}/quick-call?target={}{user}&contactId=%contact-id%", encoded(&target.name)),
        };
        let mut clients = if clients.is_empty() { ClientVersion::ALL.to_vec() } else { clients.to_vec() };
        clients.sort();
        clients.dedup();
        Ok(Self { entries: targets.iter().map(entry).collect(), clients, hive, bits })
    }

    /// A `.reg` file that adds the entries.
    #[must_use]
    pub fn reg(&self) -> KitFile {
        reg::add(self)
    }

    /// A `.reg` file that removes them again.
    #[must_use]
    pub fn reg_removal(&self) -> KitFile {
        reg::remove(self)
    }

    /// Group policy: the ADMX file and its texts in English and German.
    #[must_use]
    pub fn admx(&self) -> Vec<KitFile> {
        admx::files(self)
    }

    /// A script that adds the entries, and removes them with `-Remove`.
    #[must_use]
    pub fn powershell(&self) -> KitFile {
        powershell::script(self)
    }

    /// Every key that holds an entry, below the hive's root: `SOFTWARE\…\Apps`. A user's hive has one view only.
    fn folders(&self) -> Vec<(ClientVersion, String)> {
        let native = |client: ClientVersion| (client, format!(r"SOFTWARE\{}", client.path()));
        let wow = |client: ClientVersion| (client, format!(r"SOFTWARE\Wow6432Node\{}", client.path()));
        let views = match (self.hive, self.bits) {
            (Hive::User, _) | (_, Bits::Native) => [true, false],
            (_, Bits::Wow64) => [false, true],
            (_, Bits::Both) => [true, true],
        };
        let of = |client: ClientVersion| {
            views[0].then(|| native(client)).into_iter().chain(views[1].then(|| wow(client)))
        };
        self.clients.iter().flat_map(|client| of(*client)).collect()
    }
}

impl Hive {
    const fn root(self) -> &'static str {
        match self {
            Self::Machine => "HKEY_LOCAL_MACHINE",
            Self::User => "HKEY_CURRENT_USER",
        }
    }
}

/// The entry's GUID: the same for the same target for ever, and no other's (EV-34). A hash of the target's id, in the
/// form of a version 8 UUID (RFC 9562).
#[must_use]
pub fn menu_guid(id: QuickCallTargetId) -> Uuid {
    let hash: [u8; 32] = Sha256::digest(format!("tieline/quick-call/menu/{id}").as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// UTF-16, little-endian, with a byte order mark, as Windows writes it.
fn utf16le(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use tieline_model::{Environment, Hosting, PersonKey, TargetKind, UnknownPerson};

    use super::*;

    pub(crate) fn target(number: u128, name: &str, menu_text: &str) -> QuickCallTarget {
        QuickCallTarget {
            id: QuickCallTargetId::from_uuid(Uuid::from_u128(number)),
            name: name.to_owned(),
            menu_text: menu_text.to_owned(),
            environment: Environment::Sandbox,
            hosting: Hosting::Saas,
            kind: TargetKind::Method2,
            hosts: Vec::new(),
            person_key: PersonKey::Mail,
            unknown: UnknownPerson::Page,
            api: None,
        }
    }

    pub(crate) fn kit(targets: &[QuickCallTarget], hive: Hive, bits: Bits) -> Kit {
        Kit::new(targets, "https://tieline.corp.example/", false, &[], hive, bits).unwrap()
    }

    /// Covers: EV-34, EV-42
    #[test]
    fn every_command_has_its_own_guid_and_keeps_it() {
        let [one, two] = [1, 2].map(|n| menu_guid(QuickCallTargetId::from_uuid(Uuid::from_u128(n))));
        assert_eq!(one.to_string(), menu_guid(QuickCallTargetId::from_uuid(Uuid::from_u128(1))).to_string());
        assert_ne!(one, two);
        // The documents' sample, which many sites may have copied.
        assert_ne!(one, Uuid::try_parse("e865bf6c-a2ab-4187-aed5-c04ecd394385").unwrap());
        assert_eq!((one.get_version_num(), one.get_variant()), (8, uuid::Variant::RFC4122));
    }

    /// Covers: EV-18 (registry file), EV-36, EV-54, X-12
    #[test]
    fn the_path_is_tielines_own_address_and_nothing_secret() {
        let targets = [target(1, "EasyVista 50004 & more", "EasyVista")];
        let kit =
            Kit::new(&targets, "https://tieline.corp.example", true, &[], Hive::User, Bits::Both).unwrap();
        assert_eq!(
            kit.entries[0].path,
            "https://tieline.corp.example/quick-call?target=EasyVista%2050004%20%26%20more&userId=%user-id%&contactId=%contact-id%"
        );
        for bad in
            ["http://tieline.corp.example", "https://tieline/?x=1", "tieline.corp.example", "https://a\"b/"]
        {
            assert!(Kit::new(&targets, bad, false, &[], Hive::User, Bits::Both).is_err(), "{bad}");
        }
    }

    /// Covers: EV-11, EV-33
    #[test]
    fn each_client_has_its_registry_paths() {
        let folders = |hive, bits| -> Vec<String> {
            kit(&[], hive, bits).folders().into_iter().map(|(_, folder)| folder).collect()
        };
        assert_eq!(
            folders(Hive::Machine, Bits::Both),
            [
                r"SOFTWARE\Microsoft\Communicator\SessionManager\Apps",
                r"SOFTWARE\Wow6432Node\Microsoft\Communicator\SessionManager\Apps",
                r"SOFTWARE\Microsoft\Office\15.0\Lync\SessionManager\Apps",
                r"SOFTWARE\Wow6432Node\Microsoft\Office\15.0\Lync\SessionManager\Apps",
                r"SOFTWARE\Microsoft\Office\16.0\Lync\SessionManager\Apps",
                r"SOFTWARE\Wow6432Node\Microsoft\Office\16.0\Lync\SessionManager\Apps",
            ]
        );
        assert_eq!(folders(Hive::User, Bits::Both).len(), 3, "a user's hive has no Wow6432Node");
        assert!(folders(Hive::Machine, Bits::Wow64).iter().all(|folder| folder.contains("Wow6432Node")));
        assert_eq!(ClientVersion::named("SfB-2015"), Some(ClientVersion::Lync2013));
    }
}
