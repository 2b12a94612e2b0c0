//! bayeux-edge: a Bayeux server on Cloudflare Workers.

pub mod app;
pub mod bayeux;
#[cfg(target_arch = "wasm32")]
mod cloudflare;
#[cfg(feature = "fixture")]
pub mod fixture;

/// What this build serves: the fixture's application where that feature is on, otherwise yours.
#[cfg(target_arch = "wasm32")]
fn application() -> Box<dyn bayeux::Application> {
    #[cfg(feature = "fixture")]
    return Box::new(fixture::Fixture);
    #[cfg(not(feature = "fixture"))]
    app::application()
}
