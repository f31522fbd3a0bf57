use crate::binary::Binary;
use crate::date_time::DateTime;
use crate::mailbox::SingleRecipient;
use crate::xml::sequence;

sequence! {
    /// `t:PostItemType`: what posts in folders have beyond items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwspost/> section 2.2.4
    pub struct PostItem in Types {
        element b"ConversationIndex" => conversation_index: Option<Binary>,
        element b"ConversationTopic" => conversation_topic: Option<String>,
        element b"From" => from: Option<SingleRecipient>,
        element b"InternetMessageId" => internet_message_id: Option<String>,
        element b"IsRead" => is_read: Option<bool>,
        element b"PostedTime" => posted_time: Option<DateTime>,
        element b"References" => references: Option<String>,
        element b"Sender" => sender: Option<SingleRecipient>,
    }
}
