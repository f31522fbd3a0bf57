//! Responses as a client reads them. The first byte chooses the operation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_proto_ews::autodiscover::{pox, soap};
use tieline_proto_ews::operations as ops;
use tieline_proto_ews::{Limits, ResponseHeader, decode_response, encode_response};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { bytes: 1 << 20, memory: 64 << 20, ..Limits::DEFAULT };
    let Some((choice, bytes)) = bytes.split_first() else { return };
    macro_rules! decode {
        ($operation:ty) => {
            if let Ok(reply) = decode_response::<$operation>(bytes, &limits) {
                if let Ok(body) = &reply.body {
                    let document = encode_response::<$operation>(&ResponseHeader::default(), body);
                    let again = decode_response::<$operation>(&document, &Limits::DEFAULT);
                    assert_eq!(again.map(|reply| reply.body), Ok(reply.body));
                }
            }
        };
    }
    match choice % 12 {
        0 => decode!(ops::SyncFolderItems),
        1 => decode!(ops::GetItem),
        2 => decode!(ops::FindItem),
        3 => decode!(ops::GetFolder),
        4 => decode!(ops::SyncFolderHierarchy),
        5 => decode!(ops::GetAttachment),
        6 => decode!(ops::GetStreamingEvents),
        7 => decode!(ops::ResolveNames),
        8 => decode!(ops::GetUserAvailability),
        9 => decode!(ops::GetServerTimeZones),
        10 => drop(pox::Response::parse(bytes, &limits)),
        _ => drop(soap::decode_response(bytes, &limits)),
    }
});
