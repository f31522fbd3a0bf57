//! The folder tree of a new mailbox, as an Exchange 2016 mailbox has it.

/// A folder that every mailbox is born with.
pub(crate) struct Birth {
    /// Distinguished id, if it has one.
    pub(crate) id: Option<&'static str>,
    /// Name of the parent's row in this table; the first row has none.
    pub(crate) parent: &'static str,
    pub(crate) name: &'static str,
    pub(crate) class: Option<&'static str>,
    /// Item classes that a search folder shows.
    pub(crate) search: Option<&'static str>,
    pub(crate) hidden: bool,
}

const fn plain(id: &'static str, parent: &'static str, name: &'static str, class: &'static str) -> Birth {
    Birth { id: Some(id), parent, name, class: Some(class), search: None, hidden: false }
}

const fn bare(id: &'static str, parent: &'static str, name: &'static str) -> Birth {
    Birth { id: Some(id), parent, name, class: None, search: None, hidden: false }
}

const fn unnamed(parent: &'static str, name: &'static str, class: Option<&'static str>) -> Birth {
    Birth { id: None, parent, name, class, search: None, hidden: false }
}

const fn hidden(id: &'static str, parent: &'static str, name: &'static str, class: &'static str) -> Birth {
    Birth { id: Some(id), parent, name, class: Some(class), search: None, hidden: true }
}

const fn search(id: &'static str, name: &'static str, classes: &'static str) -> Birth {
    Birth {
        id: Some(id),
        parent: "searchfolders",
        name,
        class: Some("IPF.Note"),
        search: Some(classes),
        hidden: false,
    }
}

/// An archive's tree, beside that of its mailbox. Parents stand before their children.
pub(crate) const ARCHIVE: &[Birth] = &[
    bare("archiveroot", "", "root"),
    bare("archivemsgfolderroot", "archiveroot", "Top of Information Store"),
    bare("archiverecoverableitemsroot", "archiveroot", "Recoverable Items"),
    bare("archiverecoverableitemsdeletions", "archiverecoverableitemsroot", "Deletions"),
    bare("archiverecoverableitemspurges", "archiverecoverableitemsroot", "Purges"),
    bare("archiverecoverableitemsversions", "archiverecoverableitemsroot", "Versions"),
    plain("archivedeleteditems", "archivemsgfolderroot", "Deleted Items", "IPF.Note"),
    plain("archiveinbox", "archivemsgfolderroot", "Inbox", "IPF.Note"),
];

/// A mailbox's tree. Parents stand before their children.
pub(crate) const TREE: &[Birth] = &[
    bare("root", "", "root"),
    bare("msgfolderroot", "root", "Top of Information Store"),
    bare("searchfolders", "root", "Finder"),
    unnamed("root", "Common Views", None),
    unnamed("root", "Deferred Action", None),
    unnamed("root", "Freebusy Data", None),
    unnamed("root", "Schedule", None),
    unnamed("root", "Shortcuts", None),
    unnamed("root", "Spooler Queue", None),
    unnamed("root", "System", None),
    unnamed("root", "Views", None),
    bare("recoverableitemsroot", "root", "Recoverable Items"),
    bare("recoverableitemsdeletions", "recoverableitemsroot", "Deletions"),
    bare("recoverableitemspurges", "recoverableitemsroot", "Purges"),
    bare("recoverableitemsversions", "recoverableitemsroot", "Versions"),
    plain("calendar", "msgfolderroot", "Calendar", "IPF.Appointment"),
    plain("contacts", "msgfolderroot", "Contacts", "IPF.Contact"),
    plain("conversationhistory", "msgfolderroot", "Conversation History", "IPF.Note.Microsoft.Conversation"),
    plain("deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note"),
    plain("drafts", "msgfolderroot", "Drafts", "IPF.Note"),
    plain("inbox", "msgfolderroot", "Inbox", "IPF.Note"),
    plain("journal", "msgfolderroot", "Journal", "IPF.Journal"),
    plain("junkemail", "msgfolderroot", "Junk Email", "IPF.Note"),
    plain("notes", "msgfolderroot", "Notes", "IPF.StickyNote"),
    plain("outbox", "msgfolderroot", "Outbox", "IPF.Note"),
    plain("sentitems", "msgfolderroot", "Sent Items", "IPF.Note"),
    plain("syncissues", "msgfolderroot", "Sync Issues", "IPF.Note"),
    plain("conflicts", "syncissues", "Conflicts", "IPF.Note"),
    plain("localfailures", "syncissues", "Local Failures", "IPF.Note"),
    plain("serverfailures", "syncissues", "Server Failures", "IPF.Note"),
    plain("tasks", "msgfolderroot", "Tasks", "IPF.Task"),
    hidden("quickcontacts", "contacts", "Lync Contacts", "IPF.Contact.MOC.QuickContacts"),
    hidden(
        "imcontactlist",
        "contacts",
        "{A9E2BC46-B3A0-4243-B315-60D991004455}",
        "IPF.Contact.MOC.ImContactList",
    ),
    hidden("recipientcache", "contacts", "Recipient Cache", "IPF.Contact.RecipientCache"),
    search("voicemail", "Voice Mail", "IPM.Note.Microsoft.Voicemail"),
];
