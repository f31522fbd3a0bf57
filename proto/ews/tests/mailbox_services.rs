//! Operations beside items and folders, filled at random: what one direction writes, the other reads.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use tieline_proto_ews::operations as ops;
use tieline_proto_ews::*;

fn there<O: Operation + Clone + Into<Request>>(request: O) -> Result<(), TestCaseError> {
    let document = encode_request(&RequestHeader::default(), &request);
    let read = Request::parse(&document);
    prop_assert_eq!(
        read,
        Ok((RequestHeader::default(), request.into())),
        "{}",
        String::from_utf8_lossy(&document)
    );
    Ok(())
}

fn back<O>(response: O::Response) -> Result<(), TestCaseError>
where
    O: Operation,
    O::Response: PartialEq + std::fmt::Debug,
{
    let document = encode_response::<O>(&ResponseHeader::default(), &response);
    let read = decode_response::<O>(&document, &Limits::DEFAULT).map(|reply| reply.body);
    prop_assert_eq!(read, Ok(Ok(response)), "{}", String::from_utf8_lossy(&document));
    Ok(())
}

fn text() -> BoxedStrategy<String> {
    "[ -~äß€]{1,16}".boxed()
}

fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..3).boxed()
}

fn binary() -> BoxedStrategy<Binary> {
    vec(any::<u8>(), 0..60).prop_map(Binary::from).boxed()
}

fn item_id() -> BoxedStrategy<ItemId> {
    (text(), of(text())).prop_map(|(id, change_key)| ItemId { id, change_key }).boxed()
}

fn address() -> BoxedStrategy<EmailAddress> {
    (text(), text()).prop_map(|(name, address)| EmailAddress::named(name, address)).boxed()
}

fn addresses() -> BoxedStrategy<Vec<EmailAddress>> {
    vec(address(), 0..3).boxed()
}

fn when() -> Option<DateTime> {
    DateTime::from_xml("2026-11-23T11:30:00Z")
}

fn folder() -> BoxedStrategy<ops::TargetFolderId> {
    prop_oneof![
        text().prop_map(|id| FolderId::new(id).into()),
        Just(DistinguishedFolderName::JunkEmail.into()),
    ]
    .boxed()
}

fn user() -> BoxedStrategy<UserId> {
    (of(text()), of(text()), of(text()))
        .prop_map(|(sid, primary_smtp_address, display_name)| UserId {
            sid,
            primary_smtp_address,
            display_name,
            ..UserId::default()
        })
        .boxed()
}

fn configuration() -> BoxedStrategy<ops::UserConfiguration> {
    let object = || {
        (text(), vec(text(), 1..3))
            .prop_map(|(object_type, values)| ops::DictionaryObject { object_type, values })
    };
    let entry = (object(), of(object())).prop_map(|(dictionary_key, dictionary_value)| {
        ops::DictionaryEntry { dictionary_key, dictionary_value }
    });
    (text(), folder(), of(item_id()), vec(entry, 0..3), of(binary()), of(binary()))
        .prop_map(|(name, folder, item_id, dictionary, xml_data, binary_data)| ops::UserConfiguration {
            user_configuration_name: ops::UserConfigurationName { name, folder: folder.folder },
            item_id,
            dictionary,
            xml_data,
            binary_data,
        })
        .boxed()
}

fn delegate() -> BoxedStrategy<ops::DelegateUser> {
    (user(), of(any::<bool>()), any::<bool>())
        .prop_map(|(user_id, copies, levels)| ops::DelegateUser {
            user_id,
            delegate_permissions: levels.then(|| ops::DelegatePermissions {
                calendar_folder_permission_level: Some(ops::DelegateFolderPermissionLevel::Editor),
                journal_folder_permission_level: Some(ops::DelegateFolderPermissionLevel::None),
                ..ops::DelegatePermissions::default()
            }),
            receive_copies_of_meeting_messages: copies,
            view_private_items: Some(levels),
        })
        .boxed()
}

fn predicates() -> BoxedStrategy<ops::RulePredicates> {
    (texts(), texts(), addresses(), of(any::<bool>()), of(any::<i32>()))
        .prop_map(|(subjects, headers, from, flag, size)| ops::RulePredicates {
            contains_subject_strings: subjects,
            contains_header_strings: headers,
            from_addresses: from,
            importance: Some(Importance::High),
            is_voicemail: flag,
            sent_only_to_me: flag,
            within_date_range: Some(ops::DateRange { start_date_time: when(), end_date_time: None }),
            within_size_range: Some(ops::SizeRange { minimum_size: size, maximum_size: size }),
            ..ops::RulePredicates::default()
        })
        .boxed()
}

fn rule() -> BoxedStrategy<ops::Rule> {
    let actions = (of(folder()), of(folder()), texts(), addresses(), of(any::<bool>())).prop_map(
        |(copy, moved, categories, to, stop)| ops::RuleActions {
            assign_categories: categories,
            copy_to_folder: copy,
            forward_to_recipients: to.clone(),
            redirect_to_recipients: to,
            move_to_folder: moved,
            stop_processing_rules: stop,
            ..ops::RuleActions::default()
        },
    );
    (of(text()), text(), any::<i32>(), of(predicates()), of(predicates()), of(actions))
        .prop_map(|(rule_id, display_name, priority, conditions, exceptions, actions)| ops::Rule {
            rule_id,
            display_name,
            priority,
            is_enabled: true,
            is_not_supported: None,
            is_in_error: Some(false),
            conditions,
            exceptions,
            actions,
        })
        .boxed()
}

fn persona() -> BoxedStrategy<Persona> {
    let attributed =
        || (text(), texts()).prop_map(|(value, attributions)| StringAttributedValue { value, attributions });
    (item_id(), of(text()), of(address()), vec(attributed(), 0..3), texts(), text())
        .prop_map(|(persona_id, display_name, email_address, names, sources, number)| {
            let number = PersonaPhoneNumber { number, number_type: "Mobile".to_owned() };
            Persona {
                persona_id,
                persona_type: Some("Person".to_owned()),
                creation_time: when(),
                display_name,
                email_addresses: email_address.iter().cloned().collect(),
                emails1: email_address
                    .iter()
                    .map(|value| EmailAddressAttributedValue {
                        value: value.clone(),
                        attributions: sources.clone(),
                    })
                    .collect(),
                email_address,
                phone_number: Some(number.clone()),
                relevance_score: Some(7),
                attributions: vec![PersonaAttribution {
                    id: "0".to_owned(),
                    source_id: ItemId::new("x"),
                    display_name: "GAL".to_owned(),
                    is_writable: Some(false),
                    ..PersonaAttribution::default()
                }],
                display_names: names.clone(),
                mobile_phones: vec![PhoneNumberAttributedValue {
                    value: number,
                    attributions: sources.clone(),
                }],
                tty_tdd_phone_numbers: vec![],
                children: vec![StringArrayAttributedValue { values: sources.clone(), attributions: sources }],
                im_addresses: names,
                ..Persona::default()
            }
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn user_configurations(configuration in configuration()) {
        let user_configuration_name = configuration.user_configuration_name.clone();
        there(ops::CreateUserConfiguration { user_configuration: configuration.clone() })?;
        there(ops::UpdateUserConfiguration { user_configuration: configuration.clone() })?;
        there(ops::DeleteUserConfiguration { user_configuration_name })?;
        back::<ops::GetUserConfiguration>(ResponseMessages::one(ResponseMessage::success(
            ops::GetUserConfigurationMessage { user_configuration: Some(configuration) },
        )))?;
    }

    #[test]
    fn delegates(mailbox in address(), delegate_users in vec(delegate(), 0..3), user_ids in vec(user(), 0..3)) {
        let deliver_meeting_requests = Some(ops::DeliverMeetingRequests::NoForward);
        let messages = delegate_users
            .iter()
            .map(|user| ResponseMessage::success(ops::DelegateUserMessage { delegate_user: Some(user.clone()) }))
            .collect();
        let answer = ResponseMessage::success(ops::Delegates {
            response_messages: Some(ops::DelegateUserMessages { messages }),
            deliver_meeting_requests: deliver_meeting_requests.clone(),
        });
        back::<ops::GetDelegate>(answer.clone())?;
        back::<ops::AddDelegate>(answer.clone())?;
        back::<ops::UpdateDelegate>(answer.clone())?;
        back::<ops::RemoveDelegate>(answer)?;
        there(ops::GetDelegate { include_permissions: true, mailbox: mailbox.clone(), user_ids: user_ids.clone() })?;
        there(ops::AddDelegate {
            mailbox: mailbox.clone(),
            delegate_users: delegate_users.clone(),
            deliver_meeting_requests: deliver_meeting_requests.clone(),
        })?;
        there(ops::UpdateDelegate { mailbox: mailbox.clone(), delegate_users, deliver_meeting_requests })?;
        there(ops::RemoveDelegate { mailbox, user_ids })?;
    }

    #[test]
    fn inbox_rules(rules in vec(rule(), 1..3), gone in text(), mailbox in of(text())) {
        back::<ops::GetInboxRules>(ResponseMessage::success(ops::InboxRules {
            outlook_rule_blob_exists: Some(false),
            inbox_rules: rules.clone(),
        }))?;
        let mut operations: Vec<_> = rules
            .into_iter()
            .map(|rule| ops::RuleOperation::Create(ops::RuleOperationRule { rule }))
            .collect();
        operations.push(ops::RuleOperation::Delete(ops::DeleteRuleOperation { rule_id: gone.clone() }));
        there(ops::GetInboxRules { mailbox_smtp_address: mailbox.clone() })?;
        there(ops::UpdateInboxRules {
            mailbox_smtp_address: mailbox,
            remove_outlook_rule_blob: Some(true),
            operations,
        })?;
        let mut failed = ResponseMessage::<ops::UpdateInboxRulesMessage>::error(ResponseCode::ErrorInboxRulesValidationError, "no");
        failed.payload.rule_operation_errors.push(ops::RuleOperationError {
            operation_index: 1,
            validation_errors: vec![ops::RuleValidationError {
                field_uri: "Action:MoveToFolder".to_owned(),
                error_code: ops::RuleValidationErrorCode::FolderDoesNotExist,
                error_message: gone.clone(),
                field_value: gone,
            }],
        });
        back::<ops::UpdateInboxRules>(failed)?;
    }

    #[test]
    fn mail_tips(sending_as in address(), recipients in addresses(), reply in text(), count in any::<i32>()) {
        let message = |recipient: &EmailAddress| ResponseMessage::success(ops::MailTipsMessage {
            mail_tips: Some(ops::MailTips {
                recipient_address: recipient.clone(),
                out_of_office: Some(ops::OutOfOfficeMailTip {
                    reply_body: ops::ReplyBody { lang: Some("en".to_owned()), message: Some(reply.clone()) },
                    duration: Some(ops::Duration { start_time: when(), end_time: when() }),
                }),
                total_member_count: Some(count),
                invalid_recipient: Some(false),
                ..ops::MailTips::default()
            }),
        });
        let messages = recipients.iter().map(message).collect();
        back::<ops::GetMailTips>(ResponseMessage::success(ops::RecipientsMailTips {
            response_messages: Some(ops::MailTipsMessages { messages }),
        }))?;
        let mail_tips_requested = "OutOfOfficeMessage MailboxFullStatus".to_owned();
        there(ops::GetMailTips { sending_as, recipients, mail_tips_requested })?;
    }

    #[test]
    fn people(people in vec(persona(), 0..3), query in of(text()), folder in of(folder()), id in item_id()) {
        back::<ops::GetPersona>(ResponseMessage::success(ops::GetPersonaMessage {
            persona: people.first().cloned(),
        }))?;
        let group = ops::ImGroup {
            display_name: "Friends".to_owned(),
            group_type: "IPM.DistList.MOC.UserGroup".to_owned(),
            exchange_store_id: Some(id.clone()),
            member_correlation_key: vec![id.clone()],
            ..ops::ImGroup::default()
        };
        back::<ops::AddImGroup>(ResponseMessage::success(ops::ImGroupMessage { im_group: Some(group.clone()) }))?;
        let im_item_list = Some(ops::ImItemList { groups: vec![group], personas: people.clone() });
        back::<ops::GetImItemList>(ResponseMessage::success(ops::ImItemListMessage { im_item_list }))?;
        back::<ops::FindPeople>(ResponseMessage::success(ops::FindPeopleMessage {
            total_number_of_people_in_view: Some(3),
            people,
            ..ops::FindPeopleMessage::default()
        }))?;
        there(ops::FindPeople { parent_folder_id: folder, query_string: query, ..ops::FindPeople::default() })?;
        there(ops::GetPersona { persona_id: Some(id.clone()), ..ops::GetPersona::default() })?;
        there(ops::GetImItems { contact_ids: vec![id.clone().into()], ..ops::GetImItems::default() })?;
        there(ops::AddNewImContactToGroup {
            im_address: "sip:bob@lab.example".to_owned(),
            display_name: None,
            group_id: Some(id),
        })?;
    }

    #[test]
    fn whole_items(id in item_id(), data in binary(), parent in text()) {
        there(ops::ExportItems { item_ids: vec![id.clone()] })?;
        there(ops::UploadItems {
            items: vec![ops::UploadItem {
                create_action: ops::CreateAction::UpdateOrCreate,
                is_associated: Some(false),
                parent_folder_id: FolderId::new(parent),
                item_id: Some(id.clone()),
                data: data.clone(),
            }],
        })?;
        back::<ops::ExportItems>(ResponseMessages::one(ResponseMessage::success(ops::ExportItemsMessage {
            item_id: Some(id.clone()),
            data: Some(data),
        })))?;
        back::<ops::MarkAsJunk>(ResponseMessages::one(ResponseMessage::success(ops::MarkAsJunkMessage {
            moved_item_id: Some(id),
        })))?;
    }

    #[test]
    fn conversations(id in item_id(), senders in texts(), count in any::<i32>(), folder in folder(), state in of(binary())) {
        back::<ops::FindConversation>(ResponseMessage::success(ops::FindConversationMessage {
            conversations: vec![ops::Conversation {
                conversation_id: Some(id.clone()),
                unique_senders: senders,
                last_delivery_time: when(),
                flag_status: Some(FlagStatus::Complete),
                message_count: Some(count),
                item_ids: vec![id.clone().into()],
                preview: Some("…".to_owned()),
                ..ops::Conversation::default()
            }],
            total_conversations_in_view: Some(count),
            indexed_offset: Some(0),
        }))?;
        back::<ops::GetConversationItems>(ResponseMessages::one(ResponseMessage::success(
            ops::GetConversationItemsMessage {
                conversation: Some(ops::ConversationItems {
                    conversation_id: id.clone(),
                    sync_state: state.clone(),
                    conversation_nodes: vec![ops::ConversationNode {
                        items: vec![Item::from_message(Message::default())],
                        ..ops::ConversationNode::default()
                    }],
                    can_delete: Some(true),
                }),
            },
        )))?;
        there(ops::FindConversation { parent_folder_id: folder.clone(), ..ops::FindConversation::default() })?;
        there(ops::GetConversationItems {
            conversations: vec![ops::ConversationRequest { conversation_id: id.clone(), sync_state: state }],
            ..ops::GetConversationItems::default()
        })?;
        there(ops::ApplyConversationAction {
            conversation_actions: vec![ops::ConversationAction {
                action: ops::ConversationActionType::Move,
                conversation_id: id,
                destination_folder_id: Some(folder),
                ..ops::ConversationAction::default()
            }],
        })?;
    }

    #[test]
    fn telephones_and_settings(id in item_id(), call in text(), dial in text(), photo in binary()) {
        let phone_call_id = ops::PhoneCallId { id: call };
        there(ops::PlayOnPhone { item_id: id, dial_string: dial.clone() })?;
        there(ops::GetPhoneCallInformation { phone_call_id: phone_call_id.clone() })?;
        there(ops::DisconnectPhoneCall { phone_call_id: phone_call_id.clone() })?;
        back::<ops::PlayOnPhone>(ResponseMessage::success(ops::PlayOnPhoneMessage {
            phone_call_id: Some(phone_call_id),
        }))?;
        back::<ops::GetPhoneCallInformation>(ResponseMessage::success(ops::PhoneCallInformationMessage {
            phone_call_information: Some(ops::PhoneCallInformation {
                phone_call_state: ops::PhoneCallState::Disconnected,
                connection_failure_cause: ops::ConnectionFailureCause::Other("Other".to_owned()),
                sip_response_text: Some(dial.clone()),
                sip_response_code: Some(486),
            }),
        }))?;
        there(ops::GetServiceConfiguration {
            acting_as: None,
            requested_configuration: ops::RequestedConfiguration {
                configuration_names: vec![
                    ops::ServiceConfigurationName::MailTips,
                    ops::ServiceConfigurationName::UnifiedMessagingConfiguration,
                ],
            },
        })?;
        let messages = vec![ResponseMessage::success(ops::ServiceConfiguration {
            mail_tips_configuration: Some(ops::MailTipsConfiguration {
                mail_tips_enabled: true,
                internal_domains: vec![ops::SmtpDomain { name: dial.clone(), include_subdomains: Some(false) }],
                ..ops::MailTipsConfiguration::default()
            }),
            unified_messaging_configuration: Some(ops::UnifiedMessagingConfiguration {
                um_enabled: true,
                play_on_phone_dial_string: dial,
                play_on_phone_enabled: true,
            }),
        })];
        back::<ops::GetServiceConfiguration>(ResponseMessage::success(ops::ServiceConfigurations {
            response_messages: Some(ops::ServiceConfigurationMessages { messages }),
        }))?;
        back::<ops::GetUserPhoto>(ResponseMessage::success(ops::UserPhoto {
            has_changed: true,
            picture_data: Some(photo),
        }))?;
        back::<ops::GetPasswordExpirationDate>(ResponseMessage::success(ops::PasswordExpirationDate {
            password_expiration_date: when(),
        }))?;
    }
}
