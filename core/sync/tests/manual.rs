//! The manual shows the table by which the engine decides.

use std::path::PathBuf;

const BEGIN: &str = "<!-- decision table: begin (written by `TIELINE_WRITE=1 cargo test -p tieline-sync --test manual`) -->\n";
const END: &str = "<!-- decision table: end -->\n";

/// Covers: X-08 (documented)
#[test]
fn the_manual_shows_the_table_as_it_is() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/sync.md");
    let manual = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = manual.split_once(BEGIN).expect("docs/sync.md has the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("docs/sync.md has the mark where the table ends");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tieline_sync::decision_table());
    if std::env::var_os("TIELINE_WRITE").is_some() {
        std::fs::write(path, wanted).unwrap();
        return;
    }
    assert_eq!(manual, wanted, "docs/sync.md is out of date; run with TIELINE_WRITE=1");
}
