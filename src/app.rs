//! The one file that you edit: what your application allows, and what its services answer.

use crate::bayeux::app::Application;

/// The application of every home. This one leaves everything open and has no services.
pub fn application() -> Application {
    Application::new()
}
