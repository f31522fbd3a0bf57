use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:ServiceConfigurationType`: what is asked for.
    #[derive(Default)]
    pub enum ServiceConfigurationName {
        #[default]
        MailTips,
        UnifiedMessagingConfiguration,
        ProtectionRules,
        PolicyNudges,
        SharePointURLs,
        OfficeIntegrationConfiguration,
    }
}

sequence! {
    /// Settings of the organisation that clients respect.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscfg/> section 3.1.4.1
    pub struct GetServiceConfiguration in Messages {
        element b"ActingAs" => acting_as: Option<EmailAddress>,
        required b"RequestedConfiguration" => requested_configuration: RequestedConfiguration,
    }
}

sequence! {
    /// `m:ArrayOfServiceConfigurationType`.
    #[derive(Eq)]
    pub struct RequestedConfiguration in Messages {
        element b"ConfigurationName" => configuration_names: Vec<ServiceConfigurationName>,
    }
}

impl Operation for GetServiceConfiguration {
    const REQUEST: &'static str = "GetServiceConfiguration";
    const RESPONSE: &'static str = "GetServiceConfigurationResponse";
    const MESSAGE: &'static str = "ServiceConfigurationResponseMessageType";
    type Response = ResponseMessage<ServiceConfigurations>;
}

sequence! {
    /// `t:SmtpDomain`.
    #[derive(Eq)]
    pub struct SmtpDomain in Types {
        required_attribute b"Name" => name: String,
        attribute b"IncludeSubdomains" => include_subdomains: Option<bool>,
    }
}

sequence! {
    /// `t:MailTipsServiceConfiguration`.
    #[derive(Eq)]
    pub struct MailTipsConfiguration in Types {
        required b"MailTipsEnabled" => mail_tips_enabled: bool,
        required b"MaxRecipientsPerGetMailTipsRequest" => max_recipients_per_get_mail_tips_request: i32,
        /// In bytes.
        required b"MaxMessageSize" => max_message_size: i32,
        required b"LargeAudienceThreshold" => large_audience_threshold: i32,
        required b"ShowExternalRecipientCount" => show_external_recipient_count: bool,
        required_list b"InternalDomains" / b"Domain" => internal_domains: Vec<SmtpDomain>,
        required b"PolicyTipsEnabled" => policy_tips_enabled: bool,
        required b"LargeAudienceCap" => large_audience_cap: i32,
    }
}

sequence! {
    /// `t:UnifiedMessageServiceConfiguration`.
    #[derive(Eq)]
    pub struct UnifiedMessagingConfiguration in Types {
        required b"UmEnabled" => um_enabled: bool,
        /// The last number that `PlayOnPhone` dialled.
        required b"PlayOnPhoneDialString" => play_on_phone_dial_string: String,
        required b"PlayOnPhoneEnabled" => play_on_phone_enabled: bool,
    }
}

sequence! {
    /// `m:ServiceConfigurationResponseMessageType`: one of what was asked for.
    #[derive(Eq)]
    pub struct ServiceConfiguration in Messages {
        element b"MailTipsConfiguration" => mail_tips_configuration: Option<MailTipsConfiguration>,
        element b"UnifiedMessagingConfiguration" => unified_messaging_configuration: Option<UnifiedMessagingConfiguration>,
    }
}

sequence! {
    /// `m:ArrayOfServiceConfigurationResponseMessageType`.
    pub struct ServiceConfigurationMessages in Messages {
        element b"ServiceConfigurationResponseMessageType" => messages: Vec<ResponseMessage<ServiceConfiguration>>,
    }
}

sequence! {
    /// `m:GetServiceConfigurationResponseMessageType`.
    pub struct ServiceConfigurations in Messages {
        element b"ResponseMessages" => response_messages: Option<ServiceConfigurationMessages>,
    }
}
