//! Versions of Exchange: which operation, property and folder name each one knows.
//!
//! From Microsoft's schemas and the pages of the operations. A request that names a version is held to it; one that
//! names none (old clients) is taken as it is.

use roxmltree::{Document as Tree, Node};

/// A version of Exchange, as the service's schema counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Exchange 2007.
    Exchange2007,
    /// Exchange 2007 SP1 and later service packs.
    Exchange2007Sp1,
    /// Exchange 2010.
    Exchange2010,
    /// Exchange 2010 SP1.
    Exchange2010Sp1,
    /// Exchange 2010 SP2 and SP3.
    Exchange2010Sp2,
    /// Exchange 2013.
    Exchange2013,
    /// Exchange 2013 SP1 and later.
    Exchange2013Sp1,
    /// Exchange 2016.
    Exchange2016,
    /// Exchange 2019.
    Exchange2019,
    /// Exchange Server Subscription Edition.
    ExchangeSe,
}

use Release::*;

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 10] = [
        Exchange2007,
        Exchange2007Sp1,
        Exchange2010,
        Exchange2010Sp1,
        Exchange2010Sp2,
        Exchange2013,
        Exchange2013Sp1,
        Exchange2016,
        Exchange2019,
        ExchangeSe,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Exchange2007 => "2007",
            Exchange2007Sp1 => "2007-sp1",
            Exchange2010 => "2010",
            Exchange2010Sp1 => "2010-sp1",
            Exchange2010Sp2 => "2010-sp2",
            Exchange2013 => "2013",
            Exchange2013Sp1 => "2013-sp1",
            Exchange2016 => "2016",
            Exchange2019 => "2019",
            ExchangeSe => "se",
        }
    }

    /// The newest schema version that a server takes in requests. Since 2016 it is the same.
    pub fn schema(self) -> &'static str {
        match self {
            Exchange2007 => "Exchange2007",
            Exchange2007Sp1 => "Exchange2007_SP1",
            Exchange2010 => "Exchange2010",
            Exchange2010Sp1 => "Exchange2010_SP1",
            Exchange2010Sp2 => "Exchange2010_SP2",
            Exchange2013 => "Exchange2013",
            Exchange2013Sp1 => "Exchange2013_SP1",
            Exchange2016 | Exchange2019 | ExchangeSe => "Exchange2016",
        }
    }

    /// Major, minor, build and revision of a server of this version.
    pub(crate) fn build(self) -> [u32; 4] {
        match self {
            Exchange2007 => [8, 0, 685, 24],
            Exchange2007Sp1 => [8, 3, 83, 6],
            Exchange2010 => [14, 0, 639, 21],
            Exchange2010Sp1 => [14, 1, 218, 15],
            Exchange2010Sp2 => [14, 2, 247, 5],
            Exchange2013 => [15, 0, 516, 32],
            Exchange2013Sp1 => [15, 0, 847, 32],
            Exchange2016 => [15, 1, 2507, 39],
            Exchange2019 => [15, 2, 1544, 9],
            ExchangeSe => [15, 2, 2562, 17],
        }
    }

    /// The version with this schema name; versions between two count as the older one.
    pub(crate) fn of_schema(schema: &str) -> Option<Self> {
        Some(match schema {
            "Exchange2009" => Exchange2007Sp1,
            "Exchange2012" => Exchange2010Sp2,
            "Exchange2015" => Exchange2013Sp1,
            _ => Self::ALL.into_iter().find(|release| release.schema() == schema)?,
        })
    }
}

/// An operation, the first version that has it, and the first that has it no more.
pub type Availability = (&'static str, Release, Option<Release>);

/// Every operation of the codec.
pub const OPERATIONS: &[Availability] = &[
    ("AddDelegate", Exchange2007Sp1, None),
    ("AddDistributionGroupToImList", Exchange2013, None),
    ("AddImContactToGroup", Exchange2013, None),
    ("AddImGroup", Exchange2013, None),
    ("AddNewImContactToGroup", Exchange2013, None),
    ("AddNewTelUriContactToGroup", Exchange2013, None),
    ("ApplyConversationAction", Exchange2010Sp1, None),
    ("ArchiveItem", Exchange2013, None),
    ("ConvertId", Exchange2007Sp1, None),
    ("CopyFolder", Exchange2007, None),
    ("CopyItem", Exchange2007, None),
    ("CreateAttachment", Exchange2007, None),
    ("CreateFolder", Exchange2007, None),
    ("CreateItem", Exchange2007, None),
    ("CreateManagedFolder", Exchange2007, Some(Exchange2013)),
    ("CreateUserConfiguration", Exchange2010, None),
    ("DeleteAttachment", Exchange2007, None),
    ("DeleteFolder", Exchange2007, None),
    ("DeleteItem", Exchange2007, None),
    ("DeleteUserConfiguration", Exchange2010, None),
    ("DisconnectPhoneCall", Exchange2010, None),
    ("EmptyFolder", Exchange2010Sp1, None),
    ("ExpandDL", Exchange2007, None),
    ("ExportItems", Exchange2010Sp1, None),
    ("FindConversation", Exchange2010Sp1, None),
    ("FindFolder", Exchange2007, None),
    ("FindItem", Exchange2007, None),
    ("FindPeople", Exchange2013, None),
    ("GetAttachment", Exchange2007, None),
    ("GetConversationItems", Exchange2013, None),
    ("GetDelegate", Exchange2007Sp1, None),
    ("GetEvents", Exchange2007, None),
    ("GetFolder", Exchange2007, None),
    ("GetImItemList", Exchange2013, None),
    ("GetImItems", Exchange2013, None),
    ("GetInboxRules", Exchange2010Sp1, None),
    ("GetItem", Exchange2007, None),
    ("GetMailTips", Exchange2010, None),
    ("GetPasswordExpirationDate", Exchange2010Sp2, None),
    ("GetPersona", Exchange2013, None),
    ("GetPhoneCallInformation", Exchange2010, None),
    ("GetRoomLists", Exchange2010, None),
    ("GetRooms", Exchange2010, None),
    ("GetSearchableMailboxes", Exchange2013, None),
    ("GetServerTimeZones", Exchange2010, None),
    ("GetServiceConfiguration", Exchange2010, None),
    ("GetStreamingEvents", Exchange2010Sp1, None),
    ("GetUserAvailability", Exchange2007, None),
    ("GetUserConfiguration", Exchange2010, None),
    ("GetUserOofSettings", Exchange2007, None),
    ("GetUserPhoto", Exchange2013, None),
    ("MarkAllItemsAsRead", Exchange2013, None),
    ("MarkAsJunk", Exchange2013, None),
    ("MoveFolder", Exchange2007, None),
    ("MoveItem", Exchange2007, None),
    ("PlayOnPhone", Exchange2010, None),
    ("RemoveContactFromImList", Exchange2013, None),
    ("RemoveDelegate", Exchange2007Sp1, None),
    ("RemoveDistributionGroupFromImList", Exchange2013, None),
    ("RemoveImContactFromGroup", Exchange2013, None),
    ("RemoveImGroup", Exchange2013, None),
    ("ResolveNames", Exchange2007, None),
    ("SendItem", Exchange2007, None),
    ("SendNotification", Exchange2007, None),
    ("SetImGroup", Exchange2013, None),
    ("SetUserOofSettings", Exchange2007, None),
    ("Subscribe", Exchange2007, None),
    ("SyncFolderHierarchy", Exchange2007, None),
    ("SyncFolderItems", Exchange2007, None),
    ("Unsubscribe", Exchange2007, None),
    ("UpdateDelegate", Exchange2007Sp1, None),
    ("UpdateFolder", Exchange2007, None),
    ("UpdateInboxRules", Exchange2010Sp1, None),
    ("UpdateItem", Exchange2007, None),
    ("UpdateUserConfiguration", Exchange2010, None),
    ("UploadItems", Exchange2010Sp1, None),
];

/// Elements of requests and answers with the first version whose schema has them.
pub const ELEMENTS: &[(&str, Release)] = &[
    ("StartTimeZone", Exchange2010),
    ("EndTimeZone", Exchange2010),
    ("UniqueBody", Exchange2010),
    ("ConversationId", Exchange2010),
    ("IsAssociated", Exchange2010),
    ("WebClientReadFormQueryString", Exchange2010),
    ("WebClientEditFormQueryString", Exchange2010),
    ("QueryString", Exchange2010),
    ("SyncScope", Exchange2010),
    ("ReturnNewItemIds", Exchange2010Sp1),
    ("StreamingSubscriptionRequest", Exchange2010Sp1),
    ("StoreEntryId", Exchange2010Sp2),
    ("Photo", Exchange2010Sp2),
    ("DirectoryId", Exchange2010Sp2),
    ("Flag", Exchange2013),
    ("InstanceKey", Exchange2013),
    ("NormalizedBody", Exchange2013),
    ("TextBody", Exchange2013),
    ("Preview", Exchange2013),
    ("PolicyTag", Exchange2013),
    ("ArchiveTag", Exchange2013),
    ("RetentionDate", Exchange2013),
    ("ReminderNextTime", Exchange2013),
    ("IconIndex", Exchange2013),
    ("EnhancedLocation", Exchange2013),
    ("JoinOnlineMeetingUrl", Exchange2013),
    ("OnlineMeetingSettings", Exchange2013),
    ("IsOrganizer", Exchange2013),
    ("StartWallClock", Exchange2013),
    ("EndWallClock", Exchange2013),
    ("StartTimeZoneId", Exchange2013),
    ("EndTimeZoneId", Exchange2013),
    ("ProposedStart", Exchange2013),
    ("ProposedEnd", Exchange2013),
];

/// Names of distinguished folders with the first version that has them; others are as old as the service.
pub const FOLDERS: &[(&str, Release)] = &[
    ("publicfoldersroot", Exchange2007Sp1),
    ("recoverableitemsroot", Exchange2010Sp1),
    ("recoverableitemsdeletions", Exchange2010Sp1),
    ("recoverableitemsversions", Exchange2010Sp1),
    ("recoverableitemspurges", Exchange2010Sp1),
    ("archiveroot", Exchange2010Sp1),
    ("archivemsgfolderroot", Exchange2010Sp1),
    ("archivedeleteditems", Exchange2010Sp1),
    ("archiverecoverableitemsroot", Exchange2010Sp1),
    ("archiverecoverableitemsdeletions", Exchange2010Sp1),
    ("archiverecoverableitemsversions", Exchange2010Sp1),
    ("archiverecoverableitemspurges", Exchange2010Sp1),
    ("syncissues", Exchange2013),
    ("conflicts", Exchange2013),
    ("localfailures", Exchange2013),
    ("serverfailures", Exchange2013),
    ("recipientcache", Exchange2013),
    ("quickcontacts", Exchange2013),
    ("conversationhistory", Exchange2013),
    ("todosearch", Exchange2013),
    ("mycontacts", Exchange2013),
    ("directory", Exchange2013Sp1),
    ("imcontactlist", Exchange2013),
    ("peopleconnect", Exchange2013),
    ("favorites", Exchange2013),
    ("archiveinbox", Exchange2013Sp1),
    ("adminauditlogs", Exchange2013),
];

/// When an operation of the codec came, and went.
pub(crate) fn availability(operation: &str) -> Option<&'static Availability> {
    let name = operation.strip_suffix("Request").unwrap_or(operation);
    OPERATIONS.iter().find(|(known, _, _)| *known == name)
}

/// What a request holds that its version does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) line: u32,
    pub(crate) position: u32,
    pub(crate) text: String,
}

fn since(name: &str, table: &[(&str, Release)]) -> Release {
    table.iter().find(|(known, _)| *known == name).map_or(Exchange2007, |(_, since)| *since)
}

/// The first element, property or folder name that a request of this version may not have.
pub(crate) fn violation(document: &str, release: Release) -> Option<Violation> {
    let tree = Tree::parse(document).ok()?;
    let body = tree.root_element().children().find(|node| node.tag_name().name() == "Body")?;
    let newer = |node: &Node<'_, '_>| {
        let name = node.tag_name().name();
        let value = match name {
            "FieldURI" | "IndexedFieldURI" => {
                let uri = node.attribute("FieldURI")?;
                (since(uri.rsplit(':').next()?, ELEMENTS) > release).then(|| uri.to_owned())
            }
            "DistinguishedFolderId" => {
                let id = node.attribute("Id")?;
                (since(id, FOLDERS) > release).then(|| id.to_owned())
            }
            _ => None,
        };
        match value {
            Some(value) => Some(format!(
                "The '{name}' element is invalid - The value '{value}' is invalid according to its datatype."
            )),
            None if since(name, ELEMENTS) > release => {
                Some(format!("The element '{name}' is not valid in this version of the schema."))
            }
            None => None,
        }
    };
    body.descendants().filter(Node::is_element).find_map(|node| {
        let text = newer(&node)?;
        let place = tree.text_pos_at(node.range().start);
        Some(Violation { line: place.row, position: place.col, text })
    })
}

/// An answer without the elements that this version does not have.
pub(crate) fn without_newer(document: Vec<u8>, release: Release) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&document) else { return document };
    let Ok(tree) = Tree::parse(text) else { return document };
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for node in tree.root_element().descendants().filter(Node::is_element) {
        let range = node.range();
        let name = node.tag_name().name();
        // In requests the element names a folder; as a property of folders it is newer.
        let property = name == "DistinguishedFolderId" && node.attribute("Id").is_none();
        let newer = since(name, ELEMENTS) > release || (property && release < Exchange2013);
        if newer && range.start >= from {
            kept.push_str(text.get(from..range.start).unwrap_or_default());
            from = range.end;
        }
    }
    if from == 0 {
        return document;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept.into_bytes()
}

#[cfg(test)]
mod tests {
    use tieline_proto_ews::Request;

    use super::*;

    const REQUEST: &str = "<s:Envelope xmlns:s=\"s\" xmlns:t=\"t\"><s:Body><t:FindItem>\n\
        <t:FieldURI FieldURI=\"item:Preview\"/><t:DistinguishedFolderId Id=\"inbox\"/></t:FindItem></s:Body></s:Envelope>";

    #[test]
    fn every_operation_of_the_codec_has_its_version() {
        let mut known: Vec<_> = OPERATIONS.iter().map(|(name, _, _)| *name).collect();
        let mut codec = Request::OPERATIONS.to_vec();
        known.sort_unstable();
        codec.sort_unstable();
        assert_eq!(known, codec);
    }

    #[test]
    fn what_is_newer_is_found_with_its_place() {
        assert_eq!(violation(REQUEST, Exchange2013), None);
        let found = violation(REQUEST, Exchange2010Sp2).expect("a violation");
        assert_eq!((found.line, found.position), (2, 1));
        assert!(found.text.contains("item:Preview"));
        let folder = REQUEST.replace("inbox", "conversationhistory").replace("item:Preview", "item:Subject");
        assert!(
            violation(&folder, Exchange2010Sp2).expect("a violation").text.contains("conversationhistory")
        );
    }

    #[test]
    fn answers_lose_what_is_newer() {
        let answer = "<a xmlns:t=\"t\"><t:Subject>x</t:Subject><t:Flag><t:FlagStatus/></t:Flag><t:Preview>y</t:Preview></a>";
        let older = without_newer(answer.as_bytes().to_vec(), Exchange2010Sp2);
        assert_eq!(older, b"<a xmlns:t=\"t\"><t:Subject>x</t:Subject></a>");
        assert_eq!(without_newer(answer.as_bytes().to_vec(), Exchange2013), answer.as_bytes());
    }
}
