//! What one direction writes, the other reads: requests as servers see them, responses as clients see them.

use jiff::civil;
use jiff::tz::Offset;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use tieline_proto_ews::operations as ops;
use tieline_proto_ews::restriction::{Constant, Contains, Excludes, Exists, Operand, Operands, TwoOperands};
use tieline_proto_ews::*;

fn request_goes_round<O>(request: O) -> Result<(), TestCaseError>
where
    O: Operation + Clone + Into<Request>,
{
    let header = RequestHeader::new(ExchangeVersion::Exchange2016)
        .impersonating(ConnectingSid::PrimarySmtpAddress("bob@lab.example".into()));
    let document = encode_request(&header, &request);
    let read = Request::parse(&document);
    prop_assert_eq!(read, Ok((header, request.into())), "{}", String::from_utf8_lossy(&document));
    Ok(())
}

fn response_goes_round<O>(response: O::Response) -> Result<(), TestCaseError>
where
    O: Operation,
    O::Response: PartialEq + std::fmt::Debug,
{
    let header = ResponseHeader {
        server_version_info: Some(ServerVersionInfo {
            major_version: Some(15),
            minor_version: Some(1),
            major_build_number: Some(2507),
            minor_build_number: Some(6),
            version: Some("Exchange2016".into()),
        }),
    };
    let document = encode_response::<O>(&header, &response);
    let read = decode_response::<O>(&document, &Limits::DEFAULT);
    let expected = Ok(Reply { header, body: Ok(response) });
    prop_assert_eq!(read, expected, "{}", String::from_utf8_lossy(&document));
    Ok(())
}

/// Text of characters that XML can carry; the others are replaced, which has its own test.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "[ -~]{0,24}",
        1 => vec(
            any::<char>().prop_filter("legal", |c| {
                matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
            }),
            0..12,
        )
        .prop_map(|chars| chars.into_iter().collect::<String>()),
    ]
    .boxed()
}

fn binary() -> BoxedStrategy<Binary> {
    vec(any::<u8>(), 0..80).prop_map(Binary::from).boxed()
}

fn date_time() -> BoxedStrategy<DateTime> {
    (1601_i16..2400, 1_i8..=12, 1_i8..=28, 0_i8..24, 0_i8..60, 0_i8..60, 0_i32..1000, of(-840_i32..=840))
        .prop_map(|(year, month, day, hour, minute, second, milli, offset)| DateTime {
            civil: civil::date(year, month, day).at(hour, minute, second, milli * 1_000_000),
            offset: offset.map(|minutes| Offset::from_seconds(minutes * 60).unwrap()),
        })
        .boxed()
}

fn item_id() -> BoxedStrategy<ItemId> {
    (text(), of(text())).prop_map(|(id, change_key)| ItemId { id, change_key }).boxed()
}

fn folder_id() -> BoxedStrategy<FolderId> {
    (text(), of(text())).prop_map(|(id, change_key)| FolderId { id, change_key }).boxed()
}

fn address() -> BoxedStrategy<EmailAddress> {
    (of(text()), of(text()), of(text()), of(item_id()))
        .prop_map(|(name, email_address, routing_type, item_id)| EmailAddress {
            name,
            email_address,
            routing_type,
            mailbox_type: Some(MailboxType::OneOff),
            item_id,
            original_display_name: None,
        })
        .boxed()
}

fn base_folder_id() -> BoxedStrategy<BaseFolderId> {
    prop_oneof![
        folder_id().prop_map(BaseFolderId::FolderId),
        of(address()).prop_map(|mailbox| BaseFolderId::Distinguished(DistinguishedFolderId {
            id: DistinguishedFolderName::Inbox,
            change_key: None,
            mailbox,
        })),
    ]
    .boxed()
}

fn extended_field_uri() -> BoxedStrategy<ExtendedFieldUri> {
    prop_oneof![
        any::<u16>().prop_map(|tag| ExtendedFieldUri::tag(tag, MapiPropertyType::Integer)),
        text().prop_map(|name| ExtendedFieldUri::name(
            DistinguishedPropertySet::PublicStrings,
            name,
            MapiPropertyType::String
        )),
        any::<i32>().prop_map(|id| ExtendedFieldUri::id(
            DistinguishedPropertySet::Common,
            id,
            MapiPropertyType::SystemTimeArray
        )),
    ]
    .boxed()
}

fn extended_property() -> BoxedStrategy<ExtendedProperty> {
    (extended_field_uri(), text(), vec(text(), 1..3), any::<bool>())
        .prop_map(|(uri, value, values, single)| {
            if single { ExtendedProperty::new(uri, value) } else { ExtendedProperty::array(uri, values) }
        })
        .boxed()
}

fn path() -> BoxedStrategy<PropertyPath> {
    prop_oneof![
        Just(FieldUri::ITEM_SUBJECT.into()),
        text().prop_map(|index| PropertyPath::indexed("contacts:PhoneNumber", index)),
        extended_field_uri().prop_map(PropertyPath::Extended),
    ]
    .boxed()
}

fn body() -> BoxedStrategy<ItemBody> {
    (any::<bool>(), of(any::<bool>()), text())
        .prop_map(|(html, is_truncated, text)| ItemBody {
            body_type: if html { BodyType::Html } else { BodyType::Text },
            is_truncated,
            text,
        })
        .boxed()
}

fn attachment_fields() -> BoxedStrategy<AttachmentFields> {
    (of(text()), of(text()), of(text()), of(any::<i32>()), of(date_time()), of(any::<bool>()))
        .prop_map(|(id, name, content_type, size, last_modified_time, is_inline)| AttachmentFields {
            attachment_id: id.map(|id| AttachmentId {
                id,
                root_item_id: None,
                root_item_change_key: Some("key".into()),
            }),
            name,
            content_type,
            content_id: None,
            content_location: None,
            attachment_original_url: None,
            size,
            last_modified_time,
            is_inline,
        })
        .boxed()
}

fn file_attachment() -> BoxedStrategy<Attachment> {
    (attachment_fields(), of(any::<bool>()), of(binary()))
        .prop_map(|(attachment, is_contact_photo, content)| {
            Attachment::File(FileAttachment { attachment, is_contact_photo, content })
        })
        .boxed()
}

fn message() -> BoxedStrategy<Message> {
    (
        of(address()),
        vec(address(), 0..3),
        vec(address(), 0..2),
        of(any::<bool>()),
        of(text()),
        of(binary()),
        of(text()),
    )
        .prop_map(|(from, to, cc, is_read, id, index, references)| Message {
            sender: from.clone().map(Into::into),
            from: from.map(Into::into),
            to_recipients: to,
            cc_recipients: cc,
            is_read,
            internet_message_id: id,
            conversation_index: index,
            references,
            ..Message::default()
        })
        .boxed()
}

fn flat_item() -> BoxedStrategy<Item> {
    (
        message(),
        (of(item_id()), of(folder_id()), of(text()), of(text()), of(body()), of(binary())),
        (of(date_time()), of(any::<i32>()), vec(text(), 0..3), vec(extended_property(), 0..3)),
        vec(file_attachment(), 0..3),
        of((text(), text())),
    )
        .prop_map(
            |(
                message,
                (id, parent, class, subject, body, mime),
                (received, size, categories, properties),
                attachments,
                header,
            )| Item {
                item_id: id,
                parent_folder_id: parent,
                item_class: class,
                subject,
                body,
                mime_content: mime.map(MimeContent::new),
                date_time_received: received,
                size,
                categories,
                extended_properties: properties,
                attachments,
                internet_message_headers: header
                    .map(|(header_name, value)| InternetMessageHeader { header_name, value })
                    .into_iter()
                    .collect(),
                importance: Some(Importance::High),
                flag: Some(Flag {
                    flag_status: Some(FlagStatus::Flagged),
                    due_date: received,
                    ..Flag::default()
                }),
                effective_rights: Some(EffectiveRights { read: true, ..EffectiveRights::default() }),
                ..Item::from_message(message)
            },
        )
        .boxed()
}

/// A message, perhaps with a message attached to it.
fn item() -> BoxedStrategy<Item> {
    (flat_item(), of((attachment_fields(), flat_item())))
        .prop_map(|(mut item, attached)| {
            item.attachments.extend(attached.map(|(attachment, item)| {
                Attachment::Item(ItemAttachment { attachment, item: Some(Box::new(item)) })
            }));
            item
        })
        .boxed()
}

fn expression() -> BoxedStrategy<SearchExpression> {
    let comparison = || {
        (path(), prop_oneof![text().prop_map(Operand::Constant), path().prop_map(Operand::Path)])
            .prop_map(|(path, operand)| TwoOperands { path: Some(path), operand: Some(operand) })
    };
    let leaf = prop_oneof![
        path().prop_map(|path| SearchExpression::Exists(Exists { path: Some(path) })),
        comparison().prop_map(SearchExpression::IsEqualTo),
        comparison().prop_map(SearchExpression::IsLessThanOrEqualTo),
        (path(), text()).prop_map(|(path, value)| SearchExpression::Contains(Contains {
            mode: Some(ContainmentMode::Substring),
            comparison: Some(ContainmentComparison::Loose),
            path: Some(path),
            constant: Constant { value },
        })),
        path().prop_map(|path| SearchExpression::Excludes(Excludes {
            path: Some(path),
            bitmask: Constant { value: "0x01".into() },
        })),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|expressions| SearchExpression::And(Operands { expressions })),
            vec(inner.clone(), 2..4).prop_map(|expressions| SearchExpression::Or(Operands { expressions })),
            inner.prop_map(SearchExpression::negated),
        ]
    })
    .boxed()
}

fn message_of<P: Default + std::fmt::Debug>(
    payload: impl Strategy<Value = P>,
) -> impl Strategy<Value = ResponseMessages<P>> {
    let entry =
        (payload, text(), text(), 0_u8..4).prop_map(|(payload, sentence, value, outcome)| match outcome {
            0 => ResponseMessage {
                xml: MessageXml {
                    values: vec![("BackOffMilliseconds".into(), value)],
                    paths: vec![FieldUri::ITEM_SUBJECT.into()],
                    elements: vec![("Violation".into(), sentence.clone())],
                },
                ..ResponseMessage::error(ResponseCode::ErrorServerBusy, sentence)
            },
            1 => ResponseMessage { payload, ..ResponseMessage::warning("ErrorNew".into_code(), sentence) },
            _ => ResponseMessage::success(payload),
        });
    vec(entry, 0..3).prop_map(ResponseMessages::new)
}

trait IntoCode {
    fn into_code(self) -> ResponseCode;
}

impl IntoCode for &str {
    fn into_code(self) -> ResponseCode {
        ResponseCode::from(self)
    }
}

fn event() -> BoxedStrategy<ops::Event> {
    let object = (of(text()), date_time(), item_id(), folder_id(), of(any::<i32>())).prop_map(
        |(watermark, time, item, parent, unread_count)| ops::ObjectEvent {
            watermark,
            time_stamp: Some(time),
            subject: Some(ops::EventSubject::Item(item)),
            parent_folder_id: Some(parent),
            unread_count,
            ..ops::ObjectEvent::default()
        },
    );
    (object, item_id(), folder_id(), 0_u8..4)
        .prop_map(|(event, item, folder, kind)| match kind {
            0 => ops::Event::NewMail(event),
            1 => ops::Event::Modified(event),
            2 => ops::Event::Moved(ops::ObjectEvent {
                unread_count: None,
                old_subject: Some(ops::OldSubject::Item(item)),
                old_parent_folder_id: Some(folder),
                ..event
            }),
            _ => ops::Event::Status(ops::StatusEvent { watermark: event.watermark }),
        })
        .boxed()
}

fn notification() -> BoxedStrategy<ops::Notification> {
    (text(), of(text()), of(any::<bool>()), vec(event(), 0..4))
        .prop_map(|(subscription_id, previous_watermark, more_events, events)| ops::Notification {
            subscription_id,
            previous_watermark,
            more_events,
            events,
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn create_item(items in vec(item(), 0..3), folder in of(base_folder_id())) {
        request_goes_round(ops::CreateItem {
            message_disposition: Some(ops::MessageDisposition::SaveOnly),
            send_meeting_invitations: None,
            saved_item_folder_id: folder.map(|folder| ops::TargetFolderId { folder: Some(folder) }),
            items,
        })?;
    }

    #[test]
    fn update_item(id in item_id(), path in path(), item in flat_item(), deleted in path()) {
        request_goes_round(ops::UpdateItem {
            conflict_resolution: ops::ConflictResolution::AlwaysOverwrite,
            message_disposition: Some(ops::MessageDisposition::SaveOnly),
            suppress_read_receipts: Some(true),
            item_changes: vec![ops::ItemChange {
                item_id: Some(id.into()),
                updates: vec![
                    ops::ItemChangeDescription::set(path, item),
                    ops::ItemChangeDescription::delete(deleted),
                ],
            }],
            ..ops::UpdateItem::default()
        })?;
    }

    #[test]
    fn find_item(expression in of(expression()), parents in vec(base_folder_id(), 1..3), paths in vec(path(), 0..3)) {
        request_goes_round(ops::FindItem {
            item_shape: ItemShape::ids_and(paths.clone()),
            view: Some(ops::ItemView::Indexed(ops::IndexedPageView {
                max_entries_returned: Some(100),
                offset: 200,
                base_point: ops::IndexBasePoint::End,
            })),
            restriction: expression.map(Into::into),
            sort_order: paths
                .into_iter()
                .map(|path| ops::FieldOrder { order: ops::SortDirection::Descending, path: Some(path) })
                .collect(),
            parent_folder_ids: parents,
            ..ops::FindItem::default()
        })?;
    }

    #[test]
    fn find_item_answers(messages in message_of((vec(item(), 0..3), any::<i32>()).prop_map(|(items, offset)| {
        ops::FindItemMessage {
            root_folder: Some(ops::FindItemParent {
                indexed_paging_offset: Some(offset),
                includes_last_item_in_range: Some(true),
                found: Some(ops::FoundItems::Items(items)),
                ..ops::FindItemParent::default()
            }),
        }
    }))) {
        response_goes_round::<ops::FindItem>(messages)?;
    }

    #[test]
    fn get_item_answers(messages in message_of(item().prop_map(ops::ItemInfo::from))) {
        response_goes_round::<ops::GetItem>(messages)?;
    }

    #[test]
    fn sync_folder_items_answers(messages in message_of((of(text()), item(), item_id(), any::<bool>()).prop_map(
        |(sync_state, item, id, flag)| ops::SyncFolderItemsMessage {
            sync_state,
            includes_last_item_in_range: Some(flag),
            changes: vec![
                ops::SyncFolderItemsChange::Create(ops::SyncItem { item: Some(item) }),
                ops::SyncFolderItemsChange::Delete(ops::SyncItemDelete { item_id: id.clone() }),
                ops::SyncFolderItemsChange::ReadFlagChange(ops::SyncReadFlag { item_id: id, is_read: flag }),
            ],
        },
    ))) {
        response_goes_round::<ops::SyncFolderItems>(messages)?;
    }

    #[test]
    fn attachments(parent in item_id(), attachments in vec(file_attachment(), 1..3)) {
        response_goes_round::<ops::GetAttachment>(ResponseMessages::one(ResponseMessage::success(
            ops::AttachmentInfo { attachments: attachments.clone() },
        )))?;
        request_goes_round(ops::CreateAttachment { parent_item_id: parent, attachments })?;
    }

    #[test]
    fn notifications(notification in notification(), others in vec(notification(), 0..3)) {
        response_goes_round::<ops::GetEvents>(ResponseMessages::one(ResponseMessage::success(
            ops::GetEventsMessage { notification: Some(notification.clone()) },
        )))?;
        response_goes_round::<ops::GetStreamingEvents>(ResponseMessages::one(ResponseMessage::success(
            ops::GetStreamingEventsMessage {
                notifications: others,
                error_subscription_ids: vec![],
                connection_status: Some(ops::ConnectionStatus::Ok),
            },
        )))?;
        request_goes_round::<ops::SendNotification>(ResponseMessages::one(ResponseMessage::success(
            ops::SendNotificationMessage { notification: Some(notification) },
        )))?;
    }

    #[test]
    fn faults(sentence in text(), back_off in 0_u64..1_000_000) {
        let mut fault = Fault::new(ResponseCode::ErrorServerBusy, sentence);
        fault.xml = MessageXml::with_back_off(std::time::Duration::from_millis(back_off));
        let document = encode_fault(&fault);
        let reply = decode_response::<ops::GetItem>(&document, &Limits::DEFAULT).unwrap();
        prop_assert_eq!(reply.body, Err(fault));
    }
}

/// Every operation, empty: names, namespaces and the pattern of its response.
macro_rules! every_operation {
    ($($operation:ident),+ $(,)?) => {
        #[test]
        fn every_operation_goes_round() {
            $(
                request_goes_round(ops::$operation::default()).unwrap();
                response_goes_round::<ops::$operation>(Default::default()).unwrap();
            )+
        }
    };
}

every_operation! {
    ConvertId, GetFolder, FindFolder, FindItem, GetItem, CreateItem, UpdateItem, DeleteItem, MoveItem, CopyItem,
    SendItem, CreateAttachment, GetAttachment, DeleteAttachment, SyncFolderItems, SyncFolderHierarchy, Subscribe,
    GetEvents, GetStreamingEvents, Unsubscribe, SendNotification, CreateFolder, UpdateFolder, DeleteFolder,
    EmptyFolder, MoveFolder, CopyFolder, ResolveNames, GetServerTimeZones, MarkAllItemsAsRead, GetUserOofSettings,
    SetUserOofSettings, GetUserAvailability, GetUserConfiguration, GetDelegate, GetRoomLists, GetRooms, ExpandDL,
    CreateUserConfiguration, UpdateUserConfiguration, DeleteUserConfiguration, AddDelegate, UpdateDelegate,
    RemoveDelegate, GetInboxRules, UpdateInboxRules, GetMailTips, FindPeople, GetPersona, ExportItems,
    UploadItems, MarkAsJunk, ArchiveItem, CreateManagedFolder, GetPasswordExpirationDate, FindConversation,
    GetConversationItems, ApplyConversationAction, GetServiceConfiguration, GetUserPhoto, PlayOnPhone,
    GetPhoneCallInformation, DisconnectPhoneCall, GetSearchableMailboxes, GetImItemList, GetImItems,
    AddImGroup, SetImGroup, RemoveImGroup, AddNewImContactToGroup, AddNewTelUriContactToGroup,
    AddImContactToGroup, RemoveImContactFromGroup, RemoveContactFromImList, AddDistributionGroupToImList,
    RemoveDistributionGroupFromImList,
}
