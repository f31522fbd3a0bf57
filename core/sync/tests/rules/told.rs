//! A field of which nobody can tell what the mail system makes of it: a picture, which is written apart from its item.

use tieline_model::{Contact, ContactField, RecordHash};
use tieline_sync::{Base, Both, FieldPolicy, FieldProvenance, Merged, Rendition, lost_fields};

/// Pictures are written, and are there or not.
struct Apart {
    told: bool,
}

impl Rendition<Contact> for Apart {
    fn render(&self, record: &Contact) -> Contact {
        Contact { photo: None, ..record.clone() }
    }

    fn is_told(&self, field: ContactField) -> bool {
        self.told || field != ContactField::Photo
    }
}

fn pictured(picture: Option<&str>) -> Contact {
    Contact { photo: picture.map(RecordHash::of), ..Contact::default() }
}

fn merged(told: bool, base: [Option<&str>; 2], left: Option<&str>, right: Option<&str>) -> Merged<Contact> {
    let [base_left, base_right] = base.map(pictured);
    let both = Both {
        base: Some(&Base { left: base_left, right: base_right }),
        left: &pictured(left),
        right: &pictured(right),
        edited: (None, None),
        provenance: &FieldProvenance::<Contact>::new(),
    };
    both.merge(FieldPolicy::Later, &Apart { told })
}

/// Covers: AV-85 (pictures)
#[test]
fn what_nobody_can_tell_is_written_once_and_never_taken_for_an_edit() {
    let photo = [ContactField::Photo];
    // It came back in Tieline: it goes over, although the rendition is empty as the mail system's is.
    let back = merged(false, [None, None], Some("face"), None);
    assert_eq!((&*back.to_right, &*back.to_left), (&photo[..], &[][..]));
    assert_eq!(
        merged(true, [None, None], Some("face"), None).to_right,
        [],
        "what cannot be held is not sent"
    );
    // It was written and did not arrive, or its arrival was not seen: neither side edited it.
    for right in [None, Some("face")] {
        let after = merged(false, [Some("face"), None], Some("face"), right);
        assert_eq!((&*after.to_right, &*after.to_left), (&[][..], &[][..]), "{right:?}");
    }
    // It was seen there, and somebody takes it away.
    let taken = merged(false, [Some("face"), Some("face")], Some("face"), None);
    assert_eq!((&*taken.to_left, taken.left.photo), (&photo[..], None));
    assert_eq!(lost_fields(&pictured(Some("face")), &Apart { told: false }), []);
    assert_eq!(lost_fields(&pictured(Some("face")), &Apart { told: true }), photo);
}
