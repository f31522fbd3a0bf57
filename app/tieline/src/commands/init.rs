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
    // In the folder where one is, names need no path.
    let here = command.folder == Path::new(".");
    let place = |name: &str| if here { PathBuf::from(name) } else { command.folder.join(name) };
    let (config, key) = (place("tieline.toml"), place("tieline.key"));
    // Nothing that exists is overwritten: a lost key is lost passwords.
    if config.exists() {
        let next = format!("tieline config check --config {}", config.display());
        let refusal = Refusal::permanent(
            "config-exists",
            "there is a configuration already; nothing was changed",
            next,
        );
        return Err(refusal.at(config.display().to_string()));
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&config);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, example().as_bytes()))
        .map_err(|error| failed(&config, error))?;
    if !key.exists() {
        KeyFile::at(&key).create()?;
    }
    out.show(&json!({"config": config, "key": key}), |_| {
        let option = if here { String::new() } else { format!(" --config {}", config.display()) };
        format!(
            "Wrote {} and {}. Keep a copy of the key apart from the backups: without it stored passwords are lost.\n\
             Next: set [sip] udp and domain, so that telephones can be told their lights; then tieline serve{option}",
            config.display(),
            key.display(),
        )
    });
    Ok(())
}
