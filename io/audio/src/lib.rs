//! Probing and conversion of voice recordings.
//!
//! A recording comes from outside: a browser's upload, a PBX's spool folder, a telephone call. This crate looks at
//! the bytes once, says what they are, and makes of them the [`VoiceFormat`](tieline_model::VoiceFormat) that an
//! endpoint is set to receive.
//!
//! What it is:
//!
//! * [`Prober`]: takes the bytes in pieces of any size, keeps a few hundred of them at most, and ends in a [`Probe`]
//!   (container, codec, rate, channels, duration, where the audio lies) or in an [`AudioError`] that names the byte.
//!   It reads WAV (PCM, float, G.711 A-law and mu-law, GSM 6.10), MP3, Ogg Opus, and the header-less files of a PBX by
//!   their extension.
//! * [`Converter`]: PCM and G.711 are converted in process ([`g711`], [`Resampler`]); GSM 6.10, MP3 and Opus go
//!   through sox or ffmpeg where one of them is installed and proved able. [`Converter::capabilities`] tells which
//!   formats this machine makes and why not the others.
//! * [`attachment_name`]: the name that Exchange's voice mail gives to the attachment.
//! * [`AudioError`]: every refusal; it becomes a [`Refusal`](tieline_model::Refusal) by `into()`.
//! * [`level`]: RMS in dBFS, to compare two recordings. [`sample`]: a small built-in recording.
//!
//! What it refuses to be: a player, an editor, a loudness normaliser, or a codec library. It changes nothing about a
//! recording but its form. Programs are started without a shell, with fixed arguments, bounded in time and output, and
//! read untrusted bytes only through a pipe with the format forced.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attachment;
mod convert;
mod error;
pub mod g711;
mod gsm;
pub mod level;
mod pcm;
mod probe;
mod resample;
pub mod sample;
mod tool;
mod wav;

pub use attachment::attachment_name;
pub use convert::{Capability, Converter, Limits, Maker, Recording};
pub use error::{AudioError, Missing};
pub use probe::{Codec, Container, DataSize, Probe, Prober, probe};
pub use resample::Resampler;
pub use tool::{Tool, Tools};
