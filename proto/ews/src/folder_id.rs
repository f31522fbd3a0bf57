use crate::mailbox::EmailAddress;
use crate::xml::{choice, open_enum, sequence};

sequence! {
    /// `t:FolderIdType`: a folder; unlike an item's, its id survives moves.
    #[derive(Eq, Hash)]
    pub struct FolderId in Types {
        required_attribute b"Id" => id: String,
        attribute b"ChangeKey" => change_key: Option<String>,
    }
}

impl FolderId {
    /// An id without a change key.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: None }
    }
}

open_enum! {
    /// `t:DistinguishedFolderIdNameType`: folders every mailbox has.
    #[derive(Default)]
    pub enum DistinguishedFolderName {
        Calendar = "calendar",
        Contacts = "contacts",
        DeletedItems = "deleteditems",
        Drafts = "drafts",
        Inbox = "inbox",
        Journal = "journal",
        Notes = "notes",
        Outbox = "outbox",
        SentItems = "sentitems",
        Tasks = "tasks",
        /// The visible root, "Top of Information Store".
        #[default]
        MsgFolderRoot = "msgfolderroot",
        PublicFoldersRoot = "publicfoldersroot",
        Root = "root",
        JunkEmail = "junkemail",
        SearchFolders = "searchfolders",
        VoiceMail = "voicemail",
        RecoverableItemsRoot = "recoverableitemsroot",
        RecoverableItemsDeletions = "recoverableitemsdeletions",
        RecoverableItemsVersions = "recoverableitemsversions",
        RecoverableItemsPurges = "recoverableitemspurges",
        RecoverableItemsDiscoveryHolds = "recoverableitemsdiscoveryholds",
        ArchiveRoot = "archiveroot",
        ArchiveMsgFolderRoot = "archivemsgfolderroot",
        ArchiveDeletedItems = "archivedeleteditems",
        ArchiveInbox = "archiveinbox",
        ArchiveRecoverableItemsRoot = "archiverecoverableitemsroot",
        ArchiveRecoverableItemsDeletions = "archiverecoverableitemsdeletions",
        ArchiveRecoverableItemsVersions = "archiverecoverableitemsversions",
        ArchiveRecoverableItemsPurges = "archiverecoverableitemspurges",
        ArchiveRecoverableItemsDiscoveryHolds = "archiverecoverableitemsdiscoveryholds",
        SyncIssues = "syncissues",
        Conflicts = "conflicts",
        LocalFailures = "localfailures",
        ServerFailures = "serverfailures",
        RecipientCache = "recipientcache",
        QuickContacts = "quickcontacts",
        ConversationHistory = "conversationhistory",
        AdminAuditLogs = "adminauditlogs",
        ToDoSearch = "todosearch",
        MyContacts = "mycontacts",
        Directory = "directory",
        ImContactList = "imcontactlist",
        PeopleConnect = "peopleconnect",
        Favorites = "favorites",
    }
}

sequence! {
    /// `t:DistinguishedFolderIdType`: a folder by its role, in one's own or another's mailbox.
    pub struct DistinguishedFolderId in Types {
        required_attribute b"Id" => id: DistinguishedFolderName,
        attribute b"ChangeKey" => change_key: Option<String>,
        element b"Mailbox" => mailbox: Option<EmailAddress>,
    }
}

choice! {
    /// `t:TargetFolderIdType` and `t:NonEmptyArrayOfBaseFolderIdsType`: how requests name a folder.
    pub enum BaseFolderId in Types {
        b"FolderId" => FolderId(FolderId),
        b"DistinguishedFolderId" => Distinguished(DistinguishedFolderId),
        b"AddressListId" => AddressList(FolderId),
    }
}

impl From<FolderId> for BaseFolderId {
    fn from(id: FolderId) -> Self {
        Self::FolderId(id)
    }
}

impl From<DistinguishedFolderName> for BaseFolderId {
    fn from(id: DistinguishedFolderName) -> Self {
        Self::Distinguished(DistinguishedFolderId { id, ..DistinguishedFolderId::default() })
    }
}
