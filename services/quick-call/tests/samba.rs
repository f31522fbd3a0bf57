//! Samba's registry (`net registry`, from Debian's samba-common-bin) as the judge of `.reg` files: it reads what we wrote
//! into a registry of its own, and is asked what stands there. A judge that is missing fails.

use std::path::Path;
use std::process::Command;

use tieline_model::{
    Environment, Hosting, PersonKey, QuickCallTarget, QuickCallTargetId, TargetKind, UnknownPerson,
};
use tieline_quick_call::kit::{Bits, Hive, Kit, MENU, MENU_ALL, menu_guid};

fn target(number: u128, name: &str, menu_text: &str) -> QuickCallTarget {
    QuickCallTarget {
        id: QuickCallTargetId::from_uuid(uuid::Uuid::from_u128(number)),
        name: name.to_owned(),
        menu_text: menu_text.to_owned(),
        environment: Environment::Production,
        hosting: Hosting::Saas,
        kind: TargetKind::Method2,
        hosts: Vec::new(),
        person_key: PersonKey::Mail,
        unknown: UnknownPerson::Page,
        api: None,
    }
}

/// A registry in a folder.
struct Registry(tempfile::TempDir);

impl Registry {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = "[global]\n".to_owned();
        for name in ["private dir", "state directory", "cache directory", "lock directory"] {
            settings.push_str(&format!("{name} = {}\n", folder.path().display()));
        }
        std::fs::write(folder.path().join("smb.conf"), settings).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn net(&self, arguments: &[&str]) -> Result<String, String> {
        let settings = format!("--configfile={}", self.path().join("smb.conf").display());
        let output = Command::new("net").arg(settings).arg("registry").args(arguments).output();
        let output = output.expect("net of Debian's samba-common-bin; scripts/setup installs it");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn import(&self, content: &[u8]) {
        let file = self.path().join("kit.reg");
        std::fs::write(&file, content).unwrap();
        self.net(&["import", file.to_str().unwrap()]).unwrap();
    }

    /// Name, type and value of everything in a key.
    fn values(&self, key: &str) -> Result<Vec<(String, String, String)>, String> {
        let said = self.net(&["enumerate", key])?;
        let field = |block: &str, name: &str| {
            let line = block.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once("= ")).map(|(_, value)| value.trim());
            value.map(|value| value.trim_matches('"').to_owned())
        };
        let value =
            |block: &str| Some((field(block, "Valuename")?, field(block, "Type")?, field(block, "Value ")?));
        Ok(said.split("\n\n").filter_map(value).collect())
    }
}

/// Covers: EV-32, EV-33, EV-34, EV-35, EV-36, EV-37, EV-38, EV-39, EV-40, EV-42, EV-59, X-10
#[test]
fn samba_reads_from_our_files_what_we_meant_and_their_removal_leaves_nothing() {
    let targets = [
        target(1, "production", "Ticket für Kollegen \\ \"EasyVista\""),
        target(2, "50004", "Sandbox 50004"),
    ];
    let kit =
        Kit::new(&targets, "https://tieline.corp.example", false, &[], Hive::Machine, Bits::Both).unwrap();
    let registry = Registry::new();
    registry.import(&kit.reg().content);
    let folders = [
        r"Microsoft\Communicator",
        r"Wow6432Node\Microsoft\Communicator",
        r"Microsoft\Office\15.0\Lync",
        r"Wow6432Node\Microsoft\Office\15.0\Lync",
        r"Microsoft\Office\16.0\Lync",
        r"Wow6432Node\Microsoft\Office\16.0\Lync",
    ];
    let keys = || {
        folders.into_iter().flat_map(|folder| {
            targets.iter().map(move |target| {
                let guid = menu_guid(target.id);
                (format!(r"HKLM\SOFTWARE\{folder}\SessionManager\Apps\{{{guid}}}"), target)
            })
        })
    };
    for (key, target) in keys() {
        let text = |name: &str, value: &str| (name.to_owned(), "REG_SZ".to_owned(), value.to_owned());
        let number = |name: &str, value: &str| (name.to_owned(), "REG_DWORD".to_owned(), value.to_owned());
        let path =
            format!("https://tieline.corp.example/quick-call?target={}&contactId=%contact-id%", target.name);
        let menu_text = target.menu_text.trim_matches('"');
        let mut wanted = vec![
            text("Name", menu_text),
            text("Path", &path),
            number("ApplicationType", "1"),
            number("SessionType", "0"),
            text("ExtensibleMenuAll", MENU_ALL),
            text("ExtensibleMenu", MENU),
        ];
        let mut found = registry.values(&key).unwrap();
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{key}");
    }
    registry.import(&kit.reg_removal().content);
    for (key, _) in keys() {
        assert!(registry.values(&key).is_err(), "{key} is still there");
    }
}
