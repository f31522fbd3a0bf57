//! `tieline demo`: a lab Exchange, desk phones and the server on loopback, with a scripted tour.
//!
//! Nothing is pretended: the server is this binary, started as a process of its own with `serve`, so that the tour can
//! kill it; the mailbox is read over EWS with the user's own password; the lamp is a SIP user agent's.

mod conferencing;
mod in_step;
mod mail_client;
mod messaging;
mod quick_call;
mod site;
mod story;

use std::path::PathBuf;

use clap::Args;
use tieline_model::Refusal;

use crate::output::Output;
use crate::signals;
use site::Site;
use story::Story;

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after the tour instead of staying up.
    #[arg(long)]
    once: bool,
    /// Send this recording instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    voicemail: Option<PathBuf>,
}

pub(crate) async fn run(command: Demo, out: Output) -> Result<(), Refusal> {
    let mut story = Story::new(out);
    let recording = match &command.voicemail {
        Some(path) => Some(messaging::Recording::read(path)?),
        None => None,
    };
    let tour = tour(&mut story, recording.unwrap_or_else(messaging::Recording::built_in));
    let site = tokio::select! {
        site = tour => site?,
        () = signals::stop() => return Ok(()),
    };
    if !command.once {
        site.settings(out);
        signals::stop().await;
    }
    site.stop().await;
    story.outcome()
}

async fn tour(story: &mut Story, recording: messaging::Recording) -> Result<Site, Refusal> {
    story.heading("Messaging", "a voice message reaches the mailbox, and the light follows");
    let site = story.step("lab-and-server", Site::start()).await?;
    let site = messaging::tour(story, site, recording).await?;
    story.heading("Contacts and calendars", "in step with Exchange, both ways, and nothing lost");
    in_step::tour(story, &site).await?;
    story.heading("Quick call", "from a contact in Lync to a ticket form with that person filled in");
    quick_call::tour(story, &site).await?;
    story.heading("Conferencing", "invite the room, get an answer with a reason, and dial in");
    conferencing::tour(story, &site).await?;
    Ok(site)
}
