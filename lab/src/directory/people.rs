//! The entries of the lab's directory and their changes.

use tieline_proto_ldap::{Attribute, Entry};

use crate::account::{Account, DOMAIN, Directory, SERVICE_ACCOUNT};

/// The naming context.
pub(super) const BASE: &str = "DC=lab,DC=example";
const SCHEMA_PERSON: &str = "CN=Person,CN=Schema,CN=Configuration,DC=lab,DC=example";
const DEPARTMENTS: [&str; 4] = ["Service desk", "Sales", "Research", "Finance"];

/// An entry and its history.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) entry: Entry,
    /// The number of its last change.
    pub(super) usn: u64,
    pub(super) deleted: bool,
    pub(super) guid: [u8; 16],
    /// Who signs in with it.
    pub(super) alias: Option<String>,
}

/// All entries in the order of creation; deleted ones stay, so that places do not move.
#[derive(Clone, Debug)]
pub(super) struct People {
    pub(super) objects: Vec<Object>,
    pub(super) usn: u64,
    controller: u32,
}

impl People {
    pub(super) fn of(accounts: &Directory) -> Self {
        let mut people = Self { objects: Vec::new(), usn: 1000, controller: 1 };
        people.create(BASE.to_owned(), None, vec![Attribute::new("objectClass", ["top", "domainDNS"])]);
        for unit in ["People", "Services"] {
            let class = Attribute::new("objectClass", ["top", "organizationalUnit"]);
            people.create(format!("OU={unit},{BASE}"), None, vec![class, Attribute::new("ou", [unit])]);
        }
        for account in accounts.accounts() {
            people.create_person(account);
        }
        people
    }

    /// Names the domain controller.
    pub(super) fn service(&self) -> String {
        format!("CN=NTDS Settings,CN=DC{},CN=Servers,CN=Sites,CN=Configuration,{BASE}", self.controller)
    }

    pub(super) fn add(&mut self, alias: &str, display_name: &str) {
        let account = Account {
            alias: alias.to_owned(),
            address: format!("{alias}@{DOMAIN}"),
            display_name: display_name.to_owned(),
            may_impersonate: false,
            app_only: false,
        };
        self.create_person(&account);
    }

    pub(super) fn change(&mut self, alias: &str, attribute: &str, values: &[&str]) -> bool {
        let usn = self.usn + 1;
        let Some(object) = self.by_alias(alias) else { return false };
        object.entry.attributes.retain(|known| !known.is(attribute));
        if !values.is_empty() {
            object.entry.attributes.push(Attribute::new(attribute, values.iter().copied()));
        }
        object.usn = usn;
        self.usn = usn;
        true
    }

    pub(super) fn remove(&mut self, alias: &str) -> bool {
        let usn = self.usn + 1;
        let Some(object) = self.by_alias(alias) else { return false };
        object.deleted = true;
        object.usn = usn;
        self.usn = usn;
        true
    }

    pub(super) fn replace_controller(&mut self) {
        self.controller += 1;
        self.usn += 100_000;
    }

    fn by_alias(&mut self, alias: &str) -> Option<&mut Object> {
        let is = |object: &&mut Object| !object.deleted && object.alias.as_deref() == Some(alias);
        self.objects.iter_mut().find(is)
    }

    fn create_person(&mut self, account: &Account) {
        let Account { alias, address, display_name, .. } = account;
        let number = self.objects.len();
        let unit = if alias == SERVICE_ACCOUNT { "Services" } else { "People" };
        let (given, family) = display_name.rsplit_once(' ').unwrap_or(("", display_name));
        let dotted = display_name.to_lowercase().replace(' ', ".");
        let text = |name: &str, value: &str| Attribute::new(name, [value]);
        let mut attributes = vec![
            Attribute::new("objectClass", ["top", "person", "organizationalPerson", "user"]),
            text("objectCategory", SCHEMA_PERSON),
            text("cn", display_name),
            text("displayName", display_name),
            text("givenName", given),
            text("sn", family),
            text("sAMAccountName", alias),
            text("userPrincipalName", address),
            text("mail", address),
            Attribute::new(
                "proxyAddresses",
                [format!("SMTP:{address}"), format!("smtp:{dotted}@{DOMAIN}"), format!("sip:{address}")],
            ),
            text("company", "Lab Example"),
            text("userAccountControl", "512"),
        ];
        if unit == "People" {
            attributes.extend([
                text("msRTCSIP-PrimaryUserAddress", &format!("sip:{address}")),
                text("msRTCSIP-UserEnabled", "TRUE"),
                text("telephoneNumber", &format!("+49 30 5550 {:04}", 1000 + number)),
                text("ipPhone", &format!("{}", 1000 + number)),
                text("department", DEPARTMENTS.get(number % DEPARTMENTS.len()).copied().unwrap_or("Sales")),
            ]);
        }
        self.create(format!("CN={display_name},OU={unit},{BASE}"), Some(alias.clone()), attributes);
    }

    fn create(&mut self, dn: String, alias: Option<String>, mut attributes: Vec<Attribute>) {
        self.usn += 1;
        let mut guid = *b"\x1a\xb0\x1a\xb0\x1a\xb0\x1a\x40\x80\x00LAB\0\0\0";
        let number = (self.objects.len() as u32).to_be_bytes();
        guid.iter_mut().rev().zip(number.iter().rev()).for_each(|(slot, byte)| *slot = *byte);
        attributes.push(Attribute::new("distinguishedName", [dn.as_str()]));
        attributes.push(Attribute::new("objectGUID", [guid]));
        self.objects.push(Object {
            entry: Entry { dn, attributes },
            usn: self.usn,
            deleted: false,
            guid,
            alias,
        });
    }
}
