//! Messages, header values and bodies: `cargo +stable fuzz run -s none sip` in `proto/sip`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_proto_sip::{
    Address, ExpiryPolicy, Framer, Message, MessageSummary, Name, Subscription, Uri, Via, digest, list,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = MessageSummary::parse(bytes).map(|s| assert!(MessageSummary::parse(&s.to_bytes()).is_ok()));
    let mut framer = Framer::new();
    framer.push(bytes);
    while let Ok(Some(_)) = framer.next_frame() {}
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = text.parse::<Uri>();
        for element in list(text) {
            let _ = (Address::parse(element).is_ok(), Via::parse(element).is_ok());
        }
        let _ = (digest::Challenge::parse(text).is_ok(), digest::Credentials::parse(text).is_ok());
    }
    if let Ok(Message::Request(request)) = Message::parse_datagram(bytes) {
        let _ = request.transaction_key();
        let _ = request.respond(200, "t").to_bytes();
        if let Ok(mut subscription) = Subscription::accept(&request, "m", &ExpiryPolicy::default(), "t", 0) {
            let notify = subscription.notify(None, None, "sip:x", 5).to_bytes();
            assert!(Message::parse_datagram(&notify).is_ok());
        }
        for value in request.headers.all(Name::AUTHORIZATION) {
            let _ = digest::Credentials::parse(value).map(|c| c.to_header());
        }
    }
});
