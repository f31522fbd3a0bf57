use crate::mailbox::EmailAddress;
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// The members of a distribution list, one level deep.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlist/> section 3.1.4.1
    pub struct ExpandDL in Messages {
        required b"Mailbox" => mailbox: EmailAddress,
    }
}

operation!(ExpandDL, "ExpandDL" -> ResponseMessages<ExpandDLMessage>);

sequence! {
    /// `t:ArrayOfDLExpansionType`.
    pub struct DLExpansion in Types {
        attribute b"IndexedPagingOffset" => indexed_paging_offset: Option<i32>,
        attribute b"NumeratorOffset" => numerator_offset: Option<i32>,
        attribute b"AbsoluteDenominator" => absolute_denominator: Option<i32>,
        attribute b"IncludesLastItemInRange" => includes_last_item_in_range: Option<bool>,
        attribute b"TotalItemsInView" => total_items_in_view: Option<i32>,
        element b"Mailbox" => mailboxes: Vec<EmailAddress>,
    }
}

sequence! {
    /// `m:ExpandDLResponseMessageType`.
    pub struct ExpandDLMessage in Messages {
        element b"DLExpansion" => dl_expansion: Option<DLExpansion>,
    }
}
