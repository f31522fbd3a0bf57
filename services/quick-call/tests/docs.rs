//! The documentation keeps the rules that Microsoft's own pages told, and says the same as the files of the kit.

use tieline_quick_call::kit::{
    APPLICATION_TYPE, Bits, ClientVersion, Hive, Kit, MENU, MENU_ALL, SESSION_TYPE,
};

const GUIDE: &str = include_str!("../../../docs/quick-call.md");

/// Covers: EV-60
#[test]
fn the_guide_lists_every_client_value_and_menu_of_the_kit() {
    for path in [
        r"Microsoft\Communicator\SessionManager\Apps\{GUID}",
        r"Microsoft\Office\15.0\Lync\SessionManager\Apps\{GUID}",
        r"Microsoft\Office\16.0\Lync\SessionManager\Apps\{GUID}",
        "Wow6432Node",
        "HKEY_LOCAL_MACHINE",
        "HKEY_CURRENT_USER",
    ] {
        assert!(GUIDE.contains(path), "{path}");
    }
    for menu in MENU.split(';').chain(MENU_ALL.split(';')) {
        assert!(GUIDE.contains(menu), "{menu}");
    }
    assert!(GUIDE.contains(&format!("| `ApplicationType` | REG_DWORD | {APPLICATION_TYPE}, ")));
    assert!(GUIDE.contains(&format!("| `SessionType` | REG_DWORD | {SESSION_TYPE}, ")));
    for client in ClientVersion::ALL {
        let last = client.label().split(" and ").last().unwrap_or_default();
        assert!(GUIDE.contains(last), "{last}");
    }
}

/// Covers: EV-10, EV-41, X-11
#[test]
fn guide_policy_and_script_say_that_the_client_is_restarted_and_what_is_untested() {
    let kit = Kit::new(&[], "https://tieline.corp.example", false, &[], Hive::Machine, Bits::Both).unwrap();
    let script = String::from_utf8(kit.powershell().content).unwrap();
    let policy = kit.admx().into_iter().find(|file| file.name.starts_with("en-US/")).unwrap();
    let policy = String::from_utf8(policy.content).unwrap();
    assert!(script.contains("The client reads its menus when it starts: restart it afterwards."));
    assert!(policy.contains("The client reads its menus when it starts."));
    assert!(GUIDE.contains("the client is\nrestarted; the Lync server has no part in it"));
    assert!(GUIDE.contains("Lync Online and Skype for Business Online are untested"));
}
