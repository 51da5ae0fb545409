//! The resources of the synchronization API as they travel: every member, in its order, `null` where there is nothing.

pub(super) mod job;
pub(super) mod status;
pub(super) mod template;
pub(super) mod time;
