//! The meta channels, one file each.

mod connect;
mod disconnect;
mod handshake;
mod subscribe;
mod unsubscribe;
