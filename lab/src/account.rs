//! Who lives in the lab: users, the service account, the conference mailbox, and their passwords.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};

/// The lab's mail domain.
pub const DOMAIN: &str = "lab.example";
/// The Active Directory domain: who signs in as `alice@ad.lab.example` has the mail address `alice@lab.example`.
const AD_DOMAIN: &str = "ad.lab.example";
/// The password of every lab account.
pub const PASSWORD: &str = "lab-password";
/// The account that holds the ApplicationImpersonation role.
pub const SERVICE_ACCOUNT: &str = "svc-tieline";
/// The mailbox that receives invitations to virtual meeting rooms.
pub const CONFERENCE: &str = "conference";

const NAMED: [(&str, &str); 3] = [("alice", "Alice Adams"), ("bob", "Bob Brown"), ("carol", "Carol Clark")];

const ROOMS: [(&str, &str); 3] =
    [("room-berlin", "Room Berlin"), ("room-oslo", "Room Oslo"), ("room-quito", "Room Quito")];

/// One account with its mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The part before the `@`; also the logon name in `LAB\alias`.
    pub alias: String,
    /// Primary SMTP address and user principal name.
    pub address: String,
    /// Name shown to people.
    pub display_name: String,
    /// May act as any other mailbox through `ExchangeImpersonation`.
    pub may_impersonate: bool,
    /// Signed in as an application by token: it has no mailbox of its own and must name the one that it acts for.
    pub app_only: bool,
}

/// A distribution list of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionGroup {
    /// SMTP address.
    pub address: String,
    /// Name shown to people.
    pub display_name: String,
    /// Addresses of people, rooms and other lists.
    pub members: Vec<String>,
    /// A list of meeting rooms.
    pub of_rooms: bool,
}

/// Every account of the lab. Fixed while the lab runs.
#[derive(Clone, Debug)]
pub struct Directory {
    accounts: Vec<Account>,
    rooms: Vec<Account>,
    groups: Vec<DistributionGroup>,
    /// Where in [`Self::mailboxes`] an address is, in lower case.
    addresses: HashMap<String, usize>,
    /// Where in [`Self::accounts`] an alias or address is, in lower case.
    logons: HashMap<String, usize>,
}

impl Directory {
    /// `users` people (alice, bob, carol, user4 ...), the service account and the conference mailbox.
    pub fn new(users: usize) -> Self {
        let person = |index: usize| match NAMED.get(index) {
            Some((alias, name)) => account(alias, name, false),
            None => account(&format!("user{}", index + 1), &format!("User {}", index + 1), false),
        };
        let mut accounts: Vec<_> = (0..users.max(NAMED.len())).map(person).collect();
        accounts.push(account(SERVICE_ACCOUNT, "Tieline service account", true));
        accounts.push(account(CONFERENCE, "Conference rooms", false));
        let rooms: Vec<_> = ROOMS.iter().map(|(alias, name)| account(alias, name, false)).collect();
        let addresses = |accounts: &[Account]| accounts.iter().map(|one| one.address.clone()).collect();
        let people = accounts.get(..users.max(NAMED.len())).unwrap_or_default();
        let everyone = group("everyone", "Everyone", addresses(people));
        // A list within a list: expanding goes one level at a time.
        let mut staff = group("staff", "Staff", addresses(accounts.get(..2).unwrap_or_default()));
        staff.members.push(everyone.address.clone());
        let europe = addresses(rooms.get(..2).unwrap_or_default());
        let groups = vec![
            everyone,
            staff,
            DistributionGroup { of_rooms: true, ..group("rooms-europe", "Rooms in Europe", europe) },
            DistributionGroup { of_rooms: true, ..group("rooms", "All rooms", addresses(&rooms)) },
        ];
        let mut directory =
            Self { accounts, rooms, groups, addresses: HashMap::new(), logons: HashMap::new() };
        let addresses = directory.mailboxes().zip(0..).map(|(one, at)| (one.address.to_lowercase(), at));
        directory.addresses = addresses.collect();
        let names =
            |(one, at): (&Account, usize)| [(one.alias.to_lowercase(), at), (one.address.to_lowercase(), at)];
        directory.logons = directory.accounts.iter().zip(0..).flat_map(names).collect();
        directory
    }

    /// The meeting rooms; their mailboxes cannot be signed in to.
    pub fn rooms(&self) -> &[Account] {
        &self.rooms
    }

    /// The distribution lists.
    pub fn groups(&self) -> &[DistributionGroup] {
        &self.groups
    }

    /// Everything that has a mailbox: accounts and rooms.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().chain(&self.rooms)
    }

    /// The list with this SMTP address; case does not matter.
    pub fn group(&self, address: &str) -> Option<&DistributionGroup> {
        let address = strip_prefix_ignore_case(address.trim(), "smtp:");
        self.groups.iter().find(|group| group.address.eq_ignore_ascii_case(address))
    }

    /// The mailboxes behind addresses: members take the place of lists, however deep, everybody once.
    pub fn expand(&self, addresses: impl IntoIterator<Item = String>) -> std::collections::BTreeSet<String> {
        let mut waiting: Vec<_> = addresses.into_iter().collect();
        let mut seen = std::collections::BTreeSet::new();
        let mut found = std::collections::BTreeSet::new();
        while let Some(address) = waiting.pop() {
            let address = address.to_lowercase();
            match self.group(&address) {
                Some(group) if seen.insert(address.clone()) => waiting.extend(group.members.iter().cloned()),
                Some(_) => {}
                None => drop(found.insert(address)),
            }
        }
        found
    }

    /// All accounts in the order of creation.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The account with this SMTP address; case does not matter, an `smtp:` prefix is ignored.
    pub fn by_address(&self, address: &str) -> Option<&Account> {
        let address = strip_prefix_ignore_case(address.trim(), "smtp:");
        let at = *self.addresses.get(&address.to_lowercase())?;
        self.accounts.get(at).or_else(|| self.rooms.get(at.checked_sub(self.accounts.len())?))
    }

    /// Checks an `Authorization: Basic` header. User forms: `alice`, `LAB\alice`, `alice@lab.example`.
    pub fn authenticate(&self, authorization: &str) -> Option<&Account> {
        let (scheme, blob) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(blob.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        let account = self.by_logon(user)?;
        (password == PASSWORD).then_some(account)
    }

    /// The account with this logon name.
    pub(crate) fn by_logon(&self, user: &str) -> Option<&Account> {
        let alias = match user.split_once('\\') {
            Some((domain, alias)) if ["lab", DOMAIN].iter().any(|d| d.eq_ignore_ascii_case(domain)) => alias,
            Some(_) => return None,
            None => user,
        };
        // User principal names of the Active Directory domain are no mail addresses.
        let alias = alias
            .split_once('@')
            .filter(|(_, domain)| domain.eq_ignore_ascii_case(AD_DOMAIN))
            .map_or(alias, |(user, _)| user);
        self.accounts.get(*self.logons.get(&alias.to_lowercase())?)
    }

    /// Ambiguous name resolution: mailboxes whose alias, address or a word of whose name begins with `entry`.
    pub fn resolve(&self, entry: &str) -> Vec<&Account> {
        let hit = |account: &&Account| begins_with(&account.display_name, &account.address, entry);
        self.mailboxes().filter(hit).collect()
    }

    /// The same among the distribution lists.
    pub fn resolve_groups(&self, entry: &str) -> Vec<&DistributionGroup> {
        let hit = |group: &&DistributionGroup| begins_with(&group.display_name, &group.address, entry);
        self.groups.iter().filter(hit).collect()
    }
}

/// Whether the address, the name or a word of it begins with `entry`, whose prefix `smtp:` or `sip:` does not count.
pub(crate) fn begins_with(name: &str, address: &str, entry: &str) -> bool {
    let entry =
        strip_prefix_ignore_case(strip_prefix_ignore_case(entry.trim(), "smtp:"), "sip:").to_lowercase();
    let name = name.to_lowercase();
    !entry.is_empty()
        && (address.to_lowercase().starts_with(&entry)
            || name.starts_with(&entry)
            || name.split_whitespace().any(|word| word.starts_with(&entry)))
}

fn group(alias: &str, name: &str, members: Vec<String>) -> DistributionGroup {
    DistributionGroup {
        address: format!("{alias}@{DOMAIN}"),
        display_name: name.to_owned(),
        members,
        of_rooms: false,
    }
}

fn account(alias: &str, name: &str, may_impersonate: bool) -> Account {
    Account {
        alias: alias.to_owned(),
        address: format!("{alias}@{DOMAIN}"),
        display_name: name.to_owned(),
        may_impersonate,
        app_only: false,
    }
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> &'a str {
    match text.get(..prefix.len()) {
        Some(head) if head.eq_ignore_ascii_case(prefix) => text.get(prefix.len()..).unwrap_or_default(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }

    #[test]
    fn the_three_user_forms_sign_in() {
        let directory = Directory::new(4);
        for user in ["alice", "LAB\\alice", "lab.example\\Alice", "Alice@lab.example"] {
            let account = directory.authenticate(&basic(user, PASSWORD)).expect(user);
            assert_eq!(account.address, "alice@lab.example");
        }
        assert_eq!(directory.authenticate(&basic("alice", "wrong")), None);
        assert_eq!(directory.authenticate(&basic("OTHER\\alice", PASSWORD)), None);
        assert_eq!(directory.authenticate("Bearer abc"), None);
        assert_eq!(directory.authenticate("Basic %%%"), None);
    }

    #[test]
    fn lists_expand_to_everybody_once() {
        let directory = Directory::new(3);
        let staff = directory.group("SMTP:Staff@lab.example").expect("a list");
        assert_eq!(staff.members.len(), 3, "one level holds a list");
        let found = directory.expand(["staff@lab.example".to_owned(), "Alice@lab.example".to_owned()]);
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["alice", "bob", "carol"].map(|one| format!("{one}@{DOMAIN}"))
        );
        assert_eq!(directory.expand(["rooms@lab.example".to_owned()]).len(), 3);
    }

    #[test]
    fn names_resolve_by_prefix() {
        let directory = Directory::new(5);
        assert_eq!(directory.resolve("Adams").len(), 1);
        assert_eq!(directory.resolve("smtp:bob@").len(), 1);
        assert_eq!(directory.resolve("user").len(), 2);
        assert!(directory.resolve("nobody").is_empty());
        assert!(directory.resolve(" ").is_empty());
    }
}
