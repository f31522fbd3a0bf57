//! Is it Exchange, is the account good, may it act for the mailbox?

use tieline_model::{ExchangeVersion, Refusal};
use tieline_ports::{PortError, ServerInfo};
use tieline_proto_ews::operations::GetFolder;
use tieline_proto_ews::{DistinguishedFolderName, FolderShape, ResponseCode, ServerVersionInfo};

use super::call::{Answer, Call, CallError};
use super::failure::Stated;

impl Call<'_> {
    /// Signs in and reads the version. The account's own mailbox is only knocked at: it may have none.
    pub(super) async fn probe(&self) -> Result<ServerInfo, PortError> {
        let request = GetFolder {
            folder_shape: FolderShape::default(),
            folder_ids: vec![DistinguishedFolderName::Inbox.into()],
        };
        let version = match self.send(&request).await {
            Ok(Answer { version, .. }) => version,
            // A fault usually comes without the version.
            Err(CallError::Stated { stated, version: None, .. }) if has_no_mailbox(&stated.code) => {
                return Err(PortError::refused(
                    Refusal::operator(
                        "account-without-mailbox",
                        "Exchange accepts the service account, but it has no mailbox",
                        "give the service account a mailbox: Enable-Mailbox in the Exchange Management Shell",
                    )
                    .at(self.at()),
                ));
            }
            Err(CallError::Stated { stated, version, .. }) if has_no_mailbox(&stated.code) => version,
            Err(error) => return Err(error.into()),
        };
        let Some(info) = version.as_ref().and_then(server_info) else {
            return Err(PortError::refused(
                Refusal::operator(
                    "not-ews",
                    "the server speaks SOAP but does not say which Exchange it is",
                    "check address and path of the endpoint; the path of every Exchange is /EWS/Exchange.asmx",
                )
                .at(self.at()),
            ));
        };
        Ok(info)
    }

    /// Whether the account may act for the mailbox: it must be able to see its Inbox.
    pub(super) async fn check(&self) -> Result<(), PortError> {
        let request = GetFolder {
            folder_shape: FolderShape::default(),
            folder_ids: vec![DistinguishedFolderName::Inbox.into()],
        };
        let answer = self.send(&request).await?;
        let message = answer.messages.first().ok_or_else(|| self.short())?;
        match Stated::message(message) {
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => Ok(()),
        }
    }
}

fn has_no_mailbox(code: &ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::ErrorNonExistentMailbox
            | ResponseCode::ErrorMissingEmailAddress
            | ResponseCode::ErrorMailboxConfiguration
    )
}

fn server_info(version: &ServerVersionInfo) -> Option<ServerInfo> {
    let number = |part: Option<i32>| u16::try_from(part.unwrap_or_default()).ok();
    let major = number(version.major_version).filter(|major| *major > 0)?;
    let minor = number(version.minor_version)?;
    let build = [major, minor, number(version.major_build_number)?, number(version.minor_build_number)?];
    Some(ServerInfo {
        build: build.map(|part| part.to_string()).join("."),
        version: ExchangeVersion::from_build(major, minor),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_decides_and_not_the_name() {
        let version = ServerVersionInfo {
            major_version: Some(15),
            minor_version: Some(1),
            major_build_number: Some(2507),
            minor_build_number: Some(6),
            version: Some("V2017_07_11".to_owned()),
        };
        let info = server_info(&version).unwrap();
        assert_eq!((info.build.as_str(), info.version), ("15.1.2507.6", Some(ExchangeVersion::Exchange2016)));
        assert_eq!(server_info(&ServerVersionInfo::default()), None);
    }
}
