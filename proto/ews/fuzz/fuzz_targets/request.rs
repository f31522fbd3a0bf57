//! Requests as a server reads them; what was understood must survive being written again.
//! `cargo +stable fuzz run -s none request ../tests/data/davmail` in `proto/ews`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_proto_ews::autodiscover::{pox, soap};
use tieline_proto_ews::{Limits, Operation, Request, RequestHeader, encode_request};

fn again<O>(header: &RequestHeader, request: O)
where
    O: Operation + Clone + Into<Request>,
{
    let document = encode_request(header, &request);
    let read = Request::parse(&document).map(|(_, request)| request);
    assert_eq!(read, Ok(request.into()));
}

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { bytes: 1 << 20, memory: 64 << 20, ..Limits::DEFAULT };
    let _ = pox::Request::parse(bytes, &limits);
    let _ = soap::Request::parse(bytes, &limits);
    let Ok((header, request)) = Request::parse_within(bytes, &limits) else { return };
    match request {
        Request::CreateItem(request) => again(&header, request),
        Request::UpdateItem(request) => again(&header, request),
        Request::FindItem(request) => again(&header, request),
        Request::GetItem(request) => again(&header, request),
        Request::Subscribe(request) => again(&header, request),
        Request::SendNotification(request) => again(&header, request),
        _ => {}
    }
});
