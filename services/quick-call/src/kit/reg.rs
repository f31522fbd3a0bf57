//! `.reg` files: UTF-16LE with a byte order mark, CRLF, the header of version 5 and an empty line behind it (EV-59).

use std::fmt::Write as _;

use super::{APPLICATION_TYPE, Entry, Kit, KitFile, MENU, MENU_ALL, SESSION_TYPE, utf16le};

/// Exactly this line, then an empty one.
const HEADER: &str = "Windows Registry Editor Version 5.00\r\n\r\n";

pub(super) fn add(kit: &Kit) -> KitFile {
    let text = keys(kit, |text, key, entry| {
        let _ = write!(
            text,
            "[{key}]\r\n\
             \"Name\"={}\r\n\
             \"Path\"={}\r\n\
             \"ApplicationType\"=dword:{APPLICATION_TYPE:08x}\r\n\
             \"SessionType\"=dword:{SESSION_TYPE:08x}\r\n\
             \"ExtensibleMenuAll\"={}\r\n\
             \"ExtensibleMenu\"={}\r\n\r\n",
            quoted(&entry.name),
            quoted(&entry.path),
            quoted(MENU_ALL),
            quoted(MENU),
        );
    });
    KitFile { name: "tieline-quick-call.reg".to_owned(), content: utf16le(&text) }
}

pub(super) fn remove(kit: &Kit) -> KitFile {
    let text = keys(kit, |text, key, _| {
        let _ = write!(text, "[-{key}]\r\n\r\n");
    });
    KitFile { name: "tieline-quick-call-remove.reg".to_owned(), content: utf16le(&text) }
}

fn keys(kit: &Kit, mut each: impl FnMut(&mut String, &str, &Entry)) -> String {
    let mut text = HEADER.to_owned();
    for (_, folder) in kit.folders() {
        for entry in &kit.entries {
            each(&mut text, &format!(r"{}\{folder}\{{{}}}", kit.hive.root(), entry.guid), entry);
        }
    }
    text
}

/// A string value: quotation marks and backslashes are escaped, control characters cannot occur (see `save`).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kit, target};
    use super::super::{Bits, Hive};

    fn text(content: &[u8]) -> String {
        let units: Vec<u16> = content.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        String::from_utf16(&units).unwrap()
    }

    /// Covers: EV-33, EV-35, EV-36, EV-37, EV-38, EV-39, EV-40, EV-59, X-10
    #[test]
    fn a_file_byte_for_byte() {
        let targets = [target(1, "sandbox", "EasyVista QuickCall Sandbox")];
        let mut kit = kit(&targets, Hive::Machine, Bits::Both);
        kit.clients.truncate(1);
        let file = kit.reg();
        assert_eq!(&file.content[..2], [0xff, 0xfe], "little-endian byte order mark");
        let guid = super::super::menu_guid(targets[0].id);
        let values = "\"Name\"=\"EasyVista QuickCall Sandbox\"\r\n\
            \"Path\"=\"https://tieline.corp.example/quick-call?target=sandbox&contactId=%contact-id%\"\r\n\
            \"ApplicationType\"=dword:00000001\r\n\
            \"SessionType\"=dword:00000000\r\n\
            \"ExtensibleMenuAll\"=\"MainWindowRightClick;ConversationWindowActions;ConversationWindowRightClick;ContactCardMenu\"\r\n\
            \"ExtensibleMenu\"=\"MainWindowRightClick;ConversationWindowRightClick;ContactCardMenu\"\r\n\r\n";
        let expected = format!(
            "\u{feff}Windows Registry Editor Version 5.00\r\n\r\n\
             [HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Communicator\\SessionManager\\Apps\\{{{guid}}}]\r\n{values}\
             [HKEY_LOCAL_MACHINE\\SOFTWARE\\Wow6432Node\\Microsoft\\Communicator\\SessionManager\\Apps\\{{{guid}}}]\r\n{values}"
        );
        assert_eq!(text(&file.content), expected);
        assert_eq!(
            text(&kit.reg_removal().content),
            format!(
                "\u{feff}Windows Registry Editor Version 5.00\r\n\r\n\
                 [-HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Communicator\\SessionManager\\Apps\\{{{guid}}}]\r\n\r\n\
                 [-HKEY_LOCAL_MACHINE\\SOFTWARE\\Wow6432Node\\Microsoft\\Communicator\\SessionManager\\Apps\\{{{guid}}}]\r\n\r\n"
            )
        );
    }

    /// Covers: EV-23
    #[test]
    fn a_users_own_file_needs_no_machine_key() {
        let targets = [target(1, "sandbox", "EasyVista QuickCall Sandbox")];
        let file = text(&kit(&targets, Hive::User, Bits::Both).reg().content);
        assert_eq!(file.matches("[HKEY_CURRENT_USER\\SOFTWARE\\Microsoft\\").count(), 3, "{file}");
        assert!(!file.contains("HKEY_LOCAL_MACHINE") && !file.contains("Wow6432Node"), "{file}");
    }

    #[test]
    fn quotation_marks_and_backslashes_stay_inside_their_value() {
        assert_eq!(super::quoted(r#"a "b" c:\d"#), r#""a \"b\" c:\\d""#);
    }
}
