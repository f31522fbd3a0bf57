//! Group policy: an ADMX file with one policy for each entry and client, and its texts in two languages. A policy that
//! is enabled writes the entry's values, one that is disabled removes them.

use std::fmt::Write as _;

use super::{APPLICATION_TYPE, ClientVersion, Entry, Hive, Kit, KitFile, MENU, MENU_ALL, SESSION_TYPE};

const NAMESPACE: &str = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions";
const FILE: &str = "TielineQuickCall";

pub(super) fn files(kit: &Kit) -> Vec<KitFile> {
    let file =
        |name: String, text: String| KitFile { name, content: text.replace('\n', "\r\n").into_bytes() };
    vec![
        file(format!("{FILE}.admx"), definitions(kit)),
        file(format!("en-US/{FILE}.adml"), resources(kit, &ENGLISH)),
        file(format!("de-DE/{FILE}.adml"), resources(kit, &GERMAN)),
    ]
}

/// A policy: an entry for a client.
fn policies(kit: &Kit) -> impl Iterator<Item = (String, &Entry, ClientVersion)> {
    let of = |client: &ClientVersion| {
        let client = *client;
        kit.entries
            .iter()
            .map(move |entry| (format!("{}_{}", id_of(client), entry.guid.simple()), entry, client))
    };
    kit.clients.iter().flat_map(of)
}

const fn id_of(client: ClientVersion) -> &'static str {
    match client {
        ClientVersion::Lync2010 => "Lync2010",
        ClientVersion::Lync2013 => "Lync2013",
        ClientVersion::SkypeForBusiness2016 => "Sfb2016",
    }
}

fn definitions(kit: &Kit) -> String {
    let class = match kit.hive {
        Hive::Machine => "Machine",
        Hive::User => "User",
    };
    let mut text = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<policyDefinitions xmlns="{NAMESPACE}" revision="1.0" schemaVersion="1.0">
  <policyNamespaces>
    <target prefix="tieline" namespace="Tieline.Policies.QuickCall" />
  </policyNamespaces>
  <resources minRequiredRevision="1.0" />
  <supportedOn>
    <definitions>
"#
    );
    for client in &kit.clients {
        let _ =
            writeln!(text, r#"      <definition name="{0}" displayName="$(string.{0})" />"#, id_of(*client));
    }
    text.push_str(
        r#"    </definitions>
  </supportedOn>
  <categories>
    <category name="QuickCall" displayName="$(string.QuickCall)" />
  </categories>
  <policies>
"#,
    );
    for (id, entry, client) in policies(kit) {
        let folders: Vec<String> =
            kit.folders().into_iter().filter(|(c, _)| *c == client).map(|(_, f)| f).collect();
        let key = |folder: &String| escaped(&format!(r"{folder}\{{{}}}", entry.guid));
        let first = folders.first().map(key).unwrap_or_default();
        let _ = writeln!(
            text,
            r#"    <policy name="{id}" class="{class}" displayName="$(string.{id})" explainText="$(string.Explain)" key="{first}">
      <parentCategory ref="QuickCall" />
      <supportedOn ref="{}" />
      <enabledList>"#,
            id_of(client)
        );
        let values = [("Name", entry.name.as_str()), ("Path", &entry.path)];
        let menus = [("ExtensibleMenuAll", MENU_ALL), ("ExtensibleMenu", MENU)];
        let numbers = [("ApplicationType", APPLICATION_TYPE), ("SessionType", SESSION_TYPE)];
        for key in folders.iter().map(key) {
            for (name, value) in values.iter().chain(&menus) {
                let value = escaped(value);
                let _ = writeln!(
                    text,
                    r#"        <item key="{key}" valueName="{name}"><value><string>{value}</string></value></item>"#
                );
            }
            for (name, value) in numbers {
                let _ = writeln!(
                    text,
                    r#"        <item key="{key}" valueName="{name}"><value><decimal value="{value}" /></value></item>"#
                );
            }
        }
        text.push_str("      </enabledList>\n      <disabledList>\n");
        for key in folders.iter().map(key) {
            for name in values.iter().chain(&menus).map(|(n, _)| *n).chain(numbers.map(|(n, _)| n)) {
                let _ = writeln!(
                    text,
                    r#"        <item key="{key}" valueName="{name}"><value><delete /></value></item>"#
                );
            }
        }
        text.push_str("      </disabledList>\n    </policy>\n");
    }
    text.push_str("  </policies>\n</policyDefinitions>\n");
    text
}

struct Words {
    category: &'static str,
    explain: &'static str,
    /// Joins the menu's text and the client's name.
    entry: &'static str,
}

const ENGLISH: Words = Words {
    category: "Tieline quick call",
    explain: "Adds a command to the client's menus that opens a pre-filled ticket for the selected person. \
              The client reads its menus when it starts. Disabled: the command's values are removed.",
    entry: "in",
};

const GERMAN: Words = Words {
    category: "Tieline-Schnellaufnahme",
    explain: "Fügt den Menüs des Clients einen Befehl hinzu, der ein vorausgefülltes Ticket für die gewählte Person \
              öffnet. Der Client liest seine Menüs beim Start. Deaktiviert: Die Werte des Befehls werden entfernt.",
    entry: "in",
};

fn resources(kit: &Kit, words: &Words) -> String {
    let mut text = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<policyDefinitionResources xmlns="{NAMESPACE}" revision="1.0" schemaVersion="1.0">
  <displayName>{0}</displayName>
  <description>{0}</description>
  <resources>
    <stringTable>
      <string id="QuickCall">{0}</string>
      <string id="Explain">{1}</string>
"#,
        words.category, words.explain
    );
    for client in &kit.clients {
        let _ = writeln!(text, r#"      <string id="{}">{}</string>"#, id_of(*client), client.label());
    }
    for (id, entry, client) in policies(kit) {
        let name = escaped(&entry.name);
        let _ =
            writeln!(text, r#"      <string id="{id}">{name} {} {}</string>"#, words.entry, client.label());
    }
    text.push_str("    </stringTable>\n  </resources>\n</policyDefinitionResources>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::super::tests::{kit, target};
    use super::super::{Bits, Hive};

    /// Covers: EV-23 (policy)
    #[test]
    fn policies_write_the_same_values_as_the_registry_file() {
        let targets = [target(1, "a & b", "Ticket \"<now>\" & more"), target(2, "second", "Second")];
        let files = kit(&targets, Hive::Machine, Bits::Both).admx();
        let text = String::from_utf8(files[0].content.clone()).unwrap();
        let document = Document::parse(&text).unwrap();
        let policies: Vec<_> =
            document.descendants().filter(|n| n.has_tag_name((super::NAMESPACE, "policy"))).collect();
        assert_eq!(policies.len(), 6, "two entries for three clients");
        let items: Vec<_> = policies[0]
            .descendants()
            .filter(|n| n.has_tag_name((super::NAMESPACE, "item")))
            .map(|item| {
                let value = item.descendants().find(|n| n.is_text() || n.has_attribute("value"));
                let value = value.and_then(|n| n.attribute("value").or(n.text())).unwrap_or("removed");
                (item.attribute("valueName").unwrap(), value)
            })
            .collect();
        assert_eq!(items.len(), 24, "six values in two views, written and removed");
        assert!(items.contains(&("Name", "Ticket \"<now>\" & more")));
        assert!(items.contains(&(
            "Path",
            "https://tieline.corp.example/quick-call?target=a%20%26%20b&contactId=%contact-id%"
        )));
        assert!(items.contains(&("SessionType", "0")) && items.contains(&("ApplicationType", "1")));
        // Every text that the definitions name is there in both languages.
        for file in &files[1..] {
            let words = String::from_utf8(file.content.clone()).unwrap();
            let words = Document::parse(&words).unwrap();
            let ids: Vec<_> = words.descendants().filter_map(|n| n.attribute("id")).collect();
            for reference in text.split("$(string.").skip(1).filter_map(|rest| rest.split(')').next()) {
                assert!(ids.contains(&reference), "{}: {reference}", file.name);
            }
        }
    }
}
