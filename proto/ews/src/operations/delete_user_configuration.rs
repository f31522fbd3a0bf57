use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::get_user_configuration::UserConfigurationName;
use crate::xml::sequence;

sequence! {
    /// Deletes a settings item.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsusrcfg/> section 3.1.4.2
    pub struct DeleteUserConfiguration in Messages {
        required b"UserConfigurationName" => user_configuration_name: UserConfigurationName,
    }
}

operation!(DeleteUserConfiguration, "DeleteUserConfiguration" -> ResponseMessages<NoPayload>);
