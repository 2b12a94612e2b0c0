//! bayeux-edge: a Bayeux server on Cloudflare Workers.

pub mod app;
pub mod bayeux;
#[cfg(target_arch = "wasm32")]
mod cloudflare;
#[cfg(feature = "fixture")]
pub mod fixture;
