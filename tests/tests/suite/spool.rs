//! Recordings that a switch leaves in a watched folder, in Asterisk's voicemail layout.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::recording::{converted, spoken};
use tieline_tests::site::{Options, Site};

fn watched(more: &str) -> Options {
    Options { more: format!("[[spool]]\nfolder = \"spool\"\nevery_s = 1\n{more}"), ..Options::default() }
}

/// What Asterisk writes beside the audio.
fn information(number: u32, caller: &str) -> String {
    format!(
        ";\n; Message Information file\n;\n[message]\norigmailbox=1001\ncontext=default\nmacrocontext=\nexten=1001\n\
         rdnis=unknown\npriority=2\ncallerchan=PJSIP/trunk-0000000{number}\ncallerid={caller}\n\
         origdate=Mon Nov 23 08:00:0{number} AM UTC 2026\norigtime=179542080{number}\ncategory=\n\
         msg_id=179542080{number}-0000000{number}\nflag=\nduration=2\n"
    )
}

/// Leaves one as Asterisk does: the audio first, the text file when it is complete.
fn leave(inbox: &Path, number: u32, caller: &str, audio: &Path) {
    fs::create_dir_all(inbox).expect("the site's folder can be written");
    let extension = audio.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    fs::copy(audio, inbox.join(format!("msg{number:04}.{extension}"))).expect("a copy");
    let part = inbox.join(format!("msg{number:04}.part"));
    fs::write(&part, information(number, caller)).expect("the spool can be written");
    fs::rename(part, inbox.join(format!("msg{number:04}.txt"))).expect("a rename");
}

fn in_inbox(inbox: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(inbox).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// They reach the mailbox with caller and time, once each, also when the same message is left again; a broken one stops
/// neither the others nor itself from being found.
#[test]
fn recordings_left_in_the_folder_reach_the_mailbox_once() {
    let site = Site::with(&watched(""));
    let inbox = site.folder().join("spool/default/1001/INBOX");
    let audio = spoken(site.folder(), "left", "This was left with the switch.");
    let mulaw = converted(&audio, &site.folder().join("left-mulaw.wav"), &["-e", "u-law"]);
    let broken = site.folder().join("broken.wav");
    fs::write(&broken, b"RIFF\xff\xff\xff\xffWAVEfmt nothing of the kind")
        .expect("the site's folder can be written");

    leave(&inbox, 0, "\"Bob Brown\" <1002>", &audio);
    leave(&inbox, 1, "<1003>", &broken);
    leave(&inbox, 2, "\"\" <+4930555>", &mulaw);
    eventually("two accepted messages", || (site.messages("1001").len() == 2).then_some(()));
    let told = json!({"expect": [{"number": "+4930555"}, {"number": "1002"}]});
    Judge::new("exchangelib_voicemail.py").arg(site.judged_by("alice", &["becomes"], told)).run();
    site.wait_lamp("alice", true, 2, 0);

    let bob =
        site.messages("1001").into_iter().find(|m| m["caller"]["number"] == "1002").expect("Bob's message");
    assert_eq!(bob["caller"]["name"], "Bob Brown");
    assert_eq!(bob["received"], "2026-11-23T08:00:00Z");
    eventually("accepted files out of the inbox", || {
        in_inbox(&inbox).iter().all(|file| !file.to_string_lossy().contains("msg0000")).then_some(())
    });
    assert!(site.server.log().contains("msg0001"), "the broken one is named");

    // The switch's own retry: the same message under another number.
    leave(&inbox, 0, "\"Bob Brown\" <1002>", &audio);
    leave(&inbox, 3, "<1004>", &audio);
    eventually("the third message", || (site.messages("1001").len() == 3).then_some(()));
    eventually("the doubled one out of the inbox", || {
        in_inbox(&inbox).iter().all(|file| !file.to_string_lossy().contains("msg0000")).then_some(())
    });
    assert_eq!(site.messages("1001").len(), 3);
}
