//! What cannot be done is refused in one line that says what, where and what next.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tieline_audio::{AudioError, Container, Converter, Limits, Tool, Tools, probe, sample};
use tieline_model::VoiceFormat;

fn chime() -> Vec<u8> {
    sample::chime(Duration::from_millis(400))
}

/// A stand-in for sox that does what the script says.
///
/// Another process writes it: a file that this one holds open for writing cannot be executed, and a thread that happens
/// to start a program inherits it for a moment.
fn fake_sox(folder: &Path, script: &str) -> Tools {
    let program = folder.join("sox");
    let written = Command::new("sh")
        .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(&program)
        .arg(script)
        .status();
    assert!(written.expect("sh starts").success());
    Tools { sox: Some(program), ffmpeg: None }
}

fn refusal(bytes: &[u8], name: Option<&str>) -> AudioError {
    probe(bytes, name).expect_err("must be refused")
}

/// Covers: AV-38 (refusal without a program)
#[tokio::test]
async fn without_a_program_the_refusal_names_what_is_missing() {
    let nowhere = PathBuf::from("/nonexistent/sox");
    let tools = Tools { sox: Some(nowhere), ffmpeg: None };
    let converter = Converter::new(tools, Limits::default());
    let error = converter.convert(chime().into(), None, VoiceFormat::GsmWav).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Voice Format gsm-wav cannot be made on this machine: sox: not installed, ffmpeg: switched off in the \
         configuration; install sox (Debian: sox libsox-fmt-all) or ffmpeg (Debian: ffmpeg), or choose PCM or \
         G.711, which need no program"
    );
    let AudioError::FormatUnavailable { format, missing, .. } = error else { panic!("{error}") };
    assert_eq!(format, VoiceFormat::GsmWav);
    assert_eq!(missing.iter().map(|missing| missing.tool).collect::<Vec<_>>(), [Tool::Sox, Tool::Ffmpeg]);

    for capability in converter.capabilities().await {
        let in_process = matches!(
            capability.format,
            VoiceFormat::PcmWav | VoiceFormat::G711UlawWav | VoiceFormat::G711AlawWav
        );
        assert_eq!(capability.maker.is_some(), in_process, "{capability:?}");
        assert_eq!(capability.next.is_none(), in_process, "{capability:?}");
    }
    // What needs no program still works.
    for format in [VoiceFormat::PcmWav, VoiceFormat::G711UlawWav, VoiceFormat::G711AlawWav] {
        converter.convert(chime().into(), None, format).await.unwrap();
    }
    let error =
        converter.convert(vec![0xd0; 330].into(), Some("m.gsm"), VoiceFormat::PcmWav).await.unwrap_err();
    assert!(error.to_string().starts_with("GSM 6.10 recordings cannot be read on this machine"), "{error}");
}

#[tokio::test]
async fn a_program_that_fails_floods_or_hangs_is_no_maker() {
    let folder = tempfile::tempdir().unwrap();
    let (short, long) = (Duration::from_millis(300), Limits::default().tool_time);
    let cases = [
        ("echo 'no such format: gsm' >&2; exit 2", "no such format: gsm", long),
        ("exit 3", "exit status: 3", long),
        ("exec cat /dev/zero", "it wrote more than the recording can hold", long),
        ("exec sleep 60", "sox did not finish encoding within 0.3 s", short),
        ("echo done", "not a recording that can be read", long),
    ];
    for (script, reason, tool_time) in cases {
        let limits = Limits { tool_time, ..Limits::default() };
        let converter = Converter::new(fake_sox(folder.path(), script), limits);
        let error = converter.convert(chime().into(), None, VoiceFormat::GsmWav).await.unwrap_err();
        let AudioError::FormatUnavailable { missing, .. } = &error else { panic!("{script}: {error}") };
        assert!(missing[0].reason.contains(reason), "{script}: {missing:?}");
    }
}

#[tokio::test]
async fn a_program_installed_later_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let tools = fake_sox(folder.path(), "exit 1");
    let converter = Converter::new(tools, Limits::default());
    converter.convert(chime().into(), None, VoiceFormat::GsmWav).await.unwrap_err();
    fake_sox(folder.path(), "exec sox \"$@\"");
    converter.convert(chime().into(), None, VoiceFormat::GsmWav).await.unwrap();
}

#[tokio::test]
async fn limits_are_kept_and_named() {
    let limits = Limits { max_bytes: 1_000, max_duration: Duration::from_millis(300), ..Limits::default() };
    let converter = Converter::new(Tools::none(), limits);
    let error = converter.probe(&chime(), None).unwrap_err();
    assert_eq!(error, AudioError::TooLarge { limit: 1_000 });
    let ulaw = vec![0xff; 900];
    assert!(converter.probe(&ulaw, Some("a.ulaw")).is_ok());
    let limits = Limits { max_duration: Duration::from_millis(300), ..Limits::default() };
    let error = Converter::new(Tools::none(), limits).probe(&chime(), None).unwrap_err();
    assert_eq!(error, AudioError::TooLong { duration_ms: 400, limit_ms: 300 });
}

#[test]
fn broken_recordings_are_refused_with_the_place() {
    let good = chime();
    let container = Container::Wav;

    let cut = refusal(&good[..good.len() - 100], None);
    assert_eq!(cut, AudioError::Truncated { container, offset: 40, declared: 6_400, present: 6_300 });
    assert_eq!(
        cut.to_string(),
        "WAV cut short: 6400 bytes announced at byte 40, 6300 present; send it again, or keep what is there with \
         `sox --ignore-length IN OUT`"
    );
    assert_eq!(
        refusal(&good[..30], None).to_string(),
        "broken WAV at byte 30: the file ends before a data chunk; export or record it again"
    );
    assert_eq!(
        refusal(&[], None).to_string().split(',').next(),
        Some("not a recording that can be read: it begins with nothing")
    );
    assert!(refusal(b"%PDF-1.7 and so on", None).to_string().contains("it begins with `%PDF-1.7 and`"));

    let with = |at: usize, bytes: &[u8]| {
        let mut wav = good.clone();
        wav[at..at + bytes.len()].copy_from_slice(bytes);
        wav
    };
    let what = |wav: &[u8]| refusal(wav, None).to_string();
    assert!(what(&with(8, b"AVI ")).contains("at byte 8: a RIFF file whose form is not WAVE"));
    assert!(what(&with(20, &[0x11, 0])).contains("IMA ADPCM (format tag 0x0011) in WAV at byte 20"));
    assert!(what(&with(22, &[0, 0])).contains("at byte 22: the number of channels"));
    assert!(what(&with(24, &[0; 4])).contains("at byte 24: the sample rate"));
    assert!(what(&with(32, &[7, 0])).contains("at byte 32: the block size"));
    assert!(what(&with(34, &[12, 0])).contains("12-bit PCM"));
    assert!(what(&with(12, b"junk")).contains("at byte 36: the data chunk comes before any fmt chunk"));
    // Empty: the RIFF header knows of a chunk behind the data, so the zero is meant.
    let mut empty = with(40, &[0; 4]);
    empty.truncate(44);
    empty[4..8].copy_from_slice(&48_u32.to_le_bytes());
    empty.extend(b"LIST\x04\0\0\0INFO");
    assert_eq!(refusal(&empty, None), AudioError::Empty { container, offset: 44 });
}

#[test]
fn a_header_that_was_never_filled_in_is_taken_to_the_end() {
    let mut wav = chime();
    wav[4..8].copy_from_slice(&36_u32.to_le_bytes());
    wav[40..44].copy_from_slice(&[0; 4]);
    assert_eq!(probe(&wav, None).unwrap().duration_ms, 400);
}

#[test]
fn an_extensible_header_is_read_by_its_guid() {
    let mut fmt =
        vec![0xfe, 0xff, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0, 22, 0, 8, 0, 0, 0, 0, 0];
    fmt.extend([7, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    let file = |fmt: &[u8]| {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x28\0\0\0".to_vec();
        wav.extend(fmt);
        wav.extend(b"data\x50\0\0\0");
        wav.extend([0xff; 80]);
        wav
    };
    let found = probe(&file(&fmt), None).unwrap();
    assert_eq!((found.codec, found.samples), (tieline_audio::Codec::Ulaw, 80));
    fmt[39] = 0;
    assert!(refusal(&file(&fmt), None).to_string().contains("unknown sub-format GUID"));
}
