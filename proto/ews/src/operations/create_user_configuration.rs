use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::get_user_configuration::UserConfiguration;
use crate::xml::sequence;

sequence! {
    /// Makes a hidden settings item in a folder.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsusrcfg/> section 3.1.4.1
    pub struct CreateUserConfiguration in Messages {
        required b"UserConfiguration" => user_configuration: UserConfiguration,
    }
}

operation!(CreateUserConfiguration, "CreateUserConfiguration" -> ResponseMessages<NoPayload>);
