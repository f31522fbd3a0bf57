//! Starts a lab until interrupted: `cargo run -p tieline-lab --example lab -- --state DIR [--http A:P] [--https A:P]
//! [--smtp A:P] [--smart-host A:P] [--users N] [--ready-file F] [--record DIR] [--phone USER=A:P]`.

use std::{error::Error, net::SocketAddr};

use tieline_lab::{Lab, LabConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = LabConfig::new("lab-state");
    config.http = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--state" => config.state_dir = value.into(),
            "--http" => config.http = Some(value.parse()?),
            "--https" => config.https = Some(value.parse()?),
            "--smtp" => config.smtp = Some(value.parse()?),
            "--smart-host" => config.settings.smart_host = Some(value.parse()?),
            "--users" => config.users = value.parse()?,
            "--ready-file" => config.ready_file = Some(value.into()),
            "--record" => config.record_dir = Some(value.into()),
            "--phone" => {
                let (user, address) = value.split_once('=').ok_or("--phone takes USER=ADDRESS:PORT")?;
                config.phones.push((user.to_owned(), address.parse()?));
            }
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    if config.http.is_none() && config.https.is_none() {
        config.http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    }
    let lab = Lab::start(config).await?;
    println!("{}", lab.ews_url());
    tokio::signal::ctrl_c().await?;
    lab.shutdown().await;
    Ok(())
}
