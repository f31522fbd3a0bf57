//! Invitations on their way through store, worker and port, with a mailbox and a directory that stand in for the real ones.

mod doors;
mod invitations;
mod links;
mod rooms;
mod world;
