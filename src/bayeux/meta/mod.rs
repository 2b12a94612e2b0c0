//! The meta channels, one file each.

mod connect;
mod disconnect;
mod handshake;
mod subscribe;
mod unsubscribe;

pub use self::handshake::refuse_without_token;
