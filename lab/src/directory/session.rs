//! One connection's state, and the answers to its requests. No sockets.

use std::sync::atomic::Ordering;

use tieline_proto_ldap::{
    Attribute, Authentication, Control, DirSync, Entry, Message, Operation, Outcome, PagedResults,
    ResultCode, Scope, Search, oid,
};

use super::{
    State,
    matching::{is_in_scope, matches, normalised},
    people::{BASE, Object, People},
};
use crate::account::{DOMAIN, PASSWORD};

/// As Active Directory's `MaxPageSize`.
const MAX_PAGE: usize = 1000;
/// Objects of one DirSync answer.
const DIR_SYNC_ANSWER: usize = 100;

/// What becomes of the connection.
pub(super) enum Next {
    Answer(Vec<Message>),
    Close,
}

/// Who is signed in.
#[derive(Default)]
pub(super) struct Session {
    alias: Option<String>,
}

impl Session {
    pub(super) fn answer(&mut self, request: Message, state: &State) -> Next {
        let Message { id, operation, controls } = request;
        let one = |operation| Next::Answer(vec![Message::new(id, operation)]);
        match operation {
            Operation::Unbind => Next::Close,
            Operation::Abandon(_) => Next::Answer(Vec::new()),
            Operation::Bind { version, name, authentication } => {
                one(Operation::BindDone(self.bind(version, &name, &authentication, &state.people())))
            }
            Operation::Search(search) => Next::Answer(self.search(id, &search, &controls, state)),
            Operation::Extended { name, .. } => one(self.extended(&name)),
            // Their answers have the next tag, except that a deletion's request is a bare name.
            Operation::Other { tag } if matches!(tag, 0x66 | 0x68 | 0x6c | 0x6e | 0x4a) => {
                let outcome =
                    Outcome::failure(ResultCode::UNWILLING_TO_PERFORM, "the lab's directory is only read");
                one(Operation::OtherDone { tag: if tag == 0x4a { 0x6b } else { tag + 1 }, outcome })
            }
            _ => Next::Close,
        }
    }

    fn bind(
        &mut self,
        version: i64,
        name: &str,
        authentication: &Authentication,
        people: &People,
    ) -> Outcome {
        self.alias = None;
        if version != 3 {
            return Outcome::failure(ResultCode::PROTOCOL_ERROR, "only version 3 is spoken");
        }
        let Authentication::Simple(password) = authentication else {
            return Outcome::failure(ResultCode::AUTH_METHOD_NOT_SUPPORTED, "only simple binds are taken");
        };
        if password.expose().is_empty() {
            return Outcome::success();
        }
        match alias(name, people) {
            Some(alias) if password.expose() == PASSWORD.as_bytes() => {
                self.alias = Some(alias);
                Outcome::success()
            }
            _ => Outcome::failure(
                ResultCode::INVALID_CREDENTIALS,
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v4563",
            ),
        }
    }

    fn extended(&self, name: &str) -> Operation {
        let (outcome, value) = match (name, &self.alias) {
            (oid::WHO_AM_I, Some(alias)) => {
                (Outcome::success(), Some(format!("u:LAB\\{alias}").into_bytes()))
            }
            (oid::WHO_AM_I, None) => (Outcome::success(), Some(Vec::new())),
            (oid::START_TLS, _) => {
                (Outcome::failure(ResultCode::UNAVAILABLE, "the lab's directory has no TLS"), None)
            }
            _ => (Outcome::failure(ResultCode::PROTOCOL_ERROR, "unknown extended operation"), None),
        };
        Operation::ExtendedDone { outcome, name: None, value }
    }

    fn search(&self, id: i32, search: &Search, controls: &[Control], state: &State) -> Vec<Message> {
        let people = state.people();
        let (entries, outcome, controls) = if search.base.is_empty() && search.scope == Scope::Base {
            (vec![root(&people, search)], Outcome::success(), Vec::new())
        } else if self.alias.is_none() {
            let message = "000004DC: LdapErr: DSID-0C0907C2, comment: In order to perform this operation a \
                           successful bind must be completed on the connection., data 0, v4563";
            (Vec::new(), Outcome::failure(ResultCode::OPERATIONS_ERROR, message), Vec::new())
        } else {
            state.searches.fetch_add(1, Ordering::Relaxed);
            found(&people, search, controls)
        };
        let entries = entries.into_iter().map(|entry| Message::new(id, Operation::Entry(entry)));
        let done = Message::new(id, Operation::SearchDone(outcome)).with(controls);
        entries.chain([done]).collect()
    }
}

type Result = (Vec<Entry>, Outcome, Vec<Control>);

fn refused(code: ResultCode, message: &str) -> Result {
    (Vec::new(), Outcome::failure(code, message), Vec::new())
}

fn found(people: &People, search: &Search, controls: &[Control]) -> Result {
    let known = [oid::PAGED_RESULTS, oid::DIR_SYNC, oid::SHOW_DELETED];
    if controls.iter().any(|control| control.critical && !known.contains(&control.oid.as_str())) {
        return refused(ResultCode::UNAVAILABLE_CRITICAL_EXTENSION, "the control is not known here");
    }
    let (Ok(paging), Ok(dir_sync)) = (PagedResults::find(controls), DirSync::find(controls)) else {
        return refused(ResultCode::PROTOCOL_ERROR, "a control cannot be read");
    };
    let exists =
        people.objects.iter().any(|o| !o.deleted && normalised(&o.entry.dn) == normalised(&search.base));
    match (exists, dir_sync, paging) {
        (false, ..) => {
            refused(ResultCode::NO_SUCH_OBJECT, "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT)")
        }
        (true, Some(dir_sync), _) => changes(people, search, &dir_sync),
        (true, None, paging) => page(people, search, paging.as_ref()),
    }
}

fn page(people: &People, search: &Search, paging: Option<&PagedResults>) -> Result {
    let begin = paging.map_or(0, |paging| place(&paging.cookie));
    let wanted =
        paging.map_or(MAX_PAGE, |paging| usize::try_from(paging.size).unwrap_or(0).clamp(1, MAX_PAGE));
    let limit = usize::try_from(search.size_limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut hits = people.objects.iter().enumerate().skip(begin).filter(|(_, object)| {
        !object.deleted
            && is_in_scope(&object.entry.dn, &search.base, search.scope)
            && matches(&search.filter, object)
    });
    let taken: Vec<_> = hits.by_ref().take(wanted.min(limit)).collect();
    let more = hits.next().map(|(place, _)| place);
    let entries = taken.into_iter().map(|(_, object)| shown(object, search)).collect();
    let cookie = more.map(|place| (place as u64).to_be_bytes().to_vec()).unwrap_or_default();
    let outcome = match more {
        Some(_) if paging.is_none() || limit < wanted => {
            Outcome::failure(ResultCode::SIZE_LIMIT_EXCEEDED, "there is more")
        }
        _ => Outcome::success(),
    };
    let control = paging.map(|_| PagedResults { size: 0, cookie }.control(false));
    (entries, outcome, control.into_iter().collect())
}

/// As DirSync does, the first time everything, later the ids of what changed and of what is gone.
fn changes(people: &People, search: &Search, dir_sync: &DirSync) -> Result {
    if normalised(&search.base) != normalised(BASE) {
        return refused(ResultCode::UNWILLING_TO_PERFORM, "DirSync speaks of a whole naming context");
    }
    let since = place(&dir_sync.cookie) as u64;
    let mut behind: Vec<_> = people
        .objects
        .iter()
        .filter(|object| {
            object.usn > since && (since > 0 || !object.deleted) && matches(&search.filter, object)
        })
        .collect();
    behind.sort_by_key(|object| object.usn);
    let more = behind.len() > DIR_SYNC_ANSWER;
    behind.truncate(DIR_SYNC_ANSWER);
    let reached = if more { behind.last().map_or(people.usn, |object| object.usn) } else { people.usn };
    // The first round is over when the cookie's upper half says so: until then objects come with all they have.
    let entries =
        behind.into_iter().map(|object| changed(object, search, is_first(&dir_sync.cookie))).collect();
    let mut cookie = reached.to_be_bytes().to_vec();
    cookie.push(u8::from(more && is_first(&dir_sync.cookie)));
    let answer = DirSync { flags: i64::from(more), size: 0, cookie };
    (entries, Outcome::success(), vec![answer.control()])
}

fn is_first(cookie: &[u8]) -> bool {
    cookie.is_empty() || cookie.get(8) == Some(&1)
}

fn place(cookie: &[u8]) -> usize {
    let bytes = cookie.get(..8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, |bytes| usize::try_from(u64::from_be_bytes(bytes)).unwrap_or(usize::MAX))
}

fn changed(object: &Object, search: &Search, whole: bool) -> Entry {
    if whole {
        return shown(object, search);
    }
    let mut attributes = vec![Attribute::new("objectGUID", [object.guid])];
    if object.deleted {
        attributes.push(Attribute::new("isDeleted", ["TRUE"]));
    }
    let dn = if object.deleted {
        format!("CN=deleted,CN=Deleted Objects,{BASE}")
    } else {
        object.entry.dn.clone()
    };
    Entry { dn, attributes }
}

fn shown(object: &Object, search: &Search) -> Entry {
    let mut entry = object.entry.clone();
    entry.attributes.push(Attribute::new("uSNChanged", [object.usn.to_string()]));
    select(entry, search)
}

/// Leaves what was asked for (RFC 4511 section 4.5.1.8).
fn select(mut entry: Entry, search: &Search) -> Entry {
    let all = search.attributes.is_empty() || search.attributes.iter().any(|name| name == "*");
    entry.attributes.retain(|attribute| all || search.attributes.iter().any(|name| attribute.is(name)));
    if search.types_only {
        entry.attributes.iter_mut().for_each(|attribute| attribute.values.clear());
    }
    entry
}

fn root(people: &People, search: &Search) -> Entry {
    let text = |name: &str, value: String| Attribute::new(name, [value]);
    let attributes = vec![
        Attribute::new("objectClass", ["top"]),
        Attribute::new("namingContexts", [BASE]),
        Attribute::new("defaultNamingContext", [BASE]),
        text("dnsHostName", format!("dc.{DOMAIN}")),
        text("dsServiceName", people.service()),
        text("highestCommittedUSN", people.usn.to_string()),
        Attribute::new("supportedLDAPVersion", ["3"]),
        Attribute::new("supportedControl", [oid::PAGED_RESULTS, oid::DIR_SYNC, oid::SHOW_DELETED]),
        Attribute::new("supportedCapabilities", [oid::ACTIVE_DIRECTORY]),
        Attribute::new("supportedExtension", [oid::WHO_AM_I]),
    ];
    // `+` asks for the operational attributes, and these are some.
    if search.attributes.iter().any(|name| name == "+") {
        return Entry { dn: String::new(), attributes };
    }
    select(Entry { dn: String::new(), attributes }, search)
}

/// `CN=…`, `alias@lab.example`, `LAB\alias`.
fn alias(name: &str, people: &People) -> Option<String> {
    let plain = name.to_lowercase();
    let suffix = format!("@{DOMAIN}");
    let by_name = plain.strip_prefix("lab\\").or_else(|| plain.strip_suffix(&suffix));
    let is = |object: &&Object| {
        !object.deleted && object.alias.is_some() && {
            let alias = object.alias.as_deref();
            by_name.is_some() && alias == by_name || normalised(&object.entry.dn) == normalised(&plain)
        }
    };
    people.objects.iter().find(is)?.alias.clone()
}
