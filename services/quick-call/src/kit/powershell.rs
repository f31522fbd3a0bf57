//! A PowerShell script for software distribution: adds the entries, or removes them with `-Remove`. UTF-8 with a byte
//! order mark, which Windows PowerShell 5 needs to read other letters than English ones.

use std::fmt::Write as _;

use super::{APPLICATION_TYPE, Hive, Kit, KitFile, MENU, MENU_ALL, SESSION_TYPE};

pub(super) fn script(kit: &Kit) -> KitFile {
    let drive = match kit.hive {
        Hive::Machine => "HKLM",
        Hive::User => "HKCU",
    };
    let requires = if kit.hive == Hive::Machine { "#Requires -RunAsAdministrator\n" } else { "" };
    let mut text = format!(
        "#Requires -Version 3.0\n{requires}\
         # Adds Tieline's quick-call commands to the menus of Lync and Skype for Business; -Remove takes them out.\n\
         # The client reads its menus when it starts: restart it afterwards. Run in 64-bit PowerShell.\n\
         [CmdletBinding(SupportsShouldProcess = $true)]\n\
         param([switch] $Remove)\n\
         $ErrorActionPreference = 'Stop'\n\
         $folders = @(\n"
    );
    for (_, folder) in kit.folders() {
        let _ = writeln!(text, "    {}", quoted(&format!(r"{drive}:\{folder}")));
    }
    text.push_str(")\n$entries = @(\n");
    for entry in &kit.entries {
        let _ = writeln!(
            text,
            "    @{{ Guid = {}; Name = {}; Path = {} }}",
            quoted(&format!("{{{}}}", entry.guid)),
            quoted(&entry.name),
            quoted(&entry.path)
        );
    }
    let _ = write!(
        text,
        r#")
foreach ($folder in $folders) {{
    foreach ($entry in $entries) {{
        $key = Join-Path -Path $folder -ChildPath $entry.Guid
        if ($Remove) {{
            if ((Test-Path -LiteralPath $key) -and $PSCmdlet.ShouldProcess($key, 'Remove')) {{
                Remove-Item -LiteralPath $key -Recurse
            }}
            continue
        }}
        if (-not $PSCmdlet.ShouldProcess($key, 'Add')) {{ continue }}
        if (-not (Test-Path -LiteralPath $key)) {{ New-Item -Path $key -Force | Out-Null }}
        foreach ($value in @(
            @{{ Name = 'Name'; Type = 'String'; Value = $entry.Name }}
            @{{ Name = 'Path'; Type = 'String'; Value = $entry.Path }}
            @{{ Name = 'ApplicationType'; Type = 'DWord'; Value = {APPLICATION_TYPE} }}
            @{{ Name = 'SessionType'; Type = 'DWord'; Value = {SESSION_TYPE} }}
            @{{ Name = 'ExtensibleMenuAll'; Type = 'String'; Value = {all} }}
            @{{ Name = 'ExtensibleMenu'; Type = 'String'; Value = {menu} }}
        )) {{
            New-ItemProperty -LiteralPath $key -Name $value.Name -PropertyType $value.Type -Value $value.Value -Force | Out-Null
        }}
    }}
}}
"#,
        all = quoted(MENU_ALL),
        menu = quoted(MENU),
    );
    let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    KitFile { name: "Tieline-QuickCall.ps1".to_owned(), content: text.into_bytes() }
}

/// A literal string. PowerShell also takes typographic quotation marks for its own, so they are doubled as well.
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        if "'\u{2018}\u{2019}\u{201a}\u{201b}".contains(c) {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kit, target};
    use super::super::{Bits, Hive};

    /// Covers: EV-23 (script)
    #[test]
    fn texts_are_literal_and_the_values_are_the_documented_ones() {
        let targets = [target(1, "sandbox", "Bob's $(calc) `ticket’")];
        let script = String::from_utf8(kit(&targets, Hive::User, Bits::Both).powershell().content).unwrap();
        assert!(script.starts_with('\u{feff}') && !script.replace("\r\n", "").contains('\n'));
        assert!(script.contains("Name = 'Bob''s $(calc) `ticket’’'"), "{script}");
        assert!(script.contains(r"'HKCU:\SOFTWARE\Microsoft\Office\16.0\Lync\SessionManager\Apps'"));
        assert!(!script.contains("Wow6432Node") && !script.contains("RunAsAdministrator"));
        let machine =
            String::from_utf8(kit(&targets, Hive::Machine, Bits::Both).powershell().content).unwrap();
        assert!(machine.contains("RunAsAdministrator") && machine.contains(r"'HKLM:\SOFTWARE\Wow6432Node"));
    }
}
