//! What must be done in Exchange for a service account: as a script that may run again and again, and as steps in the
//! admin center.

use serde_json::{Value, json};

use crate::output::text;

/// The preparation of one service account.
pub(super) struct Steps {
    group: String,
    script: String,
    admin_center: String,
}

impl Steps {
    pub(super) fn json(&self) -> Value {
        json!({ "group": self.group, "powershell": self.script, "admin_center": self.admin_center })
    }

    pub(super) fn text(&self) -> String {
        format!("{}\n{}", self.script, self.admin_center)
    }
}

/// A text as PowerShell takes it word by word.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    // PowerShell takes typographic quotes for plain ones.
    let doubled = plain.replace(['\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'], "'").replace('\'', "''");
    format!("'{doubled}'")
}

/// For a feature group as the API shows it; `users` is the distribution group of those whom Tieline serves.
pub(super) fn steps(group: &Value, users: &str) -> Steps {
    let (name, account) = (text(group, "name"), text(group, "account"));
    let role_group = format!("Tieline {name}");
    Steps {
        script: script(&name, &quoted(&account), &quoted(&role_group), &quoted(users)),
        admin_center: admin_center(&account, &role_group),
        group: name,
    }
}

fn script(name: &str, account: &str, role_group: &str, users: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    format!(
        r#"# Exchange Management Shell: what Tieline's feature group {name} needs. Running it again changes nothing.
$account = {account}
$roleGroup = {role_group}
$users = {users}

# The service account needs no mailbox of its own for this; with one, Tieline can look after it.
if (-not (Get-Mailbox -Identity $account -ErrorAction SilentlyContinue)) {{
    Enable-Mailbox -Identity $account
}}

# Its reach: the members of one distribution group.
if (-not (Get-ManagementScope -Identity $roleGroup -ErrorAction SilentlyContinue)) {{
    $members = (Get-DistributionGroup -Identity $users).DistinguishedName
    New-ManagementScope -Name $roleGroup -RecipientRestrictionFilter "MemberOfGroup -eq '$members'"
}}

# The right to act for them, and nothing else.
if (-not (Get-RoleGroup -Identity $roleGroup -ErrorAction SilentlyContinue)) {{
    New-RoleGroup -Name $roleGroup -Roles ApplicationImpersonation -CustomRecipientWriteScope $roleGroup -Description 'Tieline acts for these mailboxes over EWS'
}}
if (-not (Get-RoleGroupMember -Identity $roleGroup | Where-Object {{ $_.PrimarySmtpAddress -eq $account }})) {{
    Add-RoleGroupMember -Identity $roleGroup -Member $account
}}

# What is in force now. A new member may take up to 30 minutes to reach every server.
Get-RoleGroup -Identity $roleGroup | Format-List Name, Roles, Members, RoleAssignments
Get-CASMailbox -Identity $account | Format-List EwsEnabled, EwsApplicationAccessPolicy, EwsAllowList, EwsBlockList
Get-OrganizationConfig | Format-List EwsEnabled, EwsApplicationAccessPolicy, EwsAllowList, EwsBlockList
Get-WebServicesVirtualDirectory | Format-List Identity, InternalUrl, BasicAuthentication, WindowsAuthentication, ExtendedProtectionTokenChecking
Get-Mailbox -Identity $account | Format-List PrimarySmtpAddress, Alias, ProhibitSendQuota, ProhibitSendReceiveQuota
Get-MailboxStatistics -Identity $account | Format-List ItemCount, TotalItemSize
Get-ThrottlingPolicyAssociation -Identity $account | Format-List ThrottlingPolicyId
Get-ADUser -Filter "UserPrincipalName -eq '$account'" -Properties PasswordNeverExpires, PasswordExpired, AccountExpirationDate, LockedOut, LogonHours

# For: tieline preflight GROUP --assignments assignments.json
Get-ManagementRoleAssignment -Role ApplicationImpersonation -GetEffectiveUsers |
    Select-Object Name, EffectiveUserName, @{{n='RecipientWriteScope'; e={{"$($_.RecipientWriteScope)"}}}}, @{{n='CustomRecipientWriteScope'; e={{"$($_.CustomRecipientWriteScope)"}}}} |
    ConvertTo-Json | Set-Content -Encoding utf8 assignments.json
"#
    )
}

fn admin_center(account: &str, role_group: &str) -> String {
    format!(
        "\
# The same in the Exchange admin center, https://SERVER/ecp (Tieline itself never needs it):
#  1. Active Directory: create the user {account}; any organizational unit and policy will do. The old guide wants
#     \"Password never expires\"; Tieline only warns 14 days before the end.
#  2. recipients > mailboxes > New > User mailbox > Existing user: choose it, and give it an Alias that people understand.
#  3. permissions > admin roles > New: Name \"{role_group}\", a Description if you like, Write scope for the users that are
#     served.
#  4. Roles > Add: ApplicationImpersonation.
#  5. Members > Add: {account}. Save.
#  6. The role group appears in the list; then: tieline preflight GROUP --wait 30
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> Steps {
        steps(&json!({ "name": name, "account": "svc-tieline@corp.example" }), "UM-Users")
    }

    /// Covers: AV-26
    #[test]
    fn the_script_makes_only_what_is_not_there() {
        let script = sample("Sales").script;
        let mut guarded = false;
        let mut makes = 0;
        for line in script.lines() {
            if line.starts_with("if (-not (Get-") {
                guarded = true;
            } else if line.starts_with('}') {
                guarded = false;
            }
            let word = line.trim().split([' ', '-']).next().unwrap_or_default();
            if ["New", "Add", "Enable", "Set", "Remove"].contains(&word) {
                assert!(guarded, "not guarded by a look: {line}");
                makes += 1;
            }
        }
        assert_eq!(makes, 4, "{script}");
        assert_eq!(script.matches('{').count(), script.matches('}').count());
    }

    /// Covers: AV-16 (names are words, never commands)
    #[test]
    fn a_name_cannot_become_a_command() {
        let script = sample("Tom's \u{2019}; Remove-Mailbox *; '\n$(evil)").script;
        let line = script.lines().find(|line| line.starts_with("$roleGroup")).unwrap_or_default();
        assert_eq!(line, "$roleGroup = 'Tieline Tom''s ''; Remove-Mailbox *; ''$(evil)'");
        assert!(script.lines().next().unwrap_or_default().starts_with('#'));
        assert!(!script.lines().any(|line| line.trim_start().starts_with("$(evil)")));
    }

    /// The manual shows the script as the command prints it. `TIELINE_WRITE=1` writes it there.
    ///
    /// Covers: AV-16, AV-24
    #[test]
    fn the_manual_shows_what_the_command_prints() {
        const BEGIN: &str =
            "<!-- cmdlets: begin (written by `TIELINE_WRITE=1 cargo test -p tieline cmdlets`) -->\n";
        const END: &str = "<!-- cmdlets: end -->";
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/service-account.md");
        let manual = std::fs::read_to_string(file).unwrap();
        let steps = sample("Sales").text();
        let shown: String = steps
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
            .collect();
        let (before, rest) = manual.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let expected = format!("{before}{BEGIN}\n{shown}\n{END}{after}");
        if std::env::var_os("TIELINE_WRITE").is_some() {
            std::fs::write(file, &expected).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), expected, "write it with TIELINE_WRITE=1");
        for cmdlet in
            ["New-ManagementScope", "New-RoleGroup", "Add-RoleGroupMember", "Get-ManagementRoleAssignment"]
        {
            assert!(shown.contains(cmdlet), "{cmdlet}");
        }
        for step in
            ["https://SERVER/ecp", "Existing user", "admin roles", "ApplicationImpersonation", "Members"]
        {
            assert!(shown.contains(step), "{step}");
        }
    }
}
