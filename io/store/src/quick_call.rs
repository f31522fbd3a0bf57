//! Where quick calls lead: part of the versioned configuration. Links and tokens are secrets beside it.

use tieline_model::{DirectoryId, QuickCallTarget, QuickCallTargetId};

use crate::store::read;
use crate::{Store, StoreError};

/// Whom a technician meant by a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuickCallChoice {
    /// Who chose.
    pub technician: String,
    /// The contact as it is compared.
    pub contact: String,
    /// Who was meant.
    pub person: DirectoryId,
}

/// Of one technician's choices so many are kept, the latest.
pub(crate) const CHOICES: i64 = 500;

impl Store {
    /// Whom a technician meant by each contact that had to be chosen for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn quick_call_choices(&self, technician: &str) -> Result<Vec<QuickCallChoice>, StoreError> {
        read!(self, conn => quick_call::choices(conn, technician))
    }

    /// Every target, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn quick_call_targets(&self) -> Result<Vec<QuickCallTarget>, StoreError> {
        read!(self, conn => quick_call::all(conn))
    }

    /// One target.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn quick_call_target(
        &self,
        id: QuickCallTargetId,
    ) -> Result<Option<QuickCallTarget>, StoreError> {
        read!(self, conn => quick_call::one(conn, id))
    }

    /// The target with this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn quick_call_target_by_name(&self, name: &str) -> Result<Option<QuickCallTarget>, StoreError> {
        read!(self, conn => quick_call::by_name(conn, name))
    }
}
