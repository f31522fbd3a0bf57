//! `tieline token …`: tokens for programs that use the REST API.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use tieline_model::Refusal;

use crate::api::{Api, segment};
use crate::output::{Output, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Makes a token and shows it once.
    Add {
        /// What it is for.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value_t = Role::Read)]
        role: Role,
    },
    /// Lists the tokens, without their secret part.
    List,
    /// Makes a token worthless at once.
    Remove {
        /// Its id, as shown by list.
        id: String,
    },
}

/// What a token's holder may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Everything.
    Admin,
    /// Deposit messages, and see what became of them.
    Deposit,
    /// Look only.
    Read,
}

pub(crate) async fn run(command: TokenCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        TokenCommand::Add { name, role } => {
            let role = format!("{role:?}").to_lowercase();
            let answer = api.post("/api/v1/tokens", &json!({"name": name, "role": role})).await?;
            out.show(&answer, |a| format!("{}\nThis token is not shown again. Its role is {role}; send it as Authorization: Bearer …", text(a, "token")));
        }
        TokenCommand::List => out.show(&api.get("/api/v1/tokens").await?, list),
        TokenCommand::Remove { id } => {
            api.delete(&format!("/api/v1/tokens/{}", segment(&id))).await?;
            out.show(&json!({"removed": id}), |_| format!("Removed token {id}"));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|t| vec![text(t, "id"), text(t, "name"), text(t, "role"), time(&text(t, "created"))])
        .collect();
    table(
        &["id", "name", "role", "created"],
        rows,
        "No tokens yet. Make one: tieline token add pbx --role deposit",
    )
}
