//! `LDAPMessage` (RFC 4511 section 4.1.1) and its operations.

use crate::ber::{BerError, Reader, Writer, boolean, tag, text};
use crate::control::Control;
use crate::entry::Entry;
use crate::filter::Filter;
use crate::outcome::Outcome;
use crate::password::Password;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Ties answers to their request; 0 is the server speaking unasked.
    pub id: i32,
    /// What it is about.
    pub operation: Operation,
    /// Additions to it.
    pub controls: Vec<Control>,
}

/// Requests and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Who is calling.
    Bind {
        /// The protocol's version, 3.
        version: i64,
        /// Distinguished name; Active Directory takes `user@domain` and `DOMAIN\user` as well. Empty: anonymous.
        name: String,
        /// Its proof.
        authentication: Authentication,
    },
    /// Answer to a bind.
    BindDone(Outcome),
    /// The end.
    Unbind,
    /// A search.
    Search(Box<Search>),
    /// One entry found.
    Entry(Entry),
    /// Another part of the tree is elsewhere.
    Reference(Vec<String>),
    /// The search is over.
    SearchDone(Outcome),
    /// Forget a request.
    Abandon(i32),
    /// An operation beyond the standard ones.
    Extended {
        /// Its object identifier.
        name: String,
        /// As it defines.
        value: Option<Vec<u8>>,
    },
    /// Answer to one, or a notice.
    ExtendedDone {
        /// How it ended.
        outcome: Outcome,
        /// Its object identifier.
        name: Option<String>,
        /// As it defines.
        value: Option<Vec<u8>>,
    },
    /// A request that this crate does not read (compare, modify, add, delete, rename); the tag is RFC 4511's.
    Other {
        /// Identifier byte.
        tag: u8,
    },
    /// Answer to one of those.
    OtherDone {
        /// Identifier byte.
        tag: u8,
        /// How it ended.
        outcome: Outcome,
    },
}

/// The proof of a bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// A password. Empty: the server takes the caller for anonymous, whatever the name (RFC 4513 section 5.1.2).
    Simple(Password),
    /// Another mechanism, which is not read further.
    Sasl {
        /// Its name.
        mechanism: String,
    },
}

/// What a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The base alone.
    Base,
    /// Its children.
    OneLevel,
    /// The base and everything below it.
    Subtree,
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Where it begins.
    pub base: String,
    /// How far it goes.
    pub scope: Scope,
    /// The most entries; 0: as many as the server gives.
    pub size_limit: i32,
    /// Seconds; 0: as long as the server gives.
    pub time_limit: i32,
    /// Names without values.
    pub types_only: bool,
    /// Which entries.
    pub filter: Filter,
    /// Which attributes; none: all user attributes. `*`, `+` and `1.1` have their meaning.
    pub attributes: Vec<String>,
}

impl Message {
    /// A message without controls.
    #[must_use]
    pub const fn new(id: i32, operation: Operation) -> Self {
        Self { id, operation, controls: Vec::new() }
    }

    /// Adds controls.
    #[must_use]
    pub fn with(mut self, controls: impl IntoIterator<Item = Control>) -> Self {
        self.controls.extend(controls);
        self
    }

    /// The bytes. [`Operation::Other`] has no content.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.around(tag::SEQUENCE, |message| {
            message.number(tag::INTEGER, i64::from(self.id));
            self.operation.write(message);
            if !self.controls.is_empty() {
                message.around(tag::context_constructed(0), |list| {
                    self.controls.iter().for_each(|c| c.write(list))
                });
            }
        });
        writer.into_bytes()
    }

    /// Reads one message; `bytes` are cut by [`crate::frame_length`].
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, BerError> {
        let mut message = Reader::new(bytes).inside(tag::SEQUENCE)?;
        let id = message.count(tag::INTEGER)?;
        let operation = Operation::read(&mut message)?;
        let mut controls = Vec::new();
        if let Some(content) = message.optional(tag::context_constructed(0))? {
            let mut list = Reader::new(content);
            while !list.is_empty() {
                controls.push(Control::read(&mut list)?);
            }
        }
        // Active Directory puts the name of a Notice of Disconnection behind the operation; what follows is ignored.
        Ok(Self { id, operation, controls })
    }
}

const fn application(number: u8) -> u8 {
    0x60 | number
}

impl Operation {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Bind { version, name, authentication } => writer.around(application(0), |bind| {
                bind.number(tag::INTEGER, *version);
                bind.octets(name);
                match authentication {
                    Authentication::Simple(password) => bind.primitive(tag::context(0), password.expose()),
                    Authentication::Sasl { mechanism } => {
                        bind.around(tag::context_constructed(3), |sasl| sasl.octets(mechanism));
                    }
                }
            }),
            Self::BindDone(outcome) => writer.around(application(1), |done| outcome.write(done)),
            Self::Unbind => writer.primitive(0x42, &[]),
            Self::Search(search) => writer.around(application(3), |inner| search.write(inner)),
            Self::Entry(entry) => writer.around(application(4), |inner| entry.write(inner)),
            Self::SearchDone(outcome) => writer.around(application(5), |done| outcome.write(done)),
            Self::Abandon(id) => writer.number(0x50, i64::from(*id)),
            Self::Reference(uris) => {
                writer.around(application(19), |list| uris.iter().for_each(|uri| list.octets(uri)));
            }
            Self::Extended { name, value } => writer.around(application(23), |inner| {
                inner.primitive(tag::context(0), name.as_bytes());
                value.iter().for_each(|value| inner.primitive(tag::context(1), value));
            }),
            Self::ExtendedDone { outcome, name, value } => writer.around(application(24), |inner| {
                outcome.write(inner);
                name.iter().for_each(|name| inner.primitive(tag::context(10), name.as_bytes()));
                value.iter().for_each(|value| inner.primitive(tag::context(11), value));
            }),
            Self::Other { tag } => writer.primitive(*tag, &[]),
            Self::OtherDone { tag, outcome } => writer.around(*tag, |done| outcome.write(done)),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, BerError> {
        let (found, content) = reader.element()?;
        let mut inside = Reader::new(content);
        Ok(match found {
            0x60 => Self::read_bind(inside)?,
            0x61 => Self::BindDone(Outcome::read(&mut inside)?),
            0x42 => Self::Unbind,
            0x63 => Self::Search(Box::new(Search::read(inside)?)),
            0x64 => Self::Entry(Entry::read(&mut inside)?),
            0x65 => Self::SearchDone(Outcome::read(&mut inside)?),
            0x73 => {
                let mut uris = Vec::new();
                while !inside.is_empty() {
                    uris.push(inside.text()?);
                }
                Self::Reference(uris)
            }
            0x77 => Self::Extended {
                name: text(inside.expect(tag::context(0))?)?,
                value: inside.optional(tag::context(1))?.map(<[u8]>::to_vec),
            },
            0x78 => Self::ExtendedDone {
                outcome: Outcome::read(&mut inside)?,
                name: inside.optional(tag::context(10))?.map(text).transpose()?,
                value: inside.optional(tag::context(11))?.map(<[u8]>::to_vec),
            },
            // An integer without a tag of its own.
            0x50 => {
                let id = content.iter().fold(0_i64, |id, &byte| (id << 8) | i64::from(byte));
                Self::Abandon(i32::try_from(id).map_err(|_| BerError::Range("a message id"))?)
            }
            tag @ (0x67 | 0x69 | 0x6b | 0x6d | 0x6f) => {
                Self::OtherDone { tag, outcome: Outcome::read(&mut inside)? }
            }
            tag => Self::Other { tag },
        })
    }

    fn read_bind(mut reader: Reader<'_>) -> Result<Self, BerError> {
        let version = reader.number(tag::INTEGER)?;
        let name = reader.text()?;
        let authentication = match reader.element()? {
            (0x80, password) => Authentication::Simple(Password::new(password)),
            (0xa3, sasl) => Authentication::Sasl { mechanism: Reader::new(sasl).text()? },
            (found, _) => return Err(BerError::Tag { expected: 0x80, found }),
        };
        Ok(Self::Bind { version, name, authentication })
    }
}

impl Search {
    fn write(&self, writer: &mut Writer) {
        writer.octets(&self.base);
        writer.number(tag::ENUMERATED, self.scope as i64);
        // neverDerefAliases
        writer.number(tag::ENUMERATED, 0);
        writer.number(tag::INTEGER, i64::from(self.size_limit));
        writer.number(tag::INTEGER, i64::from(self.time_limit));
        writer.boolean(tag::BOOLEAN, self.types_only);
        self.filter.write(writer);
        writer.around(tag::SEQUENCE, |list| self.attributes.iter().for_each(|name| list.octets(name)));
    }

    fn read(mut reader: Reader<'_>) -> Result<Self, BerError> {
        let base = reader.text()?;
        let scope = match reader.number(tag::ENUMERATED)? {
            0 => Scope::Base,
            1 => Scope::OneLevel,
            2 => Scope::Subtree,
            _ => return Err(BerError::Range("the scope of a search")),
        };
        reader.number(tag::ENUMERATED)?;
        let size_limit = reader.count(tag::INTEGER)?;
        let time_limit = reader.count(tag::INTEGER)?;
        let types_only = boolean(reader.expect(tag::BOOLEAN)?)?;
        let filter = Filter::read(&mut reader)?;
        let mut list = reader.inside(tag::SEQUENCE)?;
        let mut attributes = Vec::new();
        while !list.is_empty() {
            attributes.push(list.text()?);
        }
        Ok(Self { base, scope, size_limit, time_limit, types_only, filter, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{DirSync, PagedResults, oid};
    use crate::entry::Attribute;
    use crate::outcome::ResultCode;
    use proptest::prelude::*;

    fn round_trip(message: &Message) {
        let bytes = message.encode();
        assert_eq!(crate::frame_length(&bytes, 1 << 20), Ok(Some(bytes.len())));
        assert_eq!(&Message::decode(&bytes).unwrap(), message);
        for cut in 0..bytes.len() {
            assert!(Message::decode(&bytes[..cut]).is_err(), "cut after {cut}: {message:?}");
        }
    }

    fn bind(password: &str) -> Message {
        Message::new(
            1,
            Operation::Bind {
                version: 3,
                name: "cn=svc,dc=x".to_owned(),
                authentication: Authentication::Simple(Password::new(password)),
            },
        )
    }

    #[test]
    fn every_operation_round_trips() {
        let search = Search {
            base: "dc=lab,dc=example".to_owned(),
            scope: Scope::Subtree,
            size_limit: 500,
            time_limit: 10,
            types_only: false,
            filter: "(&(objectClass=person)(mail=alice@lab.example))".parse().unwrap(),
            attributes: vec!["mail".to_owned(), "+".to_owned()],
        };
        let entry = Entry {
            dn: "cn=Alice,dc=lab,dc=example".to_owned(),
            attributes: vec![
                Attribute::new("mail", ["alice@lab.example"]),
                Attribute::new("objectGUID", [vec![0, 159, 146, 150]]),
                Attribute::new("empty", Vec::<Vec<u8>>::new()),
            ],
        };
        let refused = Outcome {
            referral: vec!["ldap://other/".to_owned()],
            ..Outcome::failure(ResultCode::REFERRAL, "elsewhere")
        };
        let paging = PagedResults { size: 500, cookie: vec![1, 2, 3] };
        let dir_sync = DirSync { flags: DirSync::OBJECT_SECURITY, size: 1 << 20, cookie: vec![0; 40] };
        let operations = [
            Operation::BindDone(Outcome::success()),
            Operation::Unbind,
            Operation::Search(Box::new(search)),
            Operation::Entry(entry),
            Operation::Reference(vec!["ldap://other/dc=x".to_owned()]),
            Operation::SearchDone(refused.clone()),
            Operation::Abandon(70_000),
            Operation::Extended { name: oid::START_TLS.to_owned(), value: None },
            Operation::OtherDone { tag: 0x69, outcome: refused.clone() },
            Operation::ExtendedDone {
                outcome: refused,
                name: Some(oid::DISCONNECTION.to_owned()),
                value: Some(vec![7]),
            },
        ];
        round_trip(&bind("secret"));
        for operation in operations {
            let message = Message::new(7, operation).with([paging.control(true), dir_sync.control()]);
            let bytes = message.encode();
            let decoded = Message::decode(&bytes).unwrap();
            assert_eq!(decoded, message);
            assert_eq!(PagedResults::find(&decoded.controls), Ok(Some(paging.clone())));
            assert_eq!(DirSync::find(&decoded.controls), Ok(Some(dir_sync.clone())));
            round_trip(&Message { controls: Vec::new(), ..message });
        }
    }

    /// Encoded by hand from RFC 4511 appendix B.
    #[test]
    fn the_wire_form_is_that_of_other_implementations() {
        let expected = b"\x30\x1c\x02\x01\x01\x60\x17\x02\x01\x03\x04\x0bcn=svc,dc=x\x80\x05s3cr3";
        let mut fixed = expected.to_vec();
        fixed[1] = u8::try_from(fixed.len() - 2).unwrap();
        fixed[6] = u8::try_from(fixed.len() - 7).unwrap();
        assert_eq!(bind("s3cr3").encode(), fixed);
        assert_eq!(Message::new(3, Operation::Unbind).encode(), b"\x30\x05\x02\x01\x03\x42\x00");
    }

    /// Active Directory's notice puts the name behind the operation instead of inside it.
    #[test]
    fn active_directorys_notice_of_disconnection_is_read() {
        let mut bytes =
            b"\x30\x84\x00\x00\x00\x2b\x02\x01\x00\x78\x84\x00\x00\x00\x0a\x0a\x01\x34\x04\x00\x04\x03bye"
                .to_vec();
        bytes.extend_from_slice(b"\x8a\x16");
        bytes.extend_from_slice(oid::DISCONNECTION.as_bytes());
        let content = bytes.len() - 6;
        bytes[5] = u8::try_from(content).unwrap();
        let message = Message::decode(&bytes).unwrap();
        assert!(matches!(message.operation, Operation::ExtendedDone { outcome, .. } if outcome.code.0 == 52));
    }

    #[test]
    fn a_password_is_never_printed() {
        assert!(!format!("{:?}", bind("hunter2")).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
            let _ = crate::frame_length(&bytes, 100);
        }

        /// One wrong byte anywhere never panics.
        #[test]
        fn damaged_messages_are_read_or_refused(at in 0usize..200, byte: u8) {
            let search = Search {
                base: "dc=lab".to_owned(), scope: Scope::Subtree, size_limit: 0, time_limit: 0, types_only: false,
                filter: "(|(&(a=b)(c=*d*))(!(e:dn:1.2:=f))(g>=h))".parse().unwrap(), attributes: vec!["*".to_owned()],
            };
            let message = Message::new(2, Operation::Search(Box::new(search)))
                .with([PagedResults { size: 5, cookie: vec![9; 9] }.control(true)]);
            let mut bytes = message.encode();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(message) = Message::decode(&bytes) {
                let _ = PagedResults::find(&message.controls);
            }
        }
    }
}
