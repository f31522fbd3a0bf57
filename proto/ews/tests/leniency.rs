//! What peers really send, and what they should not be able to do to us.

use std::time::Duration;

use tieline_proto_ews::operations as ops;
use tieline_proto_ews::*;

const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";

/// An answer to `GetItem` in the way Exchange writes it: prefixes `s`, `h`, `m`, `t`, declared late.
fn get_item_response(messages: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>
<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="8093" MinorBuildNumber="11" Version="V2018_01_08"
 xmlns:h="{TYPES}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/><h:Unheard xmlns:h="{TYPES}"><h:Of/></h:Unheard></s:Header>
<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><m:GetItemResponse xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">
<m:ResponseMessages>{messages}</m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>"#
    )
}

fn success(items: &str) -> String {
    format!(
        r#"<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items>{items}</m:Items></m:GetItemResponseMessage>"#
    )
}

fn decode(document: &str) -> Reply<ResponseMessages<ops::ItemInfo>> {
    decode_response::<ops::GetItem>(document.as_bytes(), &Limits::DEFAULT).unwrap()
}

fn items_of(document: &str) -> Vec<Item> {
    let messages = decode(document).body.unwrap().messages;
    messages.into_iter().flat_map(|message| message.payload.items).collect()
}

fn error(document: &str) -> Error {
    decode_response::<ops::GetItem>(document.as_bytes(), &Limits::DEFAULT).unwrap_err()
}

#[test]
fn a_server_of_the_future_is_understood() {
    let reply = decode(&get_item_response(&success("<t:Message><t:Subject>a</t:Subject></t:Message>")));
    let version = reply.header.server_version_info.unwrap();
    assert_eq!(version.major_build_number, Some(8093));
    assert_eq!(version.version.as_deref(), Some("V2018_01_08"));
}

#[test]
fn prefixes_do_not_matter() {
    let document = format!(
        r#"<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><GetItemResponse xmlns="{MESSAGES}"><ResponseMessages>
<GetItemResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode><Items><x:Message xmlns:x="{TYPES}">
<Subject xmlns="{TYPES}">one</Subject><q:IsRead xmlns:q="{TYPES}">1</q:IsRead></x:Message></Items></GetItemResponseMessage>
</ResponseMessages></GetItemResponse></Body></Envelope>"#
    );
    let items = items_of(&document);
    assert_eq!(items[0].subject.as_deref(), Some("one"));
    assert_eq!(items[0].message().unwrap().is_read, Some(true));
}

#[test]
fn another_namespace_is_another_element() {
    let document = get_item_response(&success(
        r#"<t:Message xmlns:x="urn:x"><x:Subject>no</x:Subject></t:Message><x:Message xmlns:x="urn:x"/><u:Message/>"#,
    ));
    let items = items_of(&document);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].subject, None);
}

#[test]
fn illegal_characters_cost_one_character_and_not_the_batch() {
    let document = get_item_response(
        &(success(
            r#"<t:Message><t:ItemId Id="a&#x1F;b"/><t:Subject>x&#x0;&#31;&#xFFFF;&#xD800;y</t:Subject></t:Message>"#,
        ) + &success("<t:Message><t:Subject>next</t:Subject></t:Message>")),
    );
    let items = items_of(&document);
    assert_eq!(items[0].item_id.as_ref().unwrap().id, "a\u{FFFD}b");
    assert_eq!(items[0].subject.as_deref(), Some("x\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}y"));
    assert_eq!(items[1].subject.as_deref(), Some("next"));
    let document = get_item_response(&success(
        "<t:Message><t:ItemId Id='a\u{1}'/><t:Subject>x\u{2}\u{FFFE}y</t:Subject></t:Message>",
    ));
    let items = items_of(&document);
    assert_eq!(items[0].item_id.as_ref().unwrap().id, "a\u{FFFD}");
    assert_eq!(items[0].subject.as_deref(), Some("x\u{FFFD}\u{FFFD}y"));
}

#[test]
fn illegal_characters_are_never_written() {
    let item =
        Item { subject: Some("a\u{0}b\u{1F}\u{FFFF}c".into()), ..Item::from_message(Message::default()) };
    let request = ops::CreateItem { items: vec![item], ..ops::CreateItem::default() };
    let document = String::from_utf8(encode_request(&RequestHeader::default(), &request)).unwrap();
    assert!(document.contains("<t:Subject>a\u{FFFD}b\u{FFFD}\u{FFFD}c</t:Subject>"), "{document}");
    roxmltree::Document::parse(&document).unwrap();
}

#[test]
fn text_in_pieces_is_joined() {
    let document = get_item_response(&success(
        "<t:Message><t:Subject>a &amp;&lt;b&#x20;<!-- no -->&quot;c<![CDATA[<d>]]>\r\ne&unknown;</t:Subject></t:Message>",
    ));
    assert_eq!(items_of(&document)[0].subject.as_deref(), Some("a &<b \"c<d>\ne&unknown;"));
}

#[test]
fn unknown_kinds_elements_and_values_are_kept_or_skipped() {
    let document = get_item_response(&success(
        "<t:Network><t:Subject>n</t:Subject><t:NetworkThing><t:Deep/></t:NetworkThing></t:Network>\
         <t:Message><t:Novelty>x</t:Novelty><t:Size>many</t:Size><t:Importance>Extreme</t:Importance>\
         <t:DateTimeReceived>soon</t:DateTimeReceived><t:IsRead>perhaps</t:IsRead><t:Subject>m</t:Subject></t:Message>",
    ));
    let items = items_of(&document);
    assert_eq!(items[0].kind, ItemKind::Unknown("Network".into()));
    assert_eq!(items[0].subject.as_deref(), Some("n"));
    assert_eq!(items[1].size, None);
    assert_eq!(items[1].date_time_received, None);
    assert_eq!(items[1].message().unwrap().is_read, None);
    assert_eq!(items[1].importance, Some(Importance::Other("Extreme".into())));
    assert_eq!(items[1].subject.as_deref(), Some("m"));
}

#[test]
fn errors_keep_their_details() {
    let document = get_item_response(
        r#"<m:GetItemResponseMessage ResponseClass="Error"><m:MessageText>Busy.</m:MessageText><m:ResponseCode>ErrorInternalServerError</m:ResponseCode>
<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value>
<t:FieldURI FieldURI="item:Subject"/><t:Value Name="BackOffMilliseconds">178510</t:Value><t:ExtendedFieldURI PropertyTag="0x1000" PropertyType="String"/>
</m:MessageXml><m:Items/></m:GetItemResponseMessage>"#,
    );
    let messages = decode(&document).body.unwrap();
    let message = messages.first().unwrap();
    let message = message.ok().unwrap_err();
    assert_eq!(message.code, ResponseCode::ErrorInternalServerError);
    assert_eq!(message.effective_code(), ResponseCode::ErrorServerBusy);
    assert_eq!(message.remedy(), Remedy::Retry);
    assert_eq!(message.text.as_deref(), Some("Busy."));
    assert_eq!(message.xml.back_off(), Some(Duration::from_millis(178_510)));
    assert_eq!(message.xml.paths.len(), 2);
}

#[test]
fn faults_of_exchange_are_read() {
    let document = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:a="{TYPES}">a:ErrorServerBusy</faultcode>
<faultstring xml:lang="en-US">The server cannot service this request right now.</faultstring><detail>
<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorServerBusy</e:ResponseCode>
<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">Try again later.</e:Message>
<t:MessageXml xmlns:t="{TYPES}"><t:Value Name="BackOffMilliseconds">297749</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"#
    );
    let fault = decode(&document).body.unwrap_err();
    assert_eq!(fault.code(), ResponseCode::ErrorServerBusy);
    assert_eq!(fault.message.as_deref(), Some("Try again later."));
    assert_eq!(fault.xml.back_off(), Some(Duration::from_millis(297_749)));
    let plain = decode(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>No.</faultstring></s:Fault></s:Body></s:Envelope>"#,
    );
    let fault = plain.body.unwrap_err();
    assert_eq!((fault.fault_code.as_str(), fault.remedy()), ("Client", Remedy::Fail));
}

#[test]
fn a_watermark_in_the_wrong_namespace_is_taken() {
    let document = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><s:Body><m:Subscribe>
<m:PullSubscriptionRequest SubscribeToAllFolders="true"><t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes>
<m:Watermark>AQ==</m:Watermark><t:Timeout>10</t:Timeout></m:PullSubscriptionRequest></m:Subscribe></s:Body></s:Envelope>"#
    );
    let (_, request) = Request::parse(document.as_bytes()).unwrap();
    let Request::Subscribe(ops::Subscribe { subscription: Some(ops::Subscription::Pull(pull)) }) = request
    else {
        panic!("{request:?}")
    };
    assert_eq!(pull.watermark.as_deref(), Some("AQ=="));
    assert_eq!(pull.event_types, [ops::EventType::NewMailEvent]);
}

#[test]
fn an_unknown_operation_is_a_value() {
    let document = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetClientExtension xmlns="{MESSAGES}"><x/></GetClientExtension></s:Body></s:Envelope>"#
    );
    let (header, request) = Request::parse(document.as_bytes()).unwrap();
    assert_eq!(header, RequestHeader::default());
    assert_eq!(request, Request::Unknown("GetClientExtension".into()));
}

#[test]
fn identifiers_are_kept_to_the_letter() {
    let document = get_item_response(&success(
        r#"<t:Message><t:ItemId Id="AAMkA+/=" ChangeKey="CQAAaa"/></t:Message><t:Message><t:ItemId Id="AAMka+/=" ChangeKey="CQAAaA"/></t:Message>"#,
    ));
    let items = items_of(&document);
    assert_ne!(items[0].item_id, items[1].item_id);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let document = format!("\u{FEFF}{}", get_item_response(&success("<t:Item/>")));
    assert_eq!(items_of(&document).len(), 1);
}

#[test]
fn what_is_no_answer_is_an_error_that_says_so() {
    assert_eq!(
        error("<html><body>502 Bad Gateway</body></html>").to_string(),
        "expected a SOAP 1.1 Envelope, found the element <html>; is the address that of an EWS endpoint?"
    );
    assert_eq!(error(""), Error::Truncated);
    assert_eq!(error("{}"), Error::Truncated);
    assert_eq!(
        error(r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>"#),
        Error::EmptyBody
    );
    let other = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetFolderResponse xmlns="{MESSAGES}"/></s:Body></s:Envelope>"#
    );
    assert!(matches!(error(&other), Error::Unexpected { expected: "GetItemResponse", .. }));
    let latin = decode_response::<ops::GetItem>(b"<a>\xE9</a>", &Limits::DEFAULT);
    assert_eq!(latin.unwrap_err(), Error::Encoding);
}

#[test]
fn a_cut_connection_is_an_error_wherever_it_is_cut() {
    let document = get_item_response(&success("<t:Message><t:Subject>a&amp;b</t:Subject></t:Message>"));
    let whole = document.rfind("</s:Envelope>").unwrap();
    for cut in 0..whole {
        let cut = decode_response::<ops::GetItem>(&document.as_bytes()[..cut], &Limits::DEFAULT);
        assert!(cut.is_err());
    }
}

#[test]
fn document_types_are_refused() {
    let bomb = r#"<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>&b;</s:Body></s:Envelope>"#;
    assert_eq!(error(bomb), Error::DocumentType);
}

#[test]
fn limits_hold() {
    let small = |change: fn(&mut Limits)| {
        let mut limits = Limits::DEFAULT;
        change(&mut limits);
        limits
    };
    let limited = |document: &str, limits: Limits| {
        decode_response::<ops::GetItem>(document.as_bytes(), &limits).unwrap_err()
    };
    let many = get_item_response(&success(&"<t:Message/>".repeat(1000)));
    assert_eq!(limited(&many, small(|l| l.bytes = 1000)), Error::Limit("bytes in the document"));
    assert_eq!(limited(&many, small(|l| l.memory = 1 << 20)), Error::Limit("memory for the decoded message"));
    let attributes: String = (0..100).map(|n| format!(" a{n}=''")).collect();
    let wide = get_item_response(&success(&format!("<t:Message><t:ItemId{attributes}/></t:Message>")));
    assert_eq!(limited(&wide, Limits::DEFAULT), Error::Limit("attributes on one element"));
    let nested = "<t:Attachments><t:ItemAttachment><t:Message>".repeat(200);
    let deep = get_item_response(&success(&format!("<t:Message>{nested}")));
    assert_eq!(limited(&deep, Limits::DEFAULT), Error::Limit("nested elements"));
    let declarations: String = (0..200).map(|n| format!(" xmlns:p{n}='urn:{n}'")).collect();
    let declared = get_item_response(&success(&format!("<t:Message{declarations}/>")));
    assert!(matches!(limited(&declared, Limits::DEFAULT), Error::Xml { .. }));
}

#[test]
fn deep_nonsense_is_skipped_without_recursion() {
    let deep = format!("{}{}", "<x>".repeat(50_000), "</x>".repeat(50_000));
    let document =
        get_item_response(&success(&format!("<t:Message>{deep}<t:Subject>after</t:Subject></t:Message>")));
    assert_eq!(items_of(&document)[0].subject.as_deref(), Some("after"));
}

#[test]
fn meeting_requests_have_the_fields_of_all_their_ancestors() {
    let document = get_item_response(&success(
        "<t:MeetingRequest><t:Subject>Plan</t:Subject><t:From><t:Mailbox><t:EmailAddress>bob@lab.example</t:EmailAddress></t:Mailbox></t:From>\
         <t:IsOutOfDate>false</t:IsOutOfDate><t:Start>2026-11-23T09:00:00Z</t:Start><t:Recurrence><t:WeeklyRecurrence><t:Interval>2</t:Interval>\
         <t:DaysOfWeek>Monday Friday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>2026-11-23+01:00</t:StartDate>\
         <t:NumberOfOccurrences>10</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence></t:MeetingRequest>",
    ));
    let item = &items_of(&document)[0];
    assert_eq!(item.subject.as_deref(), Some("Plan"));
    let from = item.message().unwrap().from.as_ref().unwrap();
    assert_eq!(from.mailbox.email_address.as_deref(), Some("bob@lab.example"));
    let ItemKind::MeetingRequest(request) = &item.kind else { panic!("{item:?}") };
    assert_eq!(request.meeting.is_out_of_date, Some(false));
    assert_eq!(request.start, DateTime::from_xml("2026-11-23T09:00:00Z"));
    let pattern = request.recurrence.as_ref().unwrap().pattern.as_ref().unwrap();
    let recurrence::RecurrencePattern::Weekly(weekly) = pattern else { panic!("{pattern:?}") };
    assert_eq!((weekly.interval, weekly.days_of_week.as_str()), (2, "Monday Friday"));
}
