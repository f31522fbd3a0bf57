use tieline_model::VoiceFormat;

/// The longest caller kept in an attachment name, in characters: the whole name stays far below any file system's limit.
const CALLER_MAX_CHARS: usize = 64;

/// The attachment's file name as Exchange's voice mail writes it ([MS-OXOUM] 2.2.5.5):
/// `5551234 (12 seconds) Voice Mail.wav`.
///
/// `caller` is a telephone number or a name. Characters that a file system or the semicolon-separated
/// `PidTagVoiceMessageAttachmentOrder` gives a meaning are replaced; without a caller the name begins with `Anonymous`.
/// The duration is rounded to whole seconds, at least one.
pub fn attachment_name(caller: &str, duration_ms: u64, format: VoiceFormat) -> String {
    let seconds = (duration_ms.saturating_add(500) / 1000).max(1);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let readable: String = caller
        .chars()
        .map(|c| if c.is_control() || r#"\/:*?"<>|;"#.contains(c) { ' ' } else { c })
        .take(CALLER_MAX_CHARS)
        .collect();
    let words = readable.split_whitespace().collect::<Vec<_>>().join(" ");
    // A leading dot would hide the file, a trailing one is dropped by Windows.
    let caller = match words.trim_matches('.') {
        "" => "Anonymous",
        caller => caller,
    };
    format!("{caller} ({seconds} {unit}) Voice Mail.{}", format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        assert_eq!(
            attachment_name("5551234", 12_000, VoiceFormat::Mp3),
            "5551234 (12 seconds) Voice Mail.mp3"
        );
        assert_eq!(
            attachment_name("+49 30 1234", 1_400, VoiceFormat::GsmWav),
            "+49 30 1234 (1 second) Voice Mail.wav"
        );
        assert_eq!(attachment_name("", 20, VoiceFormat::PcmWav), "Anonymous (1 second) Voice Mail.wav");
    }

    #[test]
    fn a_hostile_caller_cannot_leave_the_name() {
        let name = attachment_name("../../etc/passwd;x\r\nY", 2_000, VoiceFormat::PcmWav);
        assert_eq!(name, " .. etc passwd x Y (2 seconds) Voice Mail.wav");
        let long = attachment_name(&"9".repeat(5_000), 2_000, VoiceFormat::PcmWav);
        assert!(long.len() < 120);
    }
}
