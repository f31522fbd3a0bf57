//! The command line: what can be said, and where it is answered.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    config, contact, db, deletion, demo, doctor, endpoint, event, explain, feature_group, init, lab, mailbox,
    meeting, meeting_room, preflight, quick_call, secret, serve, snapshot, status, sync, token, trust, user,
    voicemail,
};

/// Ties a company's mail system and its telephones together: voice messages reach the mailbox, and the light follows.
#[derive(Debug, Parser)]
#[command(name = "tieline", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How commands reach the server, and how they answer.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reach {
    /// Answer in JSON, one object a line for streams.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The configuration file: says where the server's admin socket is.
    #[arg(long, global = true, env = "TIELINE_CONFIG", value_name = "FILE", default_value = "tieline.toml")]
    pub(crate) config: PathBuf,
    /// Talk to this server over HTTP instead of the admin socket.
    #[arg(long, global = true, env = "TIELINE_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The token for --server; tieline token add makes one. Better given in the environment than on the command line.
    #[arg(long, global = true, env = "TIELINE_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows Tieline at work: a lab Exchange, a desk phone and the server on loopback, with a scripted tour.
    Demo(demo::Demo),
    /// Runs the lab: an Exchange server for tests, on loopback.
    Lab(lab::LabCommand),
    /// Runs the server.
    Serve(serve::Serve),
    /// Writes a configuration and a key to begin with.
    Init(init::Init),
    /// The configuration file, and the settings kept in the store.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The store's tables.
    #[command(subcommand)]
    Db(db::Db),
    /// Mail servers.
    #[command(subcommand, visible_alias = "cse", alias = "tse")]
    Endpoint(endpoint::EndpointCommand),
    /// Groups of mailboxes that share settings and a service account.
    #[command(subcommand)]
    FeatureGroup(feature_group::FeatureGroupCommand),
    /// Mailboxes, their settings and lights.
    #[command(subcommand)]
    Mailbox(mailbox::MailboxCommand),
    /// Voice messages, fax and text messages.
    #[command(subcommand)]
    Voicemail(voicemail::Voicemail),
    /// Contacts of a mailbox.
    #[command(subcommand)]
    Contact(contact::ContactCommand),
    /// The calendar of a mailbox.
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Contacts and events that were deleted and can be restored.
    #[command(subcommand)]
    Deletion(deletion::DeletionCommand),
    /// Copies of contacts and calendars, and going back to them.
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// Contacts and calendars in step with the mail server.
    #[command(subcommand)]
    Sync(sync::SyncCommand),
    /// Says why: inputs, rule and outcome of every decision about a message, mailbox or trace.
    Explain(explain::Explain),
    /// Looks at everything that must be right, and says what is not: configuration, key, store, directory, mail servers,
    /// ticket systems. Changes nothing. Exit code 0: in order, 1: something must be set right, 2: the configuration
    /// cannot be read.
    Doctor(doctor::Doctor),
    /// Goes the whole way to the mail server with the service account, says what it saw, and prints the cmdlets that prepare
    /// Exchange. Changes nothing.
    Preflight(preflight::Preflight),
    /// How the server is doing: queues, lag, mailboxes, folders.
    Status(status::Status),
    /// Whose certificates are believed.
    #[command(subcommand)]
    Trust(trust::Trust),
    /// The passwords at rest, and the key that they are sealed with.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Tokens for programs that use the REST API.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Virtual meeting rooms, and the rules by which invitations to them are answered.
    #[command(subcommand)]
    MeetingRoom(meeting_room::MeetingRoomCommand),
    /// Meetings in rooms, their answers, and what becomes of their rooms.
    #[command(subcommand)]
    Meeting(meeting::MeetingCommand),
    /// From a contact in Lync to a pre-filled ticket.
    #[command(subcommand)]
    QuickCall(quick_call::QuickCallCommand),
    /// People who sign in to the pages with a password of Tieline's own.
    #[command(subcommand)]
    User(user::UserCommand),
}
