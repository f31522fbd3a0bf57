use crate::mailbox::EmailAddress;
use crate::operation::{ResponseMessages, operation};
use crate::operations::get_folder::FolderInfo;
use crate::xml::sequence;

sequence! {
    /// Gives a mailbox managed folders of the organisation (Exchange 2007 and 2010).
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsmsgfldr/> section 3.1.4.1
    pub struct CreateManagedFolder in Messages {
        required_list b"FolderNames" / b"FolderName" => folder_names: Vec<String>,
        element b"Mailbox" => mailbox: Option<EmailAddress>,
    }
}

operation!(CreateManagedFolder, "CreateManagedFolder" -> ResponseMessages<FolderInfo>);
