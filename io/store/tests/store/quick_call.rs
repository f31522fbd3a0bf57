//! Quick-call targets are configuration like any other.

use tieline_model::{
    Environment, Hosting, PersonKey, QuickCallTarget, QuickCallTargetId, TargetKind, UnknownPerson,
};
use tieline_store::{Edit, Noun};

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
}
