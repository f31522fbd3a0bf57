//! A well-filled item of every kind, and the answers that are not about items, there and back again.

use tieline_proto_ews::operations as ops;
use tieline_proto_ews::recurrence::*;
use tieline_proto_ews::time_zone::*;
use tieline_proto_ews::*;

fn at(text: &str) -> Option<DateTime> {
    DateTime::from_xml(text)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The item as `GetItem` would bring it, after checking that the document holds `pieces` in this order.
fn there_and_back(item: &Item, pieces: &[&str]) -> Item {
    let response = ResponseMessages::one(ResponseMessage::success(ops::ItemInfo::from(item.clone())));
    let document = encode_response::<ops::GetItem>(&ResponseHeader::default(), &response);
    let text = String::from_utf8(document.clone()).unwrap();
    let mut rest = text.as_str();
    for piece in pieces {
        let (_, after) = rest.split_once(piece).unwrap_or_else(|| panic!("{piece} is not in {rest}"));
        rest = after;
    }
    let reply = decode_response::<ops::GetItem>(&document, &Limits::DEFAULT).unwrap();
    reply.body.unwrap().messages.swap_remove(0).payload.items.swap_remove(0)
}

fn goes_round(item: Item, pieces: &[&str]) {
    assert_eq!(there_and_back(&item, pieces), item);
}

fn answer_goes_round<O: Operation>(response: O::Response, pieces: &[&str])
where
    O::Response: PartialEq + std::fmt::Debug,
{
    let document = encode_response::<O>(&ResponseHeader::default(), &response);
    let text = String::from_utf8(document.clone()).unwrap();
    for piece in pieces {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }
    let reply = decode_response::<O>(&document, &Limits::DEFAULT).unwrap();
    assert_eq!(reply.body, Ok(response));
}

fn recurrence() -> Recurrence {
    Recurrence {
        pattern: Some(RecurrencePattern::RelativeMonthly(RelativeMonthly {
            interval: 3,
            days_of_week: "Thursday".into(),
            day_of_week_index: "Last".into(),
        })),
        range: Some(RecurrenceRange::EndDate(EndDate {
            start_date: Date::from_xml("2026-11-26"),
            end_date: Date::from_xml("2027-11-25Z"),
        })),
    }
}

fn berlin() -> TimeZoneDefinition {
    let to = |kind, id: &str| TransitionTarget { kind, id: id.into() };
    let period = |bias: &str, name: &str| Period { bias: bias.into(), name: name.into(), id: name.into() };
    let change = |id: &str, month| {
        AnyTransition::RecurringDay(RecurringDayTransition {
            to: to(TransitionTargetKind::Period, id),
            time_offset: "PT2H".into(),
            month,
            day_of_week: "Sunday".into(),
            occurrence: -1,
        })
    };
    TimeZoneDefinition {
        id: some("W. Europe Standard Time"),
        name: some(""),
        periods: vec![period("-PT1H", "Standard"), period("-PT2H", "Daylight")],
        transitions_groups: vec![Transitions {
            id: some("0"),
            transitions: vec![change("Daylight", 3), change("Standard", 10)],
        }],
        transitions: Some(Transitions {
            id: None,
            transitions: vec![AnyTransition::Transition(Transition {
                to: to(TransitionTargetKind::Group, "0"),
            })],
        }),
    }
}

fn attendee(address: &str) -> Attendee {
    Attendee {
        mailbox: EmailAddress::named("Somebody", address),
        response_type: Some(ResponseType::Tentative),
        last_response_time: at("2026-11-23T10:00:00Z"),
        ..Attendee::default()
    }
}

#[test]
fn calendar_items() {
    let calendar = CalendarItem {
        uid: some("040000008200E00074C5B7101A82E008"),
        start: at("2026-11-26T09:00:00+01:00"),
        end: at("2026-11-26T10:00:00+01:00"),
        is_all_day_event: Some(false),
        legacy_free_busy_status: Some(LegacyFreeBusyStatus::Oof),
        location: some("Room 1"),
        calendar_item_type: Some(CalendarItemType::RecurringMaster),
        organizer: Some(EmailAddress::smtp("alice@lab.example").into()),
        required_attendees: vec![attendee("bob@lab.example"), attendee("carol@lab.example")],
        resources: vec![attendee("room1@lab.example")],
        recurrence: Some(recurrence()),
        modified_occurrences: vec![OccurrenceInfo {
            item_id: ItemId::new("AAMkOcc"),
            start: at("2027-02-25T11:00:00Z"),
            end: at("2027-02-25T12:00:00Z"),
            original_start: at("2027-02-25T08:00:00Z"),
        }],
        deleted_occurrences: vec![DeletedOccurrence { start: at("2027-05-27T07:00:00Z") }],
        start_time_zone: Some(berlin()),
        end_time_zone: Some(TimeZoneDefinition::by_id("tzone://Microsoft/Utc")),
        meeting_time_zone: Some(MeetingTimeZone {
            time_zone_name: some("Berlin"),
            base_offset: some("-PT60M"),
            standard: Some(TimeChange {
                offset: "PT0M".into(),
                relative_yearly_recurrence: Some(RelativeYearly {
                    days_of_week: "Sunday".into(),
                    day_of_week_index: "Last".into(),
                    month: "October".into(),
                }),
                time: "03:00:00".into(),
                ..TimeChange::default()
            }),
            daylight: None,
        }),
        enhanced_location: Some(EnhancedLocation {
            display_name: "Room 1".into(),
            postal_address: Some(PostalAddress { latitude: Some(52.5), ..PostalAddress::default() }),
            ..EnhancedLocation::default()
        }),
        ..CalendarItem::default()
    };
    let item = Item {
        subject: some("Planning"),
        reminder_minutes_before_start: Some(15),
        ..Item::new(ItemKind::CalendarItem(Box::new(calendar)))
    };
    goes_round(
        item,
        &[
            "<t:CalendarItem><t:Subject>",
            "<t:UID>",
            "<t:LegacyFreeBusyStatus>OOF<",
            "<t:RequiredAttendees><t:Attendee><t:Mailbox><t:Name>",
            "<t:Recurrence><t:RelativeMonthlyRecurrence><t:Interval>3<",
            "<t:EndDateRecurrence><t:StartDate>2026-11-26</t:StartDate><t:EndDate>2027-11-25Z<",
            "<t:StartTimeZone Id=\"W. Europe Standard Time\" Name=\"\"><t:Periods><t:Period Bias=\"-PT1H\"",
            "<t:RecurringDayTransition><t:To Kind=\"Period\">Daylight</t:To>",
            "<t:EndTimeZone Id=\"tzone://Microsoft/Utc\"/>",
        ],
    );
}

#[test]
fn contacts() {
    let contact = Contact {
        file_as: some("Doe, Jane"),
        file_as_mapping: Some(FileAsMapping::LastCommaFirst),
        display_name: some("Jane Doe"),
        given_name: some("Jane"),
        complete_name: Some(CompleteName { full_name: some("Dr. Jane Doe"), ..CompleteName::default() }),
        company_name: some("Lab"),
        email_addresses: vec![EmailAddressEntry {
            key: "EmailAddress1".into(),
            name: some("Jane"),
            routing_type: some("SMTP"),
            mailbox_type: Some(MailboxType::OneOff),
            address: "jane@lab.example".into(),
        }],
        physical_addresses: vec![PhysicalAddressEntry {
            key: "Business".into(),
            street: some("1 Lab Lane\r\nBack entrance"),
            country_or_region: some("Sweden"),
            ..PhysicalAddressEntry::default()
        }],
        phone_numbers: vec![
            PhoneNumberEntry { key: "BusinessPhone".into(), number: "+46 8 5555 0100".into() },
            PhoneNumberEntry { key: "MobilePhone".into(), number: String::new() },
        ],
        birthday: at("1980-02-29T11:59:00Z"),
        children: vec!["Ann".into(), "Ben".into()],
        im_addresses: vec![ImAddressEntry {
            key: "ImAddress1".into(),
            address: "sip:jane@lab.example".into(),
        }],
        surname: some("Doe"),
        has_picture: Some(true),
        photo: Some(Binary::from(&b"\xFF\xD8"[..])),
        user_smime_certificate: vec![Binary::from(&b"cert"[..])],
        ..Contact::default()
    };
    goes_round(
        Item::new(ItemKind::Contact(Box::new(contact.clone()))),
        &[
            "<t:Contact><t:FileAs>",
            "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\" Name=\"Jane\" RoutingType=\"SMTP\" MailboxType=\"OneOff\">jane@",
            "<t:PhysicalAddresses><t:Entry Key=\"Business\"><t:Street>1 Lab Lane&#xD;&#xA;Back",
            "<t:PhoneNumbers><t:Entry Key=\"BusinessPhone\">+46",
            "<t:Children><t:String>Ann<",
            "<t:ImAddresses><t:Entry Key=\"ImAddress1\">sip:jane@",
            "<t:Surname>",
            "<t:UserSMIMECertificate><t:Base64Binary>",
        ],
    );
    let resolution = ops::Resolution {
        mailbox: EmailAddress::named("Jane Doe", "SMTP:jane@lab.example"),
        contact: Some(Box::new(Item::new(ItemKind::Contact(Box::new(contact.clone()))))),
    };
    assert_eq!(resolution.contact_fields(), Some(&contact));
    answer_goes_round::<ops::ResolveNames>(
        ResponseMessages::one(ResponseMessage {
            payload: ops::ResolveNamesMessage {
                resolution_set: Some(ops::ResolutionSet {
                    total_items_in_view: Some(2),
                    includes_last_item_in_range: Some(true),
                    resolutions: vec![resolution],
                    ..ops::ResolutionSet::default()
                }),
            },
            ..ResponseMessage::warning(ResponseCode::ErrorNameResolutionMultipleResults, "Several.")
        }),
        &[
            "<m:ResolutionSet IncludesLastItemInRange=\"true\" TotalItemsInView=\"2\"><t:Resolution><t:Mailbox>",
        ],
    );
}

#[test]
fn distribution_lists_tasks_and_posts() {
    let list = DistributionList {
        display_name: some("Team"),
        members: vec![Member {
            key: some("AAAAAIErH6S"),
            mailbox: Some(EmailAddress::smtp("bob@lab.example")),
            status: Some(MemberStatus::Normal),
        }],
        ..DistributionList::default()
    };
    goes_round(
        Item::new(ItemKind::DistributionList(Box::new(list))),
        &["<t:Members><t:Member Key=\"AAAAAIErH6S\">"],
    );
    let task = Task {
        percent_complete: Some(12.5),
        recurrence: Some(Recurrence {
            pattern: Some(RecurrencePattern::WeeklyRegeneration(Interval { interval: 2 })),
            range: Some(RecurrenceRange::NoEnd(NoEnd { start_date: Date::from_xml("2026-11-23") })),
        }),
        status: Some(TaskStatus::InProgress),
        ..Task::default()
    };
    goes_round(
        Item::new(ItemKind::Task(Box::new(task))),
        &["<t:Task><t:PercentComplete>12.5<", "<t:WeeklyRegeneration>", "<t:Status>InProgress<"],
    );
    let post =
        PostItem { is_read: Some(false), posted_time: at("2026-11-23T08:00:00Z"), ..PostItem::default() };
    goes_round(Item::new(ItemKind::PostItem(Box::new(post))), &["<t:PostItem><t:IsRead>false<"]);
    goes_round(Item { subject: some("note"), ..Item::new(ItemKind::Item) }, &["<t:Item><t:Subject>"]);
    goes_round(Item::new(ItemKind::Unknown("Network".into())), &["<t:Network/>"]);
}

#[test]
fn meeting_messages() {
    let meeting = MeetingMessage {
        message: Message { is_read: Some(false), ..Message::default() },
        associated_calendar_item_id: Some(ItemId::with_key("AAMkCal", "DwAA")),
        response_type: Some(ResponseType::Accept),
        uid: some("0400"),
        ..MeetingMessage::default()
    };
    let request = MeetingRequest {
        meeting: meeting.clone(),
        meeting_request_type: Some(MeetingRequestType::NewMeetingRequest),
        start: at("2026-11-26T08:00:00Z"),
        recurrence: Some(recurrence()),
        change_highlights: Some(ChangeHighlights {
            has_location_changed: Some(true),
            ..ChangeHighlights::default()
        }),
        ..MeetingRequest::default()
    };
    goes_round(
        Item::new(ItemKind::MeetingRequest(Box::new(request))),
        &[
            "<t:MeetingRequest><t:IsRead>",
            "<t:AssociatedCalendarItemId",
            "<t:MeetingRequestType>NewMeetingRequest<",
            "<t:Recurrence>",
        ],
    );
    let response = MeetingResponse {
        meeting: meeting.clone(),
        proposed_start: at("2026-11-26T09:00:00Z"),
        ..MeetingResponse::default()
    };
    goes_round(Item::new(ItemKind::MeetingResponse(Box::new(response))), &["<t:ProposedStart>"]);
    let cancellation = MeetingCancellation { meeting: meeting.clone(), ..MeetingCancellation::default() };
    goes_round(
        Item::new(ItemKind::MeetingCancellation(Box::new(cancellation))),
        &["<t:MeetingCancellation>"],
    );
    goes_round(Item::new(ItemKind::MeetingMessage(Box::new(meeting))), &["<t:MeetingMessage>"]);
}

#[test]
fn an_invitation_is_accepted_by_creating_an_item() {
    let acceptance = ResponseObject {
        body: Some(ItemBody::text("Gladly.")),
        reference_item_id: Some(ItemId::with_key("AAMkReq", "CwAA")),
        ..ResponseObject::default()
    };
    let request = ops::CreateItem {
        message_disposition: Some(ops::MessageDisposition::SendAndSaveCopy),
        items: vec![Item::new(ItemKind::ResponseObject(
            ResponseObjectKind::AcceptItem,
            Box::new(acceptance),
        ))],
        ..ops::CreateItem::default()
    };
    let document = encode_request(&RequestHeader::default(), &request);
    let text = String::from_utf8(document.clone()).unwrap();
    assert!(text.contains(
        "<m:Items><t:AcceptItem><t:Body BodyType=\"Text\">Gladly.</t:Body><t:ReferenceItemId Id=\"AAMkReq\" ChangeKey=\"CwAA\"/></t:AcceptItem></m:Items>"
    ), "{text}");
    assert_eq!(Request::parse(&document).unwrap().1, Request::CreateItem(request));
    let answerable = Item {
        response_objects: vec![ResponseObjectKind::ReplyToItem, ResponseObjectKind::ForwardItem],
        ..Item::from_message(Message::default())
    };
    goes_round(answerable, &["<t:ResponseObjects><t:ReplyToItem/><t:ForwardItem/></t:ResponseObjects>"]);
}

#[test]
fn availability() {
    let changing = |bias, month| SerializableTimeZoneTime {
        bias,
        time: "02:00:00".into(),
        day_order: 5,
        month,
        day_of_week: "Sunday".into(),
        year: None,
    };
    let zone =
        SerializableTimeZone { bias: -60, standard_time: changing(0, 10), daylight_time: changing(-60, 3) };
    let view = ops::FreeBusyView {
        free_busy_view_type: ops::FreeBusyViewType::DetailedMerged,
        merged_free_busy: some("0022"),
        calendar_event_array: vec![ops::CalendarEvent {
            start_time: at("2026-11-23T09:00:00"),
            end_time: at("2026-11-23T09:30:00"),
            busy_type: Some(LegacyFreeBusyStatus::Busy),
            calendar_event_details: Some(ops::CalendarEventDetails {
                subject: some("Planning"),
                is_meeting: true,
                ..ops::CalendarEventDetails::default()
            }),
        }],
        working_hours: Some(ops::WorkingHours {
            time_zone: zone,
            working_period_array: vec![ops::WorkingPeriod {
                day_of_week: "Monday Tuesday".into(),
                start_time_in_minutes: 480,
                end_time_in_minutes: 1020,
            }],
        }),
    };
    let response = ops::GetUserAvailabilityResponse {
        free_busy_response_array: Some(ops::FreeBusyResponses {
            responses: vec![
                ops::FreeBusyResponse {
                    response_message: Some(ResponseMessage::default()),
                    free_busy_view: Some(view),
                },
                ops::FreeBusyResponse {
                    response_message: Some(ResponseMessage::error(
                        ResponseCode::ErrorMailRecipientNotFound,
                        "Unknown.",
                    )),
                    free_busy_view: None,
                },
            ],
        }),
        suggestions_response: None,
    };
    answer_goes_round::<ops::GetUserAvailability>(
        response,
        &[
            "<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray><m:FreeBusyResponse><m:ResponseMessage ResponseClass=\"Success\">",
            "<m:FreeBusyView><t:FreeBusyViewType>DetailedMerged</t:FreeBusyViewType><t:MergedFreeBusy>0022<",
            "<t:CalendarEvent><t:StartTime>2026-11-23T09:00:00</t:StartTime>",
        ],
    );
}

#[test]
fn automatic_replies() {
    let response = ops::GetUserOofSettingsResponse {
        response_message: ResponseMessage::default(),
        oof_settings: Some(ops::UserOofSettings {
            oof_state: ops::OofState::Scheduled,
            external_audience: ops::ExternalAudience::Known,
            duration: Some(ops::Duration {
                start_time: at("2026-12-24T00:00:00Z"),
                end_time: at("2026-12-27T00:00:00Z"),
            }),
            internal_reply: Some(ops::ReplyBody {
                lang: some("sv-SE"),
                message: some("\u{FEFF}<p>Away</p>"),
            }),
            ..ops::UserOofSettings::default()
        }),
        allow_external_oof: Some(ops::ExternalAudience::All),
    };
    answer_goes_round::<ops::GetUserOofSettings>(
        response,
        &[
            "<t:OofSettings><t:OofState>Scheduled</t:OofState>",
            "<t:InternalReply xml:lang=\"sv-SE\"><t:Message>\u{FEFF}&lt;p&gt;",
            "<m:AllowExternalOof>All<",
        ],
    );
}

#[test]
fn delegates_rooms_and_lists() {
    answer_goes_round::<ops::GetDelegate>(
        ResponseMessage::success(ops::Delegates {
            response_messages: Some(ops::DelegateUserMessages {
                messages: vec![ResponseMessage::success(ops::DelegateUserMessage {
                    delegate_user: Some(ops::DelegateUser {
                        user_id: UserId {
                            primary_smtp_address: some("bob@lab.example"),
                            ..UserId::default()
                        },
                        delegate_permissions: Some(ops::DelegatePermissions {
                            calendar_folder_permission_level: Some(
                                ops::DelegateFolderPermissionLevel::Editor,
                            ),
                            ..ops::DelegatePermissions::default()
                        }),
                        receive_copies_of_meeting_messages: Some(true),
                        view_private_items: Some(false),
                    }),
                })],
            }),
            deliver_meeting_requests: Some(ops::DeliverMeetingRequests::DelegatesAndMe),
        }),
        &[
            "<m:GetDelegateResponse ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:ResponseMessages>\
             <m:DelegateUserResponseMessageType ResponseClass=\"Success\">",
            "<m:DelegateUser><t:UserId><t:PrimarySmtpAddress>",
            "<m:DeliverMeetingRequests>DelegatesAndMe<",
        ],
    );
    answer_goes_round::<ops::GetRooms>(
        ResponseMessage::success(ops::Rooms {
            rooms: vec![ops::Room { id: EmailAddress::named("Room 1", "room1@lab.example") }],
        }),
        &["<m:GetRoomsResponse ResponseClass=\"Success\">", "<m:Rooms><t:Room><t:Id><t:Name>Room 1<"],
    );
    answer_goes_round::<ops::ExpandDL>(
        ResponseMessages::one(ResponseMessage::success(ops::ExpandDLMessage {
            dl_expansion: Some(ops::DLExpansion {
                total_items_in_view: Some(1),
                mailboxes: vec![EmailAddress::smtp("bob@lab.example")],
                ..ops::DLExpansion::default()
            }),
        })),
        &["<m:DLExpansion TotalItemsInView=\"1\"><t:Mailbox>"],
    );
}

#[test]
fn converted_ids_say_their_type() {
    let id = ops::AlternateId {
        format: ops::IdFormat::HexEntryId,
        id: "00FF".into(),
        mailbox: "alice@lab.example".into(),
        is_archive: None,
    };
    let folder = ops::AlternatePublicFolderId { format: ops::IdFormat::EntryId, folder_id: "x".into() };
    let messages = [ops::SourceId::Mailbox(id), ops::SourceId::PublicFolder(folder)]
        .map(|id| ResponseMessage::success(ops::ConvertIdMessage { alternate_id: Some(id) }));
    answer_goes_round::<ops::ConvertId>(
        messages.into_iter().collect(),
        &["i:type=\"t:AlternateIdType\" Format=\"HexEntryId\" Id=\"00FF\" Mailbox=\"alice@lab.example\"/>"],
    );
}

#[test]
fn folders_of_every_kind() {
    let search = Folder {
        kind: FolderKind::SearchFolder,
        unread_count: Some(2),
        search_parameters: Some(SearchParameters {
            traversal: some("Deep"),
            restriction: Some(SearchExpression::has_prefix(
                FieldUri::ITEM_CLASS,
                "IPM.Note.Microsoft.Voicemail",
            )),
            base_folder_ids: vec![DistinguishedFolderName::MsgFolderRoot.into()],
        }),
        ..Folder::named("Voice Mail", "IPF.Note.Microsoft.Voicemail")
    };
    let calendar = Folder {
        permission_set: Some(PermissionSet {
            calendar_permissions: vec![Permission {
                user_id: UserId { distinguished_user: some("Default"), ..UserId::default() },
                can_create_items: Some(false),
                edit_items: Some(PermissionAction::None),
                calendar_permission_level: some("FreeBusyTimeOnly"),
                ..Permission::default()
            }],
            ..PermissionSet::default()
        }),
        effective_rights: Some(EffectiveRights { read: true, ..EffectiveRights::default() }),
        sharing_effective_rights: some("FullDetails"),
        ..Folder::named("Calendar", "IPF.Appointment")
    };
    assert_eq!(calendar.kind, FolderKind::CalendarFolder);
    let unknown = Folder { kind: FolderKind::Unknown("NewFolder".into()), ..Folder::default() };
    answer_goes_round::<ops::GetFolder>(
        [search, calendar, unknown]
            .map(|folder| ResponseMessage::success(ops::FolderInfo::from(folder)))
            .into_iter()
            .collect(),
        &[
            "<t:SearchParameters Traversal=\"Deep\"><t:Restriction><t:Contains ContainmentMode=\"Prefixed\" ContainmentComparison=\"IgnoreCase\">",
            "<t:CalendarFolder><t:FolderClass>IPF.Appointment</t:FolderClass><t:DisplayName>Calendar<",
            "<t:PermissionSet><t:CalendarPermissions><t:CalendarPermission><t:UserId>",
            "<t:NewFolder/>",
        ],
    );
}

#[test]
fn a_series_is_named_with_ranges_of_its_occurrences() {
    let range = OccurrencesRange {
        start: at("2026-11-23T00:00:00Z"),
        end: at("2026-12-23T00:00:00Z"),
        count: Some(5),
        compare_original_start_time: Some(true),
    };
    let id = RecurringMasterItemIdRanges {
        id: "AAMk".to_owned(),
        change_key: some("EAAA"),
        ranges: vec![range, OccurrencesRange::default()],
    };
    let request =
        ops::GetItem { item_ids: vec![BaseItemId::RecurringMasterRanges(id)], ..ops::GetItem::default() };
    let document = encode_request(&RequestHeader::default(), &request);
    let (_, read) = Request::parse(&document).unwrap();
    assert_eq!(read, Request::GetItem(request));
}
