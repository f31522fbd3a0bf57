//! The rules by which invitations are answered, and other rules tried on past invitations before they hold.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use jiff::SignedDuration;
use maud::{Markup, html};
use tieline_conferencing::{PasscodeRule, Policy, Replay, Rule};
use tieline_model::{ReasonKind, Refusal};

use super::{Admin, POLICY, Typed};
use crate::pages::notice::block;
use crate::pages::{Page, Place, Shell};
use crate::web::Web;

/// Of invitations that would be answered otherwise, so many are listed.
const MOST: usize = 100;
/// Past invitations of so many days are tried when nothing else is said.
const DAYS: &str = "30";

/// `GET /conferencing/policy`.
pub(in crate::pages) async fn show(admin: Admin) -> Page {
    let typed = Typed { days: DAYS.to_owned(), ..Typed::default() };
    Ok(page(&admin, &typed, None).into_response())
}

/// `POST /conferencing/policy`: nothing is applied and nobody is told.
pub(in crate::pages) async fn replay(State(web): State<Arc<Web>>, request: Request) -> Page {
    let (admin, typed): (Admin, Typed) = Admin::sent(&web, request).await?;
    let days = typed.days.trim().parse::<u16>().ok().filter(|days| (1..=366).contains(days));
    let since = days
        .and_then(|days| web.clock.now().checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok());
    let replayed = match since {
        Some(since) => admin.job.replay(&typed.policy, since).await,
        None => {
            Err(Refusal::permanent("bad-time", "the days are not a number from 1 to 366", "write 1 to 366"))
        }
    };
    let status = replayed.as_ref().err().map_or(axum::http::StatusCode::OK, crate::problem::status);
    Ok((status, page(&admin, &typed, Some(&replayed))).into_response())
}

fn page(admin: &Admin, typed: &Typed, replayed: Option<&Result<Replay, Refusal>>) -> Markup {
    let content = html! {
        @match replayed {
            Some(Ok(replay)) => (outcome(replay)),
            Some(Err(refusal)) => (block(refusal)),
            None => {},
        }
        (rules(&admin.job.settings.policy))
        section aria-labelledby="try" {
            h2 #try { "Try other rules" }
            p.quiet { "Past invitations are decided on again, by the text of another policy file. Nothing is applied and nobody is told." }
            form.sheet method="post" action=(POLICY) {
                input type="hidden" name="form_token" value=(admin.signed_in.form_token);
                div.field {
                    label for="policy" { "The other policy" }
                    textarea id="policy" name="policy" rows="8" maxlength="60000" spellcheck="false" required { (typed.policy) }
                }
                div.field {
                    label for="days" { "Invitations of the last so many days" }
                    input id="days" name="days" type="number" min="1" max="366" value=(typed.days) required;
                }
                p.actions { button.primary type="submit" { "Try it" } }
            }
        }
    };
    let about = "They come from the policy file and hold from the start of the server on.";
    Shell::of(&admin.signed_in, "Rules of conferencing").at(Place::Conferencing).about(about).around(&content)
}

fn rules(policy: &Policy) -> Markup {
    let ranges: Vec<String> = policy.numbers.iter().map(ToString::to_string).collect();
    let conditions = [
        ("the number is another meeting's at that time", policy.rules.calendared_number_in_use),
        ("the number is a person's own room", policy.rules.enterprise_number_in_use),
        ("the number is the organizer's own room", policy.rules.own_room),
        ("the number is a room made by an administrator", policy.rules.custom_number_in_use),
        ("the number lies in none of the ranges", policy.rules.unknown_number),
        ("nobody in the directory is the sender", policy.rules.sender_unknown),
        ("the meeting is over already", policy.rules.past),
        ("the meeting is longer than allowed", policy.rules.too_long),
    ];
    html! {
        dl.steps {
            dt { "Longest meeting" }
            dd {
                (policy.default_conference_duration_minutes) " minutes"
                @for other in &policy.duration {
                    "; " (other.minutes) " minutes for "
                    @if let Some(numbers) = &other.numbers { "rooms " span.id { (numbers.to_string()) } }
                    @else if let Some(department) = &other.department { (department) }
                    @else { "all others" }
                }
            }
            dt { "Numbers" }
            dd { @if ranges.is_empty() { "any; an invitation must name one" } @else { span.id { (ranges.join(", ")) } } }
            dt { "People's own" }
            dd {
                @match &policy.enterprise_numbers {
                    Some(own) => { span.id { (own.prefix) } " and the last " (own.digits) " digits of the telephone number" },
                    None => "none",
                }
            }
            dt { "Passcode" } dd { (code(&policy.conference_passcode)) }
            dt { "Chairperson" } dd { (code(&policy.chairperson_passcode)) }
            dt { "Language" } dd { (policy.language.name()) ", where an invitation tells none" }
        }
        section aria-labelledby="conditions" {
            h2 #conditions { "What declines an invitation" }
            div.table tabindex="0" role="group" aria-label="Conditions, a table" {
                table {
                    thead { tr { th { "When" } th { "Then" } } }
                    tbody {
                        @for (when, rule) in conditions {
                            tr {
                                td.text { (when) }
                                td { @match rule {
                                    Rule::Decline => span.badge.bad { "declined" },
                                    Rule::Accept => span.badge.unknown { "passed over" },
                                } }
                            }
                        }
                        tr { td.text { "data are missing or contradict each other" } td { span.badge.bad { "declined" } } }
                    }
                }
            }
        }
    }
}

fn code(rule: &PasscodeRule) -> Markup {
    html! { @if rule.required { "must be there; " } (rule.min_digits) " to " (rule.max_digits) " digits" }
}

fn outcome(replay: &Replay) -> Markup {
    html! {
        div.done role="status" {
            p { "Of " b { (replay.invitations) } " invitations " b { (replay.newly_accepted) } " would be accepted that were not, and "
                b { (replay.newly_declined) } " declined that were accepted." }
        }
        @if !replay.differences.is_empty() {
            div.table tabindex="0" role="group" aria-label="What would be answered otherwise, a table" {
                table {
                    thead { tr { th { "Meeting" } th { "Decided" } th { "Before" } th { "By the other rules" } } }
                    tbody {
                        @for one in replay.differences.iter().take(MOST) {
                            tr {
                                td.text { (one.subject) }
                                td { (one.at.strftime("%Y-%m-%d %H:%M UTC").to_string()) }
                                td.text { (kinds(&one.before)) }
                                td.text { (kinds(&one.after)) }
                            }
                        }
                    }
                }
            }
            @if replay.differences.len() > MOST { p.quiet { "and " (replay.differences.len() - MOST) " more: " code { "tieline meeting-room policy replay" } } }
        }
    }
}

fn kinds(kinds: &[ReasonKind]) -> String {
    if kinds.is_empty() {
        return "accepted".to_owned();
    }
    kinds.iter().map(|kind| kind.name().replace('-', " ")).collect::<Vec<_>>().join(", ")
}
