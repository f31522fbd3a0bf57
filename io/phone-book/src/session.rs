//! One connection's state, and the answers to its requests. No sockets.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tieline_proto_ldap::{
    Attribute, Authentication, Control, Entry, Message, Operation, Outcome, PagedResults, ResultCode, Scope,
    Search, oid,
};

use crate::listing::Listing;
use crate::search::{is_bearable, normalised, selected};
use crate::{Access, Books};

/// The name of the shared books in the tree.
const SHARED: &str = "shared";
/// The longest number that is looked up.
const LONGEST_NUMBER: usize = 32;

/// What becomes of the connection.
#[derive(Debug)]
pub(crate) enum Next {
    /// Send these and go on.
    Answer(Vec<Message>),
    /// Send these, wait because a password was wrong, and go on.
    Wrong(Vec<Message>),
    /// Send these; what comes after is TLS.
    Secure(Vec<Message>),
    /// End it.
    Close,
}

/// Whether the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// No, and it cannot be.
    None,
    /// Not yet: StartTLS is offered.
    Offered,
    /// By TLS.
    Tls,
}

/// A listing that is given in pages; one for each connection.
struct Paged {
    search: Search,
    listing: Listing,
    cookie: Vec<u8>,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// The configuration's account.
    Account,
    /// The telephones of a mailbox, by its number.
    Mailbox(String),
}

/// One connection.
pub(crate) struct Session {
    access: Arc<Access>,
    books: Arc<dyn Books>,
    caller: Caller,
    protection: Protection,
    paged: Option<Paged>,
    /// Pages given, for the next cookie.
    pages: u64,
}

impl Session {
    pub(crate) fn new(access: Arc<Access>, books: Arc<dyn Books>, protection: Protection) -> Self {
        Self { access, books, caller: Caller::Anonymous, protection, paged: None, pages: 0 }
    }

    /// TLS has begun. Whoever bound before did so where others could have spoken for them.
    pub(crate) fn secured(&mut self) {
        (self.caller, self.protection, self.paged) = (Caller::Anonymous, Protection::Tls, None);
    }

    pub(crate) async fn answer(&mut self, request: Message) -> Next {
        let Message { id, operation, controls } = request;
        let one = |operation| vec![Message::new(id, operation)];
        match operation {
            Operation::Unbind => Next::Close,
            Operation::Abandon(_) => Next::Answer(Vec::new()),
            Operation::Bind { version, name, authentication } => {
                let outcome = self.bind(version, &name, &authentication).await;
                let wrong = outcome.code == ResultCode::INVALID_CREDENTIALS;
                let answer = one(Operation::BindDone(outcome));
                if wrong { Next::Wrong(answer) } else { Next::Answer(answer) }
            }
            Operation::Search(search) => {
                let (entries, outcome, control) = self.search(*search, &controls).await;
                let found = entries.into_iter().map(|entry| Message::new(id, Operation::Entry(entry)));
                let done = Message::new(id, Operation::SearchDone(outcome)).with(control);
                Next::Answer(found.chain([done]).collect())
            }
            Operation::Extended { name, .. } if name == oid::START_TLS => {
                let outcome = self.start_tls();
                let secure = outcome.code == ResultCode::SUCCESS;
                let answer = one(Operation::ExtendedDone {
                    outcome,
                    name: Some(oid::START_TLS.to_owned()),
                    value: None,
                });
                if secure { Next::Secure(answer) } else { Next::Answer(answer) }
            }
            Operation::Extended { name, .. } => Next::Answer(one(self.extended(&name))),
            // The answers to what would write have the next tag, except that a deletion's request is a bare name.
            Operation::Other { tag } if matches!(tag, 0x66 | 0x68 | 0x6c | 0x6e | 0x4a) => {
                let outcome =
                    Outcome::failure(ResultCode::UNWILLING_TO_PERFORM, "this directory is only read");
                let tag = if tag == 0x4a { 0x6b } else { tag + 1 };
                Next::Answer(one(Operation::OtherDone { tag, outcome }))
            }
            _ => Next::Close,
        }
    }

    async fn bind(&mut self, version: i64, name: &str, authentication: &Authentication) -> Outcome {
        (self.caller, self.paged) = (Caller::Anonymous, None);
        if version != 3 {
            return Outcome::failure(ResultCode::PROTOCOL_ERROR, "only version 3 is spoken");
        }
        let Authentication::Simple(password) = authentication else {
            return Outcome::failure(ResultCode::AUTH_METHOD_NOT_SUPPORTED, "only simple binds are taken");
        };
        // A name without a password is nobody's (RFC 4513 section 5.1.2).
        if name.is_empty() != password.expose().is_empty() {
            return Outcome::failure(ResultCode::UNWILLING_TO_PERFORM, "a name goes with its password");
        }
        if name.is_empty() {
            // Everybody may read the root entry; what else, the search decides.
            return Outcome::success();
        }
        match self.identify(name, password.expose()).await {
            Ok(Some(caller)) => {
                self.caller = caller;
                Outcome::success()
            }
            Ok(None) => Outcome::failure(ResultCode::INVALID_CREDENTIALS, "wrong name or password"),
            Err(outcome) => outcome,
        }
    }

    async fn identify(&self, name: &str, password: &[u8]) -> Result<Option<Caller>, Outcome> {
        let wanted = normalised(name);
        if let Some((account, secret)) = &self.access.account
            && normalised(account) == wanted
        {
            return Ok(is_same(secret, password).then_some(Caller::Account));
        }
        let base = normalised(&self.access.base);
        let number = wanted.strip_suffix(&base).and_then(|rest| rest.strip_suffix(','));
        let number = number.and_then(|rest| rest.strip_prefix("uid="));
        let Some(number) = number.filter(|number| (1..=LONGEST_NUMBER).contains(&number.len())) else {
            return Ok(None);
        };
        let secret = self.books.password(number).await.map_err(|refusal| unavailable(&refusal))?;
        Ok(secret.filter(|secret| is_same(secret, password)).map(|_| Caller::Mailbox(number.to_owned())))
    }

    /// RFC 4511 section 4.14.2.
    fn start_tls(&self) -> Outcome {
        match self.protection {
            Protection::Offered => Outcome::success(),
            Protection::Tls => Outcome::failure(ResultCode::OPERATIONS_ERROR, "TLS has begun already"),
            Protection::None => Outcome::failure(ResultCode::PROTOCOL_ERROR, "StartTLS is not offered here"),
        }
    }

    fn extended(&self, name: &str) -> Operation {
        let (outcome, value) = match (name, &self.caller) {
            (oid::WHO_AM_I, Caller::Anonymous) => (Outcome::success(), Some(Vec::new())),
            (oid::WHO_AM_I, Caller::Account) => {
                let account = self.access.account.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default();
                (Outcome::success(), Some(format!("dn:{account}").into_bytes()))
            }
            (oid::WHO_AM_I, Caller::Mailbox(number)) => {
                (Outcome::success(), Some(format!("dn:uid={number},{}", self.access.base).into_bytes()))
            }
            _ => (Outcome::failure(ResultCode::PROTOCOL_ERROR, "unknown extended operation"), None),
        };
        Operation::ExtendedDone { outcome, name: None, value }
    }

    async fn search(
        &mut self,
        search: Search,
        controls: &[Control],
    ) -> (Vec<Entry>, Outcome, Option<Control>) {
        let alone = |outcome| (Vec::new(), outcome, None);
        if search.base.is_empty() && search.scope == Scope::Base {
            return (vec![selected(&self.root(), &search)], Outcome::success(), None);
        }
        let refused = |code, message: &str| alone(Outcome::failure(code, message));
        if self.caller == Caller::Anonymous && !self.access.anonymous {
            return refused(ResultCode::INSUFFICIENT_ACCESS_RIGHTS, "bind with a name and password first");
        }
        if controls.iter().any(|control| control.critical && control.oid != oid::PAGED_RESULTS) {
            return refused(ResultCode::UNAVAILABLE_CRITICAL_EXTENSION, "this control is not known here");
        }
        if !is_bearable(&search.filter) {
            return refused(ResultCode::ADMIN_LIMIT_EXCEEDED, "the filter is too large");
        }
        let done = match PagedResults::find(controls) {
            Ok(None) => self.at_once(&search).await.map(|(found, outcome)| (found, outcome, None)),
            Ok(Some(asked)) => self.page(search, &asked).await,
            Err(_) => return refused(ResultCode::PROTOCOL_ERROR, "the paging control cannot be read"),
        };
        done.unwrap_or_else(alone)
    }

    /// Everything in one answer, or as much as one may hold.
    async fn at_once(&self, search: &Search) -> Result<(Vec<Entry>, Outcome), Outcome> {
        let limit = size_limit(search).min(self.access.most_entries);
        let (found, more) = self.listing(search).await?.take(search, limit);
        let outcome = match more {
            true => Outcome::failure(ResultCode::SIZE_LIMIT_EXCEEDED, "there is more"),
            false => Outcome::success(),
        };
        Ok((found, outcome))
    }

    /// The next page (RFC 2696 section 3).
    async fn page(
        &mut self,
        search: Search,
        asked: &PagedResults,
    ) -> Result<(Vec<Entry>, Outcome, Option<Control>), Outcome> {
        let before = self.paged.take();
        let last = |outcome| (Vec::new(), outcome, Some(PagedResults::default().control(false)));
        let mut listing = match (asked.cookie.is_empty(), before) {
            (true, _) => self.listing(&search).await?,
            // The caller has seen enough.
            (false, Some(before)) if before.cookie == asked.cookie && asked.size == 0 => {
                return Ok(last(Outcome::success()));
            }
            (false, Some(before)) if before.cookie == asked.cookie && before.search == search => {
                before.listing
            }
            (false, _) => {
                let why = "this listing is over; begin it anew";
                return Err(Outcome::failure(ResultCode::UNWILLING_TO_PERFORM, why));
            }
        };
        let size = usize::try_from(asked.size).unwrap_or(0).min(self.access.most_entries);
        let left = size_limit(&search).saturating_sub(listing.given());
        let (found, more) = listing.take(&search, size.min(left));
        if more && size >= left {
            let outcome = Outcome::failure(ResultCode::SIZE_LIMIT_EXCEEDED, "there is more");
            return Ok((found, outcome, Some(PagedResults::default().control(false))));
        }
        let mut answer = PagedResults::default();
        if more {
            self.pages = self.pages.wrapping_add(1);
            answer.cookie = self.pages.to_be_bytes().to_vec();
            self.paged = Some(Paged { search, listing, cookie: answer.cookie.clone() });
        }
        Ok((found, Outcome::success(), Some(answer.control(false))))
    }

    /// What a search goes through, as it stands now.
    async fn listing(&self, search: &Search) -> Result<Listing, Outcome> {
        let mut listing = Listing::default();
        for (book, numbers) in self.books_below(search)? {
            listing.node(Entry {
                dn: book.dn.clone(),
                attributes: vec![
                    Attribute::new("objectClass", ["top", "organizationalUnit"]),
                    Attribute::new("ou", [book.name.as_str()]),
                ],
            });
            for number in numbers {
                let contacts = self.books.book(&number).await.map_err(|refusal| unavailable(&refusal))?;
                contacts.into_iter().for_each(|contacts| listing.contacts(&book.dn, contacts));
            }
        }
        Ok(listing)
    }

    /// The books that the search may reach and the caller may see, each with the mailboxes whose contacts are in it.
    fn books_below(&self, search: &Search) -> Result<Vec<(Book, Vec<String>)>, Outcome> {
        let (base, wanted) = (normalised(&self.access.base), normalised(&search.base));
        let mut books = vec![(self.book(SHARED), self.access.shared.clone())];
        if let Caller::Mailbox(number) = &self.caller {
            books.push((self.book(number), vec![number.clone()]));
        }
        if wanted == base {
            return Ok(books);
        }
        books.retain(|(book, _)| {
            let book = normalised(&book.dn);
            wanted == book || wanted.strip_suffix(&book).is_some_and(|rest| rest.ends_with(','))
        });
        if books.is_empty() {
            // The same answer for a book that is not there and for one that is somebody else's.
            let outcome =
                Outcome::failure(ResultCode::NO_SUCH_OBJECT, "there is no such book, or it is not yours");
            return Err(Outcome { matched_dn: self.access.base.clone(), ..outcome });
        }
        Ok(books)
    }

    fn book(&self, name: &str) -> Book {
        Book { name: name.to_owned(), dn: format!("ou={name},{}", self.access.base) }
    }

    fn root(&self) -> Entry {
        let secure = (self.protection == Protection::Offered).then_some(oid::START_TLS);
        let extensions: Vec<&str> = [oid::WHO_AM_I].into_iter().chain(secure).collect();
        Entry {
            dn: String::new(),
            attributes: vec![
                Attribute::new("objectClass", ["top"]),
                Attribute::new("namingContexts", [self.access.base.as_str()]),
                Attribute::new("supportedLDAPVersion", ["3"]),
                Attribute::new("supportedExtension", extensions),
                Attribute::new("supportedControl", [oid::PAGED_RESULTS]),
                Attribute::new("vendorName", ["Tieline"]),
            ],
        }
    }
}

/// A book's place in the tree.
struct Book {
    name: String,
    dn: String,
}

/// The most entries that the caller wants.
fn size_limit(search: &Search) -> usize {
    usize::try_from(search.size_limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX)
}

/// Compares in a time that tells nothing of where they differ.
fn is_same(secret: &SecretString, password: &[u8]) -> bool {
    let secret = secret.expose_secret().as_bytes();
    let differing = secret.iter().zip(password).fold(0_u8, |differing, (a, b)| differing | (a ^ b));
    !secret.is_empty() && secret.len() == password.len() && differing == 0
}

fn unavailable(refusal: &tieline_model::Refusal) -> Outcome {
    tracing::warn!(%refusal, "a telephone's look-up could not be answered");
    Outcome::failure(ResultCode::UNAVAILABLE, "the contacts cannot be read at present")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BookFuture;
    use proptest::prelude::*;
    use tieline_model::Contact;
    use tieline_proto_ldap::{Filter, Password};

    struct Two;

    impl Books for Two {
        fn book<'a>(&'a self, number: &'a str) -> BookFuture<'a, Option<Arc<Vec<crate::Listed>>>> {
            let named = |id: &str, name: &str| {
                (id.to_owned(), Contact { display_name: name.to_owned(), ..Contact::default() })
            };
            let book = match number {
                "1000" => Some(vec![named("ct_a", "Service desk"), named("ct_b", "Reception")]),
                "1001" => Some(vec![named("ct_c", "Grandmother")]),
                _ => None,
            };
            Box::pin(async move { Ok(book.map(Arc::new)) })
        }

        fn password<'a>(&'a self, number: &'a str) -> BookFuture<'a, Option<SecretString>> {
            let known =
                (number == "1001" || number == "1002").then(|| SecretString::from(format!("pw-{number}")));
            Box::pin(async move { Ok(known) })
        }
    }

    fn session(anonymous: bool) -> Session {
        let access = Access {
            base: "o=tieline".to_owned(),
            shared: vec!["1000".to_owned()],
            account: Some(("cn=phones,o=tieline".to_owned(), SecretString::from("phones"))),
            anonymous,
            most_entries: 100,
        };
        Session::new(Arc::new(access), Arc::new(Two), Protection::None)
    }

    fn ask(session: &mut Session, operation: Operation) -> Vec<Message> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        match runtime.block_on(session.answer(Message::new(7, operation))) {
            Next::Answer(messages) | Next::Wrong(messages) | Next::Secure(messages) => messages,
            Next::Close => Vec::new(),
        }
    }

    fn bind(session: &mut Session, name: &str, password: &str) -> ResultCode {
        let authentication = Authentication::Simple(Password::new(password));
        let answer = ask(session, Operation::Bind { version: 3, name: name.to_owned(), authentication });
        match answer.first().map(|message| &message.operation) {
            Some(Operation::BindDone(outcome)) => outcome.code,
            other => panic!("{other:?}"),
        }
    }

    fn names(session: &mut Session, base: &str, size_limit: i32) -> (Vec<String>, ResultCode) {
        let search = Search {
            base: base.to_owned(),
            scope: Scope::Subtree,
            size_limit,
            time_limit: 0,
            types_only: false,
            filter: Filter::Present("displayName".to_owned()),
            attributes: Vec::new(),
        };
        let mut answers = ask(session, Operation::Search(Box::new(search)));
        let Some(Operation::SearchDone(outcome)) = answers.pop().map(|message| message.operation) else {
            panic!()
        };
        let name = |message: Message| match message.operation {
            Operation::Entry(entry) => entry.text("cn").unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        };
        (answers.into_iter().map(name).collect(), outcome.code)
    }

    #[test]
    fn everybody_sees_their_own_book_and_the_shared_one() {
        let mut telephone = session(false);
        assert_eq!(names(&mut telephone, "o=tieline", 0).1, ResultCode::INSUFFICIENT_ACCESS_RIGHTS);
        assert_eq!(bind(&mut telephone, "uid=1001, O=Tieline", "pw-1001"), ResultCode::SUCCESS);
        let (all, done) = names(&mut telephone, "o=tieline", 0);
        assert_eq!(
            (all, done),
            (["Service desk", "Reception", "Grandmother"].map(str::to_owned).to_vec(), ResultCode::SUCCESS)
        );
        assert_eq!(names(&mut telephone, "ou=1001,o=tieline", 0).0, ["Grandmother"]);
        assert_eq!(
            names(&mut telephone, "ou=1002,o=tieline", 0).1,
            ResultCode::NO_SUCH_OBJECT,
            "somebody else's"
        );
        assert_eq!(names(&mut telephone, "o=tieline", 2).1, ResultCode::SIZE_LIMIT_EXCEEDED);
        // A bind that fails makes nobody of the caller.
        assert_eq!(bind(&mut telephone, "uid=1001,o=tieline", "pw-1002"), ResultCode::INVALID_CREDENTIALS);
        assert_eq!(names(&mut telephone, "o=tieline", 0).1, ResultCode::INSUFFICIENT_ACCESS_RIGHTS);

        let mut account = session(false);
        assert_eq!(bind(&mut account, "cn=phones,o=tieline", "phones"), ResultCode::SUCCESS);
        assert_eq!(names(&mut account, "o=tieline", 0).0, ["Service desk", "Reception"]);
        assert_eq!(names(&mut account, "ou=1001,o=tieline", 0).1, ResultCode::NO_SUCH_OBJECT);
        for (name, password) in [
            ("cn=phones,o=tieline", ""),
            ("", "phones"),
            ("uid=,o=tieline", "x"),
            ("uid=1001,o=tieline", "pw"),
        ] {
            assert_ne!(bind(&mut account, name, password), ResultCode::SUCCESS, "{name} {password}");
        }
        let mut nobody = session(true);
        assert_eq!(names(&mut nobody, "o=tieline", 0).0, ["Service desk", "Reception"]);
    }

    /// One page: the names, the cookie for the next one, and how it ended.
    fn page(
        session: &mut Session,
        size: i32,
        cookie: &[u8],
        size_limit: i32,
    ) -> (Vec<String>, Vec<u8>, ResultCode) {
        let search = Search {
            base: "o=tieline".to_owned(),
            scope: Scope::Subtree,
            size_limit,
            time_limit: 0,
            types_only: false,
            filter: Filter::Present("displayName".to_owned()),
            attributes: Vec::new(),
        };
        let asked = PagedResults { size, cookie: cookie.to_vec() }.control(true);
        let message = Message::new(7, Operation::Search(Box::new(search))).with([asked]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let Next::Answer(mut answers) = runtime.block_on(session.answer(message)) else { panic!() };
        let done = answers.pop().unwrap();
        let Operation::SearchDone(outcome) = done.operation else { panic!() };
        let cookie = PagedResults::find(&done.controls).unwrap().unwrap_or_default().cookie;
        let name = |message: Message| match message.operation {
            Operation::Entry(entry) => entry.text("cn").unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        };
        (answers.into_iter().map(name).collect(), cookie, outcome.code)
    }

    /// RFC 2696 section 3: pages to the end, a sequence that is given up, and cookies of nobody's.
    #[test]
    fn a_listing_is_given_in_pages() {
        let mut telephone = session(false);
        bind(&mut telephone, "uid=1001,o=tieline", "pw-1001");
        let (first, cookie, done) = page(&mut telephone, 2, b"", 0);
        assert_eq!(
            (first.as_slice(), done),
            (&["Service desk", "Reception"].map(str::to_owned)[..], ResultCode::SUCCESS)
        );
        assert!(!cookie.is_empty());
        let (rest, end, done) = page(&mut telephone, 2, &cookie, 0);
        assert_eq!((rest, end, done), (vec!["Grandmother".to_owned()], Vec::new(), ResultCode::SUCCESS));
        assert_eq!(page(&mut telephone, 2, &cookie, 0).2, ResultCode::UNWILLING_TO_PERFORM, "it is over");

        let (_, cookie, _) = page(&mut telephone, 1, b"", 0);
        assert_eq!(
            page(&mut telephone, 0, &cookie, 0),
            (Vec::new(), Vec::new(), ResultCode::SUCCESS),
            "given up"
        );
        assert_eq!(page(&mut telephone, 1, &cookie, 0).2, ResultCode::UNWILLING_TO_PERFORM);
        let (_, cookie, _) = page(&mut telephone, 1, b"", 0);
        assert_eq!(page(&mut telephone, 1, &cookie, 9).2, ResultCode::UNWILLING_TO_PERFORM, "another search");
        let (some, cookie, done) = page(&mut telephone, 2, b"", 1);
        assert_eq!((some.len(), cookie, done), (1, Vec::new(), ResultCode::SIZE_LIMIT_EXCEEDED));
        let (_, cookie, _) = page(&mut telephone, 1, b"", 0);
        bind(&mut telephone, "cn=phones,o=tieline", "phones");
        assert_eq!(
            page(&mut telephone, 1, &cookie, 0).2,
            ResultCode::UNWILLING_TO_PERFORM,
            "somebody else's"
        );
    }

    #[test]
    fn tls_begins_once_and_only_where_it_is_offered() {
        let asked = || Operation::Extended { name: oid::START_TLS.to_owned(), value: None };
        let code = |session: &mut Session| match ask(session, asked()).pop().map(|answer| answer.operation) {
            Some(Operation::ExtendedDone { outcome, .. }) => outcome.code,
            other => panic!("{other:?}"),
        };
        let mut plain = session(false);
        assert_eq!(code(&mut plain), ResultCode::PROTOCOL_ERROR);
        plain.protection = Protection::Offered;
        bind(&mut plain, "cn=phones,o=tieline", "phones");
        assert_eq!(code(&mut plain), ResultCode::SUCCESS);
        plain.secured();
        assert_eq!(code(&mut plain), ResultCode::OPERATIONS_ERROR);
        assert_eq!(
            names(&mut plain, "o=tieline", 0).1,
            ResultCode::INSUFFICIENT_ACCESS_RIGHTS,
            "nobody again"
        );
    }

    #[test]
    fn nothing_is_written() {
        let mut telephone = session(true);
        for tag in [0x66, 0x68, 0x6c, 0x4a] {
            let answer = ask(&mut telephone, Operation::Other { tag });
            let Some(Operation::OtherDone { outcome, .. }) = answer.first().map(|one| &one.operation) else {
                panic!()
            };
            assert_eq!(outcome.code, ResultCode::UNWILLING_TO_PERFORM);
        }
    }

    proptest! {
        /// Whatever a telephone sends: an answer or an end, and never somebody else's book.
        #[test]
        fn any_bytes_are_answered_or_end_the_connection(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(message) = Message::decode(&bytes) {
                let mut telephone = session(true);
                let answers = ask(&mut telephone, message.operation);
                let private = format!("{answers:?}").contains("Grandmother");
                prop_assert!(!private);
            }
        }
    }
}
