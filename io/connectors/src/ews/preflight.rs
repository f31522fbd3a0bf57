//! What is looked at before a server is relied on: the way there, the account itself, a first item. Nothing is left behind.

use jiff::Timestamp;
use jiff::civil;
use tieline_model::Refusal;
use tieline_ports::{
    AccountFacts, AccountMailbox, MailAccount, MailTarget, PasswordEnd, PortError, PortFuture, Preflight,
    Step, StepsFuture,
};
use tieline_proto_ews::operations::{
    Disposal, FindFolder, FolderQueryTraversal, GetItem, GetPasswordExpirationDate, ResolveNames, SearchScope,
};
use tieline_proto_ews::{
    DistinguishedFolderName, EmailAddress, ExtendedFieldUri, FieldUri, FolderShape, ItemId, ItemShape,
    MapiPropertyType,
};
use tieline_transport::{Endpoint, PresentedCertificate, TransportError, walk};

use super::account::trust;
use super::call::Call;
use super::failure::Stated;
use super::{Exchange, Shared};

/// PidTagMessageSizeExtended: how large a folder's items are together.
const SIZE: u16 = 0x0e08;
/// The subject of the item that is written, read and removed.
const SUBJECT: &str = "Tieline: a first item, written to be removed";

impl Shared {
    async fn way(&self, account: &MailAccount) -> Vec<Step> {
        let step = |name, outcome| Step { name, outcome };
        let refused = |error: &TransportError| Refusal::operator("no-way", error.what(), error.next());
        let walked = async {
            let endpoint = Endpoint::parse(&account.endpoint.url())?;
            let trust = trust(&account.endpoint.tls)?;
            let client = &self.options.client;
            let seen = walk(&endpoint, &trust, &client.trust_store, client.connect_timeout).await?;
            Ok::<_, TransportError>((endpoint, seen))
        };
        let host = account.endpoint.address.host().to_string();
        match walked.await {
            Ok((endpoint, (address, chain))) => {
                let mut steps = vec![
                    step("name", Ok(format!("{host} is {}", address.ip()))),
                    step("port", Ok(format!("port {} is open", address.port()))),
                ];
                steps.push(match chain.first() {
                    Some(leaf) => step("certificate", Ok(believed(leaf))),
                    None => step("certificate", Ok(format!("none: {} is plain http", endpoint.authority()))),
                });
                steps
            }
            Err(error) => {
                let name = match &error {
                    TransportError::BadUrl { .. } | TransportError::Resolve { .. } => "name",
                    TransportError::Tls { .. } | TransportError::BadTrust(_) => "certificate",
                    _ => "port",
                };
                let refusal = refused(&error).at(account.endpoint.url());
                let before =
                    ["name", "port", "certificate"].into_iter().take_while(|earlier| *earlier != name);
                let mut steps: Vec<_> =
                    before.map(|earlier| step(earlier, Ok("in order".to_owned()))).collect();
                steps.push(step(name, Err(refusal)));
                steps
            }
        }
    }
}

fn believed(leaf: &PresentedCertificate) -> String {
    match &leaf.facts {
        Some(facts) => {
            let ends = Timestamp::from_second(facts.not_after_s).map(|end| end.to_string());
            let ends = ends.unwrap_or_else(|_| "a time that cannot be read".to_owned());
            format!("{} is believed, until {ends}", facts.subject)
        }
        None => "it is believed".to_owned(),
    }
}

impl Call<'_> {
    /// The account's own mailbox: who it is by the address book, and how much lies there.
    async fn own_mailbox(&self) -> Result<AccountMailbox, PortError> {
        let (address, name) = self.own_name().await?;
        let size = ExtendedFieldUri::tag(SIZE, MapiPropertyType::Long);
        let request = FindFolder {
            traversal: FolderQueryTraversal::Deep,
            folder_shape: FolderShape {
                additional_properties: vec![FieldUri::FOLDER_TOTAL_COUNT.into(), size.clone().into()],
                ..FolderShape::default()
            },
            parent_folder_ids: vec![DistinguishedFolderName::MsgFolderRoot.into()],
            ..FindFolder::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let folders = message.payload.root_folder.map(|root| root.folders).unwrap_or_default();
        let (mut items, mut bytes) = (0, None);
        for folder in folders {
            items += folder.total_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
            let told = folder.extended_properties.iter().find(|property| property.extended_field_uri == size);
            let told = told.and_then(|property| property.value.as_deref()?.parse::<u64>().ok());
            bytes = told.map(|told| bytes.unwrap_or(0_u64).saturating_add(told)).or(bytes);
        }
        Ok(AccountMailbox { address, name, items, bytes })
    }

    /// Its primary address and name: the sign-in name need be neither.
    async fn own_name(&self) -> Result<(String, String), PortError> {
        let user = self.session.user();
        let is_own = |one: &EmailAddress| {
            one.email_address.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(user))
        };
        // The beginning of an address fits others, too.
        let mut found = self.people(format!("smtp:{user}")).await?.into_iter().find(is_own);
        if found.is_none() {
            // A user principal name need not be an address; what stands before its @ is mostly the alias.
            let alias = user.split('@').next().unwrap_or_default();
            let mut people = self.people(alias.to_owned()).await?;
            found = people.pop().filter(|_| people.is_empty());
        }
        let found = found.ok_or_else(|| {
            PortError::refused(
                Refusal::operator(
                    "account-not-listed",
                    format!("the address book does not know {user}"),
                    "show the account in address lists (Set-Mailbox -HiddenFromAddressListsEnabled $false), or leave it: \
                     nothing depends on it",
                )
                .at(self.at()),
            )
        })?;
        Ok((found.email_address.unwrap_or_else(|| user.to_owned()), found.name.unwrap_or_default()))
    }

    /// People of the address book whose names or addresses begin so.
    async fn people(&self, entry: String) -> Result<Vec<EmailAddress>, PortError> {
        let request = ResolveNames {
            search_scope: Some(SearchScope::ActiveDirectory),
            unresolved_entry: entry,
            ..ResolveNames::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        let set = message.payload.resolution_set.map(|set| set.resolutions).unwrap_or_default();
        Ok(set.into_iter().map(|one| one.mailbox).collect())
    }

    async fn password_end(&self) -> PasswordEnd {
        let request = GetPasswordExpirationDate { mailbox_smtp_address: None };
        let unknown = |error: PortError| PasswordEnd::Unknown(error.refusal());
        let mut answer = match self.send_one(&request).await {
            Ok(answer) => answer,
            Err(error) => return unknown(error.into()),
        };
        let Some(message) = answer.messages.pop() else { return unknown(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return unknown(stated.into_error(&self.at(), None));
        }
        match message.payload.password_expiration_date {
            // The last day that Exchange can say means never.
            Some(date) if date.civil.year() >= NEVER => PasswordEnd::Never,
            Some(date) => match instant(date.civil, date.offset) {
                Some(at) => PasswordEnd::At(at),
                None => unknown(self.short()),
            },
            None => PasswordEnd::Never,
        }
    }

    /// An item where people do not see it: written, read back, removed.
    async fn rehearse(&self) -> Result<(), PortError> {
        let item = self.create_marker(SUBJECT).await?;
        let shape = ItemShape::ids_and([FieldUri::new("item:Subject").into()]);
        let read = GetItem { item_shape: shape, item_ids: vec![ItemId::new(&item.0).into()] };
        let read = self.send(&read).await;
        // Removed also when it could not be read.
        self.dispose(&item, Disposal::HardDelete).await?;
        let mut answer = read?;
        let subject =
            answer.messages.pop().and_then(|message| message.payload.items.into_iter().next()?.subject);
        if subject.as_deref() == Some(SUBJECT) { Ok(()) } else { Err(self.short()) }
    }
}

/// From this year on an end is none.
const NEVER: i16 = 9000;

fn instant(civil: civil::DateTime, offset: Option<jiff::tz::Offset>) -> Option<Timestamp> {
    offset.unwrap_or(jiff::tz::Offset::UTC).to_timestamp(civil).ok()
}

impl Preflight for Exchange {
    fn way<'a>(&'a self, account: &'a MailAccount) -> StepsFuture<'a> {
        Box::pin(self.shared.way(account))
    }

    fn account<'a>(&'a self, account: &'a MailAccount) -> PortFuture<'a, AccountFacts> {
        Box::pin(async move {
            let session = self.shared.session(account)?;
            let call = self.shared.call(&session, None);
            let server = call.probe().await?;
            let mailbox = call.own_mailbox().await.map_err(|error| error.refusal());
            let password = call.password_end().await;
            Ok(AccountFacts { server, mailbox, password })
        })
    }

    fn rehearse<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).rehearse().await
        })
    }
}
