//! Where quick calls lead: part of the versioned configuration. Links and tokens are secrets beside it.

use tieline_model::{QuickCallTarget, QuickCallTargetId};

use crate::store::read;
use crate::{Store, StoreError};

impl Store {
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
