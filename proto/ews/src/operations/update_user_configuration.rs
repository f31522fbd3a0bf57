use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::get_user_configuration::UserConfiguration;
use crate::xml::sequence;

sequence! {
    /// Replaces the parts of a settings item that the request carries; the others stay.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsusrcfg/> section 3.1.4.4
    pub struct UpdateUserConfiguration in Messages {
        required b"UserConfiguration" => user_configuration: UserConfiguration,
    }
}

operation!(UpdateUserConfiguration, "UpdateUserConfiguration" -> ResponseMessages<NoPayload>);
