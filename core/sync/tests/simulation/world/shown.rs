//! A command as a line of the history.

use tieline_model::Record;
use tieline_sync::Command;

pub(super) fn shown<R: Record>(command: &Command<R>) -> String {
    match command {
        Command::Commit(commit) => {
            let units: Vec<String> = commit
                .units
                .iter()
                .map(|unit| {
                    let rule = unit.reason.as_ref().map_or("", |reason| reason.rule);
                    let state = unit.put.as_ref().map(|link| {
                        let intent = link.intent.as_ref().map(|intent| intent.operation);
                        let sides = (
                            link.left.is_some(),
                            link.right.as_ref().map(|right| right.id.as_str()),
                            link.base.is_some(),
                        );
                        format!("{sides:?} {:?}/{:?} {intent:?}", link.seen_left, link.seen_right)
                    });
                    format!(
                        "{} {rule} {}",
                        &unit.link.to_string()[..9],
                        state.unwrap_or_else(|| "removed".to_owned())
                    )
                })
                .collect();
            format!("commits {}", units.join("; "))
        }
        Command::Write { writes, .. } => {
            let writes: Vec<String> = writes
                .iter()
                .map(|write| {
                    format!(
                        "{:?} {:?} if {:?} {:?}",
                        write.operation,
                        write.id,
                        write.if_etag,
                        write.fields.len()
                    )
                })
                .collect();
            format!("writes {}", writes.join("; "))
        }
        other => format!("{other:?}").chars().take(160).collect(),
    }
}
