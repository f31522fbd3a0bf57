use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Ends a pull or streaming subscription.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsntif/> section 3.1.4.4
    pub struct Unsubscribe in Messages {
        required b"SubscriptionId" => subscription_id: String,
    }
}

operation!(Unsubscribe, "Unsubscribe" -> ResponseMessages<NoPayload>);
