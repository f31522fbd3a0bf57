//! Programs that nobody here wrote judge the recordings: espeak-ng speaks them, sox finds the same duration and
//! loudness after each conversion.

mod program;

use std::path::Path;

use program::{hear, path, run, speak};
use tieline_audio::{Codec, Container, Converter, DataSize, Limits, Maker, Tool, Tools, g711, level, probe};
use tieline_model::VoiceFormat;

/// How far a format may move what sox hears.
struct Tolerance {
    seconds: f64,
    decibels: f64,
}

fn tolerance(format: VoiceFormat) -> Tolerance {
    match format {
        // One sample, and what is lost above 4 kHz.
        VoiceFormat::PcmWav | VoiceFormat::G711UlawWav | VoiceFormat::G711AlawWav => {
            Tolerance { seconds: 0.001, decibels: 1.0 }
        }
        // A pair of frames is 40 ms, and sox counts the last pair whole. The codec models speech with an error only
        // about 15 dB below it, which can move the level by more than linear codes do.
        VoiceFormat::GsmWav => Tolerance { seconds: 0.040, decibels: 1.5 },
        // The encoder's delay of 1,105 samples and the last frame's rest: up to three frames of 36 ms at 16 kHz.
        VoiceFormat::Mp3 => Tolerance { seconds: 0.108, decibels: 1.5 },
        // The granule position cuts the end to the sample; the codec is parametric above 4 kHz at this bit rate.
        VoiceFormat::Opus => Tolerance { seconds: 0.020, decibels: 1.5 },
    }
}

fn all_installed() -> Converter {
    Converter::new(Tools::default(), Limits::default())
}

/// Covers: AV-38
#[tokio::test]
async fn a_spoken_message_keeps_its_duration_and_loudness_in_each_voice_format() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    let recording = speak(&spoken);
    let before = hear(&spoken);
    let converter = all_installed();
    for format in VoiceFormat::ALL {
        let made = converter.convert(recording.clone().into(), None, format).await.unwrap();
        let file = folder.path().join(format!("{}.{}", format.name(), format.extension()));
        std::fs::write(&file, &made.bytes).unwrap();
        let after = hear(&file);
        let allowed = tolerance(format);
        let (seconds, decibels) = (after.seconds - before.seconds, after.rms_dbfs - before.rms_dbfs);
        println!("{format}: {seconds:+.4} s, {decibels:+.2} dB, {} bytes", made.bytes.len());
        assert!(seconds.abs() <= allowed.seconds, "{format}: {before:?} became {after:?}");
        assert!(decibels.abs() <= allowed.decibels, "{format}: {before:?} became {after:?}");
        // The probe and sox agree about what was made.
        let probed = made.probe.duration_ms as f64 / 1000.0;
        assert!((probed - after.seconds).abs() <= allowed.seconds, "{format}: {:?}, {after:?}", made.probe);
        assert_eq!(made.source.duration_ms, (before.seconds * 1000.0).round() as u64);
    }
}

/// Covers: AV-38 (each format read back)
#[tokio::test]
async fn each_voice_format_is_read_back_into_pcm() {
    let folder = tempfile::tempdir().unwrap();
    let recording = speak(&folder.path().join("spoken.wav"));
    let converter = all_installed();
    let plain = converter.convert(recording.clone().into(), None, VoiceFormat::PcmWav).await.unwrap();
    let expected = level::recording_rms_dbfs(&plain.bytes, &plain.probe).unwrap();
    for format in VoiceFormat::ALL {
        let made = converter.convert(recording.clone().into(), None, format).await.unwrap();
        let back = converter.convert(made.bytes, None, VoiceFormat::PcmWav).await.unwrap();
        let allowed = tolerance(format);
        let decibels = level::recording_rms_dbfs(&back.bytes, &back.probe).unwrap() - expected;
        assert!(decibels.abs() <= allowed.decibels, "{format} came back {decibels:+.2} dB off");
        let apart = back.probe.duration_ms.abs_diff(plain.probe.duration_ms) as f64 / 1000.0;
        assert!(apart <= allowed.seconds, "{format} came back {apart} s off");
    }
}

/// The files of an Asterisk spool, written by sox.
///
/// Covers: AV-38 (recordings of a PBX)
#[tokio::test]
async fn what_a_pbx_writes_is_recognised_and_converted() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    speak(&spoken);
    let before = hear(&spoken);
    let cases: [(&str, &[&str], Container, Codec); 7] = [
        ("msg0000.wav", &["-b", "16", "-e", "signed"], Container::Wav, Codec::S16),
        ("msg0001.WAV", &["-t", "wav", "-e", "gsm-full-rate"], Container::Wav, Codec::Gsm),
        ("msg0002.gsm", &["-t", "gsm"], Container::Raw, Codec::Gsm),
        ("msg0003.ulaw", &["-t", "ul"], Container::Raw, Codec::Ulaw),
        ("msg0004.alaw", &["-t", "al"], Container::Raw, Codec::Alaw),
        ("msg0005.sln", &["-t", "raw", "-b", "16", "-e", "signed"], Container::Raw, Codec::S16),
        ("msg0006.wav", &["-e", "mu-law"], Container::Wav, Codec::Ulaw),
    ];
    let converter = all_installed();
    for (name, options, container, codec) in cases {
        let file = folder.path().join(name);
        let to_8_khz = [&[path(&spoken), "-r", "8000", "-c", "1"], options, &[path(&file)]].concat();
        run("sox", &to_8_khz);
        let bytes = std::fs::read(&file).unwrap();
        let found = probe(&bytes, Some(name)).unwrap();
        assert_eq!((found.container, found.codec, found.sample_rate_hz), (container, codec, 8_000), "{name}");
        for format in [VoiceFormat::PcmWav, VoiceFormat::GsmWav] {
            let made = converter.convert(bytes.clone().into(), Some(name), format).await.unwrap();
            let out = folder.path().join(format!("{name}.{}.wav", format.name()));
            std::fs::write(&out, &made.bytes).unwrap();
            let after = hear(&out);
            assert!((after.seconds - before.seconds).abs() <= 0.041, "{name}: {before:?}, {after:?}");
            assert!((after.rms_dbfs - before.rms_dbfs).abs() <= 1.5, "{name}: {before:?}, {after:?}");
        }
    }
}

/// Frames of a header-less file become WAV blocks without being decoded: sox hears the very same samples.
///
/// Covers: AV-38 (GSM without a program)
#[tokio::test]
async fn gsm_is_repacked_bit_for_bit_without_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    speak(&spoken);
    let raw = folder.path().join("spoken.gsm");
    run("sox", &[path(&spoken), "-r", "8000", path(&raw)]);
    let converter = Converter::new(Tools::none(), Limits::default());
    let made = converter
        .convert(std::fs::read(&raw).unwrap().into(), Some("x.gsm"), VoiceFormat::GsmWav)
        .await
        .unwrap();
    let wav = folder.path().join("repacked.wav");
    std::fs::write(&wav, &made.bytes).unwrap();
    let samples = |file: &Path| {
        let out = file.with_extension("s16");
        run("sox", &[path(file), "-t", "s16", path(&out)]);
        std::fs::read(out).unwrap()
    };
    let (expected, heard) = (samples(&raw), samples(&wav));
    // An odd last frame gets a silent partner.
    assert!(heard.len() - expected.len() <= 320);
    assert!(heard.starts_with(&expected));
    assert_eq!(made.probe.samples * 2, expected.len() as u64);
}

/// Covers: AV-38 (G.711 as another implementation has it)
#[test]
fn sox_expands_every_g711_code_to_the_same_value() {
    let folder = tempfile::tempdir().unwrap();
    let codes = folder.path().join("codes");
    let samples = folder.path().join("samples");
    let all: Vec<u8> = (0..=u8::MAX).collect();
    std::fs::write(&codes, &all).unwrap();
    for law in ["ul", "al"] {
        let decode = if law == "ul" { g711::decode_ulaw } else { g711::decode_alaw };
        run("sox", &["-t", law, "-r", "8000", "-c", "1", path(&codes), "-t", "s16", path(&samples)]);
        let theirs = std::fs::read(&samples).unwrap();
        let ours: Vec<u8> = all.iter().flat_map(|code| decode(*code).to_le_bytes()).collect();
        assert_eq!(ours, theirs, "{law}");
    }
}

/// Covers: AV-38 (G.711 as another implementation has it)
#[test]
fn sox_compresses_every_sample_to_the_same_code() {
    let folder = tempfile::tempdir().unwrap();
    let samples = folder.path().join("samples");
    let codes = folder.path().join("codes");
    let all: Vec<u8> = (i16::MIN..=i16::MAX).flat_map(i16::to_le_bytes).collect();
    std::fs::write(&samples, all).unwrap();
    // sox rounds to G.711's 13 or 14 bits first, so up to half such a unit from a border it may see the other side.
    for (law, half_unit) in [("ul", 2), ("al", 4)] {
        let encode = if law == "ul" { g711::encode_ulaw } else { g711::encode_alaw };
        run("sox", &["-D", "-t", "s16", "-r", "8000", "-c", "1", path(&samples), "-t", law, path(&codes)]);
        let theirs = std::fs::read(&codes).unwrap();
        for (sample, code) in (i16::MIN..=i16::MAX).zip(theirs) {
            let near = [sample, sample.saturating_sub(half_unit), sample.saturating_add(half_unit)];
            assert!(
                near.map(encode).contains(&code),
                "{law}: {sample} is {:#x}, sox's {code:#x}",
                encode(sample)
            );
        }
    }
}

#[test]
fn a_wav_written_into_a_pipe_is_taken_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    speak(&spoken);
    let exact = probe(&std::fs::read(&spoken).unwrap(), None).unwrap();
    let piped: [&[&str]; 2] = [
        &["-v", "error", "-i", path(&spoken), "-f", "wav", "pipe:1"],
        &["-v", "error", "-i", path(&spoken), "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"],
    ];
    for arguments in piped {
        let output = std::process::Command::new("ffmpeg").args(arguments).output().expect("ffmpeg starts");
        let found = probe(&output.stdout, None).unwrap();
        assert_eq!(found.data_size, DataSize::Open);
        assert_eq!(found.samples, exact.samples);
    }
    let spoken = std::process::Command::new("espeak-ng").args(["--stdout", "hello"]).output();
    let found = probe(&spoken.expect("espeak-ng starts").stdout, None).unwrap();
    assert_eq!((found.data_size, found.codec), (DataSize::Open, Codec::S16));
}

/// Covers: AV-38 (WAV of any width and rate)
#[tokio::test]
async fn every_wav_that_sox_writes_sounds_the_same_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    speak(&spoken);
    let before = hear(&spoken);
    // No program: all of these are read in process.
    let converter = Converter::new(Tools::none(), Limits::default());
    let kinds: [(&[&str], Codec); 9] = [
        (&["-b", "8", "-e", "unsigned-integer"], Codec::U8),
        (&["-b", "24", "-e", "signed", "-r", "48000", "-c", "2"], Codec::S24),
        (&["-b", "32", "-e", "signed", "-r", "44100"], Codec::S32),
        (&["-b", "32", "-e", "floating-point", "-r", "96000"], Codec::F32),
        (&["-b", "64", "-e", "floating-point", "-r", "16000"], Codec::F64),
        (&["-e", "a-law", "-r", "11025", "-c", "2"], Codec::Alaw),
        (&["-e", "mu-law", "-r", "8000"], Codec::Ulaw),
        (&["-b", "16", "-e", "signed", "-r", "44100", "-c", "6"], Codec::S16),
        (&["-b", "16", "-e", "signed", "-r", "12345"], Codec::S16),
    ];
    for (options, codec) in kinds {
        let file = folder.path().join("input.wav");
        run("sox", &[&["-D", path(&spoken)], options, &[path(&file)]].concat());
        let made = converter
            .convert(std::fs::read(&file).unwrap().into(), None, VoiceFormat::G711UlawWav)
            .await
            .unwrap();
        assert_eq!(made.source.codec, codec, "{options:?}");
        let out = folder.path().join("output.wav");
        std::fs::write(&out, &made.bytes).unwrap();
        let after = hear(&out);
        assert!((after.seconds - before.seconds).abs() <= 0.001, "{options:?}: {before:?}, {after:?}");
        // Eight bits without dither add their own noise; the rest loses only what is above 4 kHz.
        assert!((after.rms_dbfs - before.rms_dbfs).abs() <= 1.0, "{options:?}: {before:?}, {after:?}");
    }
}

/// Covers: AV-38 (MP3 of any bit rate)
#[tokio::test]
async fn mp3_of_every_kind_has_the_duration_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    speak(&spoken);
    let expected = hear(&spoken);
    let converter = all_installed();
    let kinds: [&[&str]; 5] = [
        &["-b:a", "64k", "-ar", "44100"],
        &["-q:a", "5", "-ar", "22050"],
        &["-b:a", "24k", "-ar", "8000"],
        &["-q:a", "2", "-ar", "48000", "-ac", "2"],
        &["-abr", "1", "-b:a", "40k", "-metadata", "title=a message", "-write_id3v1", "1"],
    ];
    for kind in kinds {
        let mp3 = folder.path().join("spoken.mp3");
        let arguments = [&["-v", "error", "-y", "-i", path(&spoken)], kind, &[path(&mp3)]].concat();
        run("ffmpeg", &arguments);
        let bytes = std::fs::read(&mp3).unwrap();
        let found = probe(&bytes, None).unwrap();
        assert_eq!(found.codec, Codec::Mp3);
        // The information tag tells delay and padding, so nothing but rounding is left.
        let seconds = found.duration_ms as f64 / 1000.0;
        assert!((seconds - expected.seconds).abs() < 0.002, "{kind:?}: {found:?} for {expected:?}");
        let plain = converter.convert(bytes.into(), None, VoiceFormat::PcmWav).await.unwrap();
        let level = level::recording_rms_dbfs(&plain.bytes, &plain.probe).unwrap();
        // Compared with the MP3 itself: ffmpeg lowers one channel by 3 dB when it makes two of it.
        let heard = hear(&mp3).rms_dbfs;
        assert!((level - heard).abs() <= 1.0, "{kind:?}: {level} dBFS, sox hears {heard}");
        assert!(plain.probe.duration_ms.abs_diff(found.duration_ms) <= 60, "{kind:?}: {plain:?}");
    }
}

/// Covers: AV-38 (what this machine can make)
#[tokio::test]
async fn with_both_programs_each_format_can_be_made() {
    let makers: Vec<_> = all_installed().capabilities().await;
    let maker = |format| makers.iter().find(|found| found.format == format).unwrap().maker;
    assert_eq!(maker(VoiceFormat::PcmWav), Some(Maker::InProcess));
    assert_eq!(maker(VoiceFormat::G711UlawWav), Some(Maker::InProcess));
    assert_eq!(maker(VoiceFormat::GsmWav), Some(Maker::Tool(Tool::Sox)));
    assert_eq!(maker(VoiceFormat::Mp3), Some(Maker::Tool(Tool::Ffmpeg)));
    assert_eq!(maker(VoiceFormat::Opus), Some(Maker::Tool(Tool::Ffmpeg)));
}

/// Covers: AV-38 (the other program does too)
#[tokio::test]
async fn either_program_alone_makes_gsm_and_mp3() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    let recording = speak(&spoken);
    let before = hear(&spoken);
    for tools in [Tools { sox: None, ..Tools::default() }, Tools { ffmpeg: None, ..Tools::default() }] {
        let converter = Converter::new(tools.clone(), Limits::default());
        for format in [VoiceFormat::GsmWav, VoiceFormat::Mp3] {
            let made = converter.convert(recording.clone().into(), None, format).await.unwrap();
            let file = folder.path().join(format!("made.{}", format.extension()));
            std::fs::write(&file, &made.bytes).unwrap();
            let after = hear(&file);
            let allowed = tolerance(format);
            assert!(
                (after.seconds - before.seconds).abs() <= allowed.seconds,
                "{tools:?} {format} {after:?}"
            );
            assert!(
                (after.rms_dbfs - before.rms_dbfs).abs() <= allowed.decibels,
                "{tools:?} {format} {after:?}"
            );
        }
    }
}
