//! `tieline init`: a configuration and a key to begin with.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tieline_model::Refusal;
use tieline_store::KeyFile;

use crate::config::example;
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder for configuration, key and store.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(crate) fn run(command: &Init, out: Output) -> Result<(), Refusal> {
    let failed = |path: &Path, error: std::io::Error| {
        let what = format!("the file cannot be written: {error}");
        Refusal::operator("init-failed", what, "choose a folder that you may write to")
            .at(path.display().to_string())
    };
    std::fs::create_dir_all(&command.folder).map_err(|error| failed(&command.folder, error))?;
    let config = command.folder.join("tieline.toml");
    let key = command.folder.join("tieline.key");
    // Nothing that exists is overwritten: a lost key is lost passwords.
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&config);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, example().as_bytes()))
        .map_err(|error| failed(&config, error))?;
    if !key.exists() {
        KeyFile::at(&key).create()?;
    }
    out.show(&json!({"config": config, "key": key}), |_| {
        format!(
            "Wrote {} and {}\nNext: tieline serve --config {}",
            config.display(),
            key.display(),
            config.display()
        )
    });
    Ok(())
}
