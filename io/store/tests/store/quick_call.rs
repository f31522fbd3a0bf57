//! Quick-call targets are configuration like any other.

use tieline_model::{
    DirectoryId, Environment, Hosting, PersonKey, QuickCallTarget, QuickCallTargetId, TargetKind,
    UnknownPerson,
};
use tieline_store::{Edit, Noun, QuickCallChoice, Retention, Write};

use crate::site::{both, code};

fn target(id: uuid::Uuid, name: &str) -> QuickCallTarget {
    QuickCallTarget {
        id: QuickCallTargetId::from_uuid(id),
        name: name.to_owned(),
        menu_text: name.to_owned(),
        environment: Environment::Sandbox,
        hosting: Hosting::OnPremises { version: Some(2016) },
        kind: TargetKind::Method2,
        hosts: vec!["companyname.easyvista.com".to_owned()],
        person_key: PersonKey::Mail,
        unknown: UnknownPerson::Page,
        api: None,
    }
}

both! {
    /// Covers: EV-55 (kept)
    async fn quick_call_targets_are_named_once_exchanged_undone_and_exported(site) {
        let store = site.open().await;
        let (one, two) = (target(site.uuid(), "production"), target(site.uuid(), "sandbox"));
        let put = |target: &QuickCallTarget| Edit::PutQuickCallTarget(target.clone());
        site.configure(&store, vec![put(&one), put(&two)]).await.unwrap();
        assert_eq!(store.quick_call_targets().await.unwrap(), [one.clone(), two.clone()]);
        assert_eq!(store.quick_call_target(two.id).await.unwrap(), Some(two.clone()));
        assert_eq!(store.quick_call_target_by_name("production").await.unwrap(), Some(one.clone()));
        assert_eq!(store.quick_call_target_by_name("other").await.unwrap(), None);
        let twin = target(site.uuid(), "sandbox");
        assert_eq!(code(site.configure(&store, vec![put(&twin)]).await.unwrap_err()), "duplicate-name");

        let (mut first, mut second) = (one.clone(), two.clone());
        std::mem::swap(&mut first.name, &mut second.name);
        site.configure(&store, vec![put(&first), put(&second)]).await.unwrap();
        let exported = store.export().await.unwrap();
        assert_eq!(exported.quick_call_targets, [second.clone(), first.clone()]);

        site.configure(&store, vec![Edit::DeleteQuickCallTarget(one.id)]).await.unwrap();
        let gone = site.configure(&store, vec![Edit::DeleteQuickCallTarget(one.id)]).await.unwrap_err();
        assert_eq!(code(gone), "unknown-quick-call-target");
        let set = store.change_sets(None, 1).await.unwrap().remove(0);
        assert_eq!((set.changes[0].noun, set.changes[0].id.as_str()), (Noun::QuickCallTarget, one.id.to_string().as_str()));
        store.roll_back(1, "admin", site.now()).await.unwrap();
        assert_eq!(store.quick_call_targets().await.unwrap(), [one, two]);
        let plan = store.plan(&exported).await.unwrap();
        assert_eq!(plan.len(), 2, "the names are exchanged again: {plan:?}");
        store.close().await;
    }

    async fn a_choice_is_kept_for_its_technician_replaced_and_forgotten_in_the_end(site) {
        let store = site.open().await;
        let choice = |technician: &str, contact: &str, person: &str| QuickCallChoice {
            technician: technician.to_owned(),
            contact: contact.to_owned(),
            person: DirectoryId::new(person).unwrap(),
        };
        for (technician, contact, person) in
            [("dana", "sip:a@x", "bob"), ("dana", "sip:b@x", "eve"), ("erik", "sip:a@x", "eve"), ("dana", "sip:a@x", "carol")]
        {
            let write = Write::QuickCallChoice(choice(technician, contact, person));
            store.commit(site.batch().with(write)).await.unwrap();
        }
        let kept = store.quick_call_choices("dana").await.unwrap();
        assert_eq!(kept, [choice("dana", "sip:a@x", "carol"), choice("dana", "sip:b@x", "eve")]);
        assert_eq!(store.quick_call_choices("nobody").await.unwrap(), []);
        assert_eq!(store.sweep(site.now(), &Retention::default()).await.unwrap().quick_call_choices, 0);
        let swept = store.sweep(site.later(366 * 24 * 3600), &Retention::default()).await.unwrap();
        assert_eq!(swept.quick_call_choices, 3);
        assert_eq!(store.quick_call_choices("dana").await.unwrap(), []);
        store.close().await;
    }
}
