//! `tieline user …`: people who sign in to the pages with a password of Tieline's own.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::{PasswordSource, given};
use crate::api::{Api, segment};
use crate::output::{Output, items, table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Makes an account.
    Add {
        /// What is typed to sign in.
        name: String,
        /// What people see; the name when absent.
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// What its holder may do.
        #[arg(long, value_enum, default_value_t = Role::Technician)]
        role: Role,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Lists the accounts.
    List,
    /// Sets another password and ends the account's sessions.
    SetPassword {
        /// Whose.
        name: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Removes an account and ends its sessions.
    Remove {
        /// Whose.
        name: String,
    },
}

/// What an account's holder may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Quick calls, and seeing how things are.
    Technician,
    /// Changing things, too.
    Administrator,
}

pub(crate) async fn run(command: UserCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        UserCommand::Add { name, display_name, role, password } => {
            let body = given([
                ("name", Some(json!(name))),
                ("display_name", display_name.map(Value::from)),
                ("role", Some(json!(format!("{role:?}").to_lowercase()))),
                ("password", Some(json!(password.required()?))),
            ]);
            let answer = api.post("/api/v1/users", &body).await?;
            out.show(&answer, |a| format!("Added user {}, {}", text(a, "name"), text(a, "role")));
        }
        UserCommand::List => out.show(&api.get("/api/v1/users").await?, list),
        UserCommand::SetPassword { name, password } => {
            let body = json!({ "password": password.required()? });
            api.put(&format!("/api/v1/users/{}/password", segment(&name)), &body).await?;
            out.show(&json!({"user": name}), |_| format!("Set the password of {name}; its sessions ended"));
        }
        UserCommand::Remove { name } => {
            api.delete(&format!("/api/v1/users/{}", segment(&name))).await?;
            out.show(&json!({"removed": name}), |_| format!("Removed user {name}; its sessions ended"));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let columns = ["name", "display_name", "role", "password_set"];
    let rows = items(answer).iter().map(|user| columns.map(|column| text(user, column)).to_vec()).collect();
    table(
        &["name", "shown as", "role", "password set"],
        rows,
        "No users yet. Make one: tieline user add dana --role technician --password-file FILE",
    )
}
