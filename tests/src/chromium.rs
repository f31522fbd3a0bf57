//! A real Chromium that walks through pages, and axe-core that looks at them; see `judges/browser.mjs`.

use std::process::Command;

use serde_json::{Value, json};

use crate::source_root;

/// Walks through the steps in one browser and gives what was seen. `own` are origins that pages may lead to.
///
/// # Panics
/// With everything it said when a step could not be taken, or a page asked for something from elsewhere.
pub fn walk(base: &str, own: &[&str], width: u32, steps: &Value) -> Value {
    let modules = source_root().join("target/browser");
    assert!(
        modules.join("node_modules").is_dir(),
        "no browser driver in target/browser. Next: scripts/setup"
    );
    // For people who want to look: TIELINE_SHOTS names a folder.
    let shots = std::env::var("TIELINE_SHOTS").ok();
    let order = json!({ "shots": shots, "chromium": crate::tool("chromium"), "modules": modules, "base": base, "origins": own,
        "width": width, "steps": steps });
    let script = source_root().join("tests/judges/browser.mjs");
    let output = Command::new(crate::tool("node")).arg(script).arg(order.to_string()).output();
    let output = output.expect("node starts");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the browser stopped: {said}{complained}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{complained}"))
}
