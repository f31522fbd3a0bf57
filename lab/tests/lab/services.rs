//! Mailbox services over EWS: conversations, calls, grouping, limits, settings of the organisation, automatic mail.

use tieline_proto_ews::{
    DistinguishedFolderName, EmailAddress, ExtendedFieldUri, ExtendedProperty, FieldUri, Folder, Item,
    ItemBody, MapiPropertyType, Message, PropertyPath, ResponseCode, ResponseMessage, UserId,
    operations::{
        AddDelegate, AddDistributionGroupToImList, AddImContactToGroup, AddImGroup, AddNewImContactToGroup,
        AddNewTelUriContactToGroup, Aggregate, AggregateOn, ApplyConversationAction, ConversationAction,
        ConversationActionType, ConversationRequest, CreateFolder, CreateItem, DelegateFolderPermissionLevel,
        DelegatePermissions, DelegateUser, Delegates, DeliverMeetingRequests, DisconnectPhoneCall,
        FindConversation, FoundItems, GetConversationItems, GetDelegate, GetImItemList, GetImItems,
        GetInboxRules, GetPasswordExpirationDate, GetPhoneCallInformation, GetServiceConfiguration,
        GetUserPhoto, GroupBy, Grouping, MessageDisposition, OofState, PhoneCallState, PlayOnPhone,
        RemoveContactFromImList, RemoveDistributionGroupFromImList, RemoveImContactFromGroup, RemoveImGroup,
        ReplyBody, RequestedConfiguration, Rule, RuleActions, RuleOperation, RuleOperationRule,
        RulePredicates, ServiceConfigurationName, SetImGroup, SetUserOofSettings, SortDirection,
        UpdateDelegate, UpdateInboxRules, UserOofSettings,
    },
};

use crate::client::{Bench, find, message, reply_of};

/// Mail from alice.
fn mail(to: &str, subject: &str) -> CreateItem {
    let message = Message { to_recipients: vec![EmailAddress::smtp(to)], ..Message::default() };
    let mut item = Item::from_message(message);
    item.subject = Some(subject.to_owned());
    item.body = Some(ItemBody::text("text"));
    CreateItem {
        message_disposition: Some(MessageDisposition::SendOnly),
        items: vec![item],
        ..CreateItem::default()
    }
}

async fn subjects_of(bench: &Bench, user: &str) -> Vec<String> {
    let mut request = find(None);
    request.item_shape.additional_properties = vec![FieldUri::ITEM_SUBJECT.into()];
    let response = bench.send(user, &request).await.expect("an answer");
    let reply = reply_of::<tieline_proto_ews::operations::FindItem>(&response.bytes().await.expect("a body"));
    let response = reply.body.expect("no fault");
    let listing = response.first().expect("a message").ok().expect("success").root_folder.as_ref();
    let items = listing.expect("a listing").items();
    let mut subjects: Vec<_> = items.filter_map(|item| item.subject.clone()).collect();
    subjects.sort();
    subjects
}

#[tokio::test]
async fn a_conversation_is_listed_read_and_moved_as_one() {
    let bench = Bench::start().await;
    for subject in ["Lunch", "RE: Lunch", "Dinner"] {
        bench.save(subject).await;
    }
    let inbox = || DistinguishedFolderName::Inbox.into();
    let listing = FindConversation { parent_folder_id: inbox(), ..FindConversation::default() };
    let found = bench.ok(&listing).await;
    let conversations = &found.ok().expect("success").conversations;
    let counts: Vec<_> = conversations
        .iter()
        .map(|one| (one.conversation_topic.clone().unwrap_or_default(), one.message_count))
        .collect();
    assert!(counts.contains(&("Lunch".to_owned(), Some(2))), "{counts:?}");
    assert_eq!(counts.len(), 2);
    let lunch = conversations.iter().find(|one| one.message_count == Some(2)).expect("lunch");
    let id = lunch.conversation_id.clone().expect("an id");

    let request = GetConversationItems {
        conversations: vec![ConversationRequest { conversation_id: id.clone(), sync_state: None }],
        ..GetConversationItems::default()
    };
    let read = bench.ok(&request).await;
    let read = read.first().expect("a message").ok().expect("success").conversation.clone().expect("one");
    assert_eq!(read.conversation_nodes.len(), 2);

    let action = ConversationAction {
        action: ConversationActionType::Move,
        conversation_id: id,
        destination_folder_id: Some(DistinguishedFolderName::DeletedItems.into()),
        ..ConversationAction::default()
    };
    let moved = bench.ok(&ApplyConversationAction { conversation_actions: vec![action] }).await;
    assert!(moved.first().expect("a message").ok().is_ok());
    assert_eq!(subjects_of(&bench, "alice").await, ["Dinner"]);
}

#[tokio::test]
async fn a_voice_message_is_played_on_the_phone_until_hung_up() {
    let bench = Bench::start().await;
    let plain = bench.save("no voice").await;
    let mut voice = message("Voice mail");
    let item = voice.items.first_mut().expect("an item");
    item.item_class = Some("IPM.Note.Microsoft.Voicemail.UM".to_owned());
    item.extended_properties =
        vec![ExtendedProperty::new(ExtendedFieldUri::tag(0x6801, MapiPropertyType::Integer), "4")];
    let voice = crate::client::first_id(&bench.ok(&voice).await);
    let refused = bench.ok(&PlayOnPhone { item_id: plain, dial_string: "1001".to_owned() }).await;
    assert_eq!(refused.code, ResponseCode::ErrorInvalidOperation);
    let call = bench.ok(&PlayOnPhone { item_id: voice, dial_string: "+49 30 1001".to_owned() }).await;
    let id = call.ok().expect("success").phone_call_id.clone().expect("an id");
    let state = async || {
        let request = GetPhoneCallInformation { phone_call_id: id.clone() };
        let answer = bench.ok(&request).await;
        answer.ok().expect("success").phone_call_information.clone().expect("facts").phone_call_state
    };
    assert_eq!(state().await, PhoneCallState::Connected);
    assert!(bench.ok(&DisconnectPhoneCall { phone_call_id: id.clone() }).await.ok().is_ok());
    assert_eq!(state().await, PhoneCallState::Disconnected);
}

#[tokio::test]
async fn items_come_in_groups() {
    let bench = Bench::start().await;
    for (subject, category) in [("a", "Red"), ("b", "Blue"), ("c", "Red"), ("d", "")] {
        let mut request = message(subject);
        let item = request.items.first_mut().expect("an item");
        item.categories = Some(category.to_owned()).filter(|name| !name.is_empty()).into_iter().collect();
        bench.ok(&request).await;
    }
    let path = |uri: &'static str| Some(PropertyPath::from(FieldUri::new(uri)));
    let mut request = find(None);
    request.item_shape.additional_properties = vec![FieldUri::ITEM_SUBJECT.into()];
    request.grouping = Some(Grouping::By(GroupBy {
        order: SortDirection::Descending,
        path: path("item:Categories"),
        aggregate_on: AggregateOn { aggregate: Aggregate::Maximum, path: path("item:Subject") },
    }));
    let response = bench.ok(&request).await;
    let listing = response.first().expect("a message").ok().expect("success").root_folder.clone();
    let Some(FoundItems::Groups(groups)) = listing.expect("a listing").found else { panic!("no groups") };
    let found: Vec<_> = groups.iter().map(|group| (group.group_index.as_str(), group.items.len())).collect();
    assert_eq!(found, [("", 1), ("Red", 2), ("Blue", 1)], "by the greatest subject of each, falling");
}

#[tokio::test]
async fn folders_have_limits() {
    let bench = Bench::with(|settings| {
        settings.folder_limits.children = 2;
        settings.folder_limits.depth = 4;
        settings.folder_limits.items = Some(1);
    })
    .await;
    let create = |name: &str, parent: tieline_proto_ews::BaseFolderId| CreateFolder {
        parent_folder_id: parent.into(),
        folders: vec![Folder::named(name, "IPF.Note")],
    };
    let inbox = || DistinguishedFolderName::Inbox.into();
    let mut codes = Vec::new();
    for name in ["one", "two", "three"] {
        codes.push(bench.ok(&create(name, inbox())).await.first().expect("a message").code.clone());
    }
    assert_eq!(codes, [ResponseCode::NoError, ResponseCode::NoError, ResponseCode::ErrorQuotaExceeded]);
    let made = bench.ok(&create("deep", DistinguishedFolderName::Drafts.into())).await;
    let id = made.first().expect("a message").payload.folders.first().and_then(|one| one.folder_id.clone());
    let deeper = bench.ok(&create("deeper", id.expect("an id").into())).await;
    let id = deeper.first().expect("a message").payload.folders.first().and_then(|one| one.folder_id.clone());
    let deepest = bench.ok(&create("deepest", id.expect("an id").into())).await;
    assert_eq!(deepest.first().expect("a message").code, ResponseCode::ErrorQuotaExceeded);
    bench.save("first").await;
    let second = bench.ok(&message("second")).await;
    assert_eq!(
        second.first().expect("a message").code,
        ResponseCode::ErrorMessagePerFolderCountReceiveQuotaExceeded
    );
}

#[tokio::test]
async fn the_organisation_says_what_it_has() {
    let bench = Bench::start().await;
    let request = GetServiceConfiguration {
        acting_as: None,
        requested_configuration: RequestedConfiguration {
            configuration_names: vec![
                ServiceConfigurationName::MailTips,
                ServiceConfigurationName::UnifiedMessagingConfiguration,
            ],
        },
    };
    let answer = bench.ok(&request).await;
    let messages = answer.ok().expect("success").response_messages.clone().expect("messages").messages;
    let tips = messages.first().and_then(|one| one.payload.mail_tips_configuration.clone()).expect("tips");
    assert_eq!(tips.internal_domains.first().map(|domain| domain.name.as_str()), Some("lab.example"));
    let phones = messages.last().and_then(|one| one.payload.unified_messaging_configuration.clone());
    assert!(phones.expect("phones").play_on_phone_enabled);
    let never = bench.ok(&GetPasswordExpirationDate::default()).await;
    let date = never.ok().expect("success").password_expiration_date.expect("a date");
    assert_eq!(date.civil.year(), 9999);
    let photo = GetUserPhoto { email: "bob@lab.example".to_owned(), ..GetUserPhoto::default() };
    assert_eq!(bench.ok(&photo).await.code, ResponseCode::ErrorItemNotFound);
}

#[tokio::test]
async fn a_delegates_rights_change_and_go() {
    let bench = Bench::start().await;
    let mailbox = || EmailAddress::smtp("alice@lab.example");
    let bob = |level: DelegateFolderPermissionLevel| DelegateUser {
        user_id: UserId { primary_smtp_address: Some("bob@lab.example".to_owned()), ..UserId::default() },
        delegate_permissions: Some(DelegatePermissions {
            calendar_folder_permission_level: Some(level),
            ..DelegatePermissions::default()
        }),
        ..DelegateUser::default()
    };
    let update = |level| UpdateDelegate {
        mailbox: mailbox(),
        delegate_users: vec![bob(level)],
        deliver_meeting_requests: Some(DeliverMeetingRequests::DelegatesOnly),
    };
    let first = |delegates: &ResponseMessage<Delegates>| {
        let messages = delegates.ok().expect("success").response_messages.clone().expect("messages");
        messages.messages.first().expect("a message").clone()
    };
    let nobody = bench.ok(&update(DelegateFolderPermissionLevel::Editor)).await;
    assert_eq!(first(&nobody).code, ResponseCode::ErrorNotDelegate);
    let add = AddDelegate {
        mailbox: mailbox(),
        delegate_users: vec![bob(DelegateFolderPermissionLevel::Reviewer)],
        deliver_meeting_requests: None,
    };
    assert_eq!(first(&bench.ok(&add).await).code, ResponseCode::NoError);
    assert_eq!(
        first(&bench.ok(&update(DelegateFolderPermissionLevel::Editor)).await).code,
        ResponseCode::NoError
    );
    let get = GetDelegate { include_permissions: true, mailbox: mailbox(), user_ids: Vec::new() };
    let found = bench.ok(&get).await;
    let deliver = found.ok().expect("success").deliver_meeting_requests.clone();
    assert_eq!(deliver, Some(DeliverMeetingRequests::DelegatesOnly));
    let user = first(&found).payload.delegate_user.expect("a delegate");
    let level = user.delegate_permissions.expect("permissions").calendar_folder_permission_level;
    assert_eq!(level, Some(DelegateFolderPermissionLevel::Editor));
}

#[tokio::test]
async fn the_contact_list_of_instant_messaging_holds_people_in_groups() {
    let bench = Bench::start().await;
    let group = bench.ok(&AddImGroup { display_name: "Friends".to_owned() }).await;
    let group = group.ok().expect("success").im_group.clone().expect("a group");
    let group_id = group.exchange_store_id.clone().expect("an id");
    let twice = bench.ok(&AddImGroup { display_name: "friends".to_owned() }).await;
    assert_eq!(twice.code, ResponseCode::ErrorImGroupDisplayNameAlreadyExists);
    let bob = AddNewImContactToGroup {
        im_address: "bob@lab.example".to_owned(),
        display_name: None,
        group_id: Some(group_id.clone()),
    };
    let bob = bench.ok(&bob).await.ok().expect("success").persona.clone().expect("a persona");
    assert_eq!(bob.display_name.as_deref(), Some("Bob Brown"));
    assert_eq!(bob.im_address.as_deref(), Some("sip:bob@lab.example"));
    let rename = SetImGroup { group_id: group_id.clone(), new_display_name: "Colleagues".to_owned() };
    assert!(bench.ok(&rename).await.ok().is_ok());
    let listed = AddDistributionGroupToImList {
        smtp_address: "staff@lab.example".to_owned(),
        display_name: "Staff".to_owned(),
    };
    assert!(bench.ok(&listed).await.ok().is_ok());
    let list = async || {
        let answer = bench.ok(&GetImItemList::default()).await;
        answer.ok().expect("success").im_item_list.clone().expect("a list")
    };
    let found = list().await;
    let names: Vec<_> = found.groups.iter().map(|group| group.display_name.as_str()).collect();
    assert_eq!(names, ["Colleagues", "Staff"]);
    let members = found.groups.first().map(|group| group.member_correlation_key.len());
    assert_eq!((members, found.personas.len()), (Some(1), 1));
    let out = RemoveImContactFromGroup { contact_id: bob.persona_id.clone(), group_id: group_id.clone() };
    assert!(bench.ok(&out).await.ok().is_ok());
    let back = AddImContactToGroup { contact_id: bob.persona_id.clone(), group_id: Some(group_id.clone()) };
    assert!(bench.ok(&back).await.ok().is_ok());
    let one = GetImItems { contact_ids: vec![bob.persona_id.clone().into()], ..GetImItems::default() };
    let one = bench.ok(&one).await.ok().expect("success").im_item_list.clone().expect("a list");
    assert_eq!((one.groups.len(), one.personas.len()), (0, 1));
    let phone = AddNewTelUriContactToGroup {
        tel_uri_address: "tel:+49301234".to_owned(),
        im_contact_sip_uri_address: "sip:+49301234@lab.example;user=phone".to_owned(),
        im_telephone_number: "+49 30 1234".to_owned(),
        group_id: None,
    };
    assert!(bench.ok(&phone).await.ok().is_ok());
    assert!(bench.ok(&RemoveContactFromImList { contact_id: bob.persona_id }).await.ok().is_ok());
    assert!(bench.ok(&RemoveImGroup { group_id }).await.ok().is_ok());
    let staff = list().await.groups.first().and_then(|group| group.exchange_store_id.clone()).expect("an id");
    assert!(bench.ok(&RemoveDistributionGroupFromImList { group_id: staff }).await.ok().is_ok());
    let found = list().await;
    let left: Vec<_> = found.personas.iter().filter_map(|persona| persona.display_name.clone()).collect();
    assert_eq!((found.groups.len(), left), (0, vec!["+49 30 1234".to_owned()]));
}

fn away(text: &str) -> UserOofSettings {
    let reply = Some(ReplyBody { lang: None, message: Some(text.to_owned()) });
    UserOofSettings {
        oof_state: OofState::Enabled,
        internal_reply: reply.clone(),
        external_reply: reply,
        ..UserOofSettings::default()
    }
}

#[tokio::test]
async fn two_automatic_replies_do_not_answer_each_other() {
    let bench = Bench::start().await;
    for user in ["alice", "bob"] {
        let mailbox = tieline_proto_ews::operations::AvailabilityAddress {
            address: format!("{user}@lab.example"),
            ..Default::default()
        };
        let request = SetUserOofSettings { mailbox, user_oof_settings: away("away") };
        assert!(bench.send(user, &request).await.expect("an answer").status().is_success());
    }
    bench.ok(&mail("bob@lab.example", "Hello")).await;
    assert_eq!(subjects_of(&bench, "bob").await, ["Hello"]);
    assert_eq!(subjects_of(&bench, "alice").await, ["Automatic reply: Hello"]);
}

#[tokio::test]
async fn rules_that_forward_to_each_other_end() {
    let bench = Bench::start().await;
    for (user, to) in [("alice", "bob@lab.example"), ("bob", "alice@lab.example")] {
        let rule = Rule {
            display_name: "Forward".to_owned(),
            priority: 1,
            is_enabled: true,
            conditions: Some(RulePredicates::default()),
            actions: Some(RuleActions {
                redirect_to_recipients: vec![EmailAddress::smtp(to)],
                ..RuleActions::default()
            }),
            ..Rule::default()
        };
        let request = UpdateInboxRules {
            operations: vec![RuleOperation::Create(RuleOperationRule { rule })],
            ..UpdateInboxRules::default()
        };
        assert!(bench.send(user, &request).await.expect("an answer").status().is_success());
    }
    bench.ok(&mail("bob@lab.example", "Round")).await;
    assert_eq!(subjects_of(&bench, "bob").await, ["Round"]);
    assert_eq!(subjects_of(&bench, "alice").await, ["Round"], "once, and not back again");
}

#[tokio::test]
async fn rules_survive_a_restart() {
    let bench = Bench::start().await;
    let rule = Rule {
        display_name: "Keep".to_owned(),
        priority: 1,
        is_enabled: true,
        actions: Some(RuleActions { mark_as_read: Some(true), ..RuleActions::default() }),
        ..Rule::default()
    };
    let request = UpdateInboxRules {
        operations: vec![RuleOperation::Create(RuleOperationRule { rule })],
        ..UpdateInboxRules::default()
    };
    assert!(bench.ok(&request).await.ok().is_ok());
    let before = bench.ok(&GetInboxRules::default()).await;
    let bench = bench.restart().await;
    assert_eq!(bench.ok(&GetInboxRules::default()).await, before);
    assert_eq!(before.ok().expect("success").inbox_rules.len(), 1);
}
