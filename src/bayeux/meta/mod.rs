//! The meta channels, one file each.

mod connect;
mod disconnect;
mod handshake;
pub(super) mod subscribe;
mod unsubscribe;
