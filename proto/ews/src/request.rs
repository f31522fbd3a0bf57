//! A request as a server reads it.

use crate::Error;
use crate::envelope::{RequestHeader, open};
use crate::operation::{Body, Operation};
use crate::operations as ops;
use crate::xml::{Limits, Ns, Reader, Start};

macro_rules! requests {
    ($($name:ident),+ $(,)?) => {
        /// The body of a request: which operation, and its content.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(clippy::large_enum_variant, reason = "one value per request, moved once")]
        pub enum Request {
            $( #[doc = concat!("`m:", stringify!($name), "`")] $name(ops::$name), )+
            /// An operation this version does not know, by the local name of its element.
            Unknown(String),
        }

        impl Request {
            /// All operations that this version knows, by the names of their types.
            pub const OPERATIONS: &'static [&'static str] = &[ $( stringify!($name), )+ ];

            /// The local name of the request element.
            pub fn name(&self) -> &str {
                match self {
                    $( Self::$name(_) => <ops::$name as Operation>::REQUEST, )+
                    Self::Unknown(name) => name,
                }
            }

            fn read(r: &mut Reader<'_>, body: &Start<'_>) -> Result<Self, Error> {
                let name = body.any_local();
                if body.ns() == Ns::Messages {
                    $( if name == <ops::$name as Operation>::REQUEST {
                        return <ops::$name as Body>::read_body(
                            r,
                            body,
                            <ops::$name as Operation>::MESSAGE,
                        )
                        .map(Self::$name);
                    } )+
                }
                let name = name.chars().take(80).collect();
                r.skip(body)?;
                Ok(Self::Unknown(name))
            }
        }

        $( impl From<ops::$name> for Request {
            fn from(operation: ops::$name) -> Self {
                Self::$name(operation)
            }
        } )+
    };
}

requests! {
    ConvertId,
    GetFolder,
    FindFolder,
    FindItem,
    GetItem,
    CreateItem,
    UpdateItem,
    DeleteItem,
    MoveItem,
    CopyItem,
    SendItem,
    CreateAttachment,
    GetAttachment,
    DeleteAttachment,
    SyncFolderItems,
    SyncFolderHierarchy,
    Subscribe,
    GetEvents,
    GetStreamingEvents,
    Unsubscribe,
    SendNotification,
    CreateFolder,
    UpdateFolder,
    DeleteFolder,
    EmptyFolder,
    MoveFolder,
    CopyFolder,
    ResolveNames,
    GetServerTimeZones,
    MarkAllItemsAsRead,
    GetUserOofSettings,
    SetUserOofSettings,
    GetUserAvailability,
    GetUserConfiguration,
    GetDelegate,
    GetRoomLists,
    GetRooms,
    ExpandDL,
    CreateUserConfiguration,
    UpdateUserConfiguration,
    DeleteUserConfiguration,
    AddDelegate,
    UpdateDelegate,
    RemoveDelegate,
    GetInboxRules,
    UpdateInboxRules,
    GetMailTips,
    FindPeople,
    GetPersona,
    ExportItems,
    UploadItems,
    MarkAsJunk,
    ArchiveItem,
    CreateManagedFolder,
    GetPasswordExpirationDate,
    FindConversation,
    GetConversationItems,
    ApplyConversationAction,
    GetServiceConfiguration,
    GetUserPhoto,
    PlayOnPhone,
    GetPhoneCallInformation,
    DisconnectPhoneCall,
    GetSearchableMailboxes,
    GetImItemList,
    GetImItems,
    AddImGroup,
    SetImGroup,
    RemoveImGroup,
    AddNewImContactToGroup,
    AddNewTelUriContactToGroup,
    AddImContactToGroup,
    RemoveImContactFromGroup,
    RemoveContactFromImList,
    AddDistributionGroupToImList,
    RemoveDistributionGroupFromImList,
}

impl Request {
    /// Reads a request under the default limits.
    pub fn parse(document: &[u8]) -> Result<(RequestHeader, Self), Error> {
        Self::parse_within(document, &Limits::DEFAULT)
    }

    /// Reads a request.
    pub fn parse_within(document: &[u8], limits: &Limits) -> Result<(RequestHeader, Self), Error> {
        open(document, limits, Self::read)
    }
}
