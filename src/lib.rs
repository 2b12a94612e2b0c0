//! bayeux-edge: a Bayeux server on Cloudflare Workers.

#[cfg(target_arch = "wasm32")]
mod cloudflare;
