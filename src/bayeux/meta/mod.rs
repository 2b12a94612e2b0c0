//! The meta channels, one file each.

mod connect;
mod disconnect;
mod handshake;
mod subscribe;
mod unsubscribe;

pub(in crate::bayeux) use self::subscribe::patterns;
