//! Whether the application in src/app.rs and wrangler.toml agree.

#![cfg(not(target_arch = "wasm32"))]

use bayeux_edge::app::application;
use toml::{Table, Value};

/// Whether the platform asks the Worker before it looks for a static file (Workers Static Assets, `run_worker_first`).
fn reaches_the_worker(first: &Value, path: &str) -> bool {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    };
    let patterns = || first.as_array().into_iter().flatten().filter_map(Value::as_str);
    let excepted = patterns().filter_map(|pattern| pattern.strip_prefix('!')).any(matches);
    first.as_bool().unwrap_or_else(|| patterns().any(matches) && !excepted)
}

#[test]
fn every_route_and_the_hook_are_in_run_worker_first_of_wrangler_toml() {
    let config: Table = include_str!("../wrangler.toml").parse().unwrap();
    let first = &config["assets"]["run_worker_first"];
    let application = application(&|_| None);
    for path in application.route_paths() {
        assert!(reaches_the_worker(first, &path), "add {path:?} to run_worker_first: nobody would reach the route");
    }
    if application.has_static_hook() {
        assert!(reaches_the_worker(first, "/*"), "run_worker_first = true: the hook would see no static response");
    }
}

#[test]
fn run_worker_first_is_read_as_the_platform_reads_it() {
    let first = |toml: &str| toml.parse::<Table>().unwrap()["first"].clone();
    let listed = first(r#"first = ["/one", "/below/*", "!/below/not/*"]"#);
    for (path, comes) in [("/one", true), ("/one/x", false), ("/below/x", true), ("/below/not/x", false), ("/x", false)]
    {
        assert_eq!(reaches_the_worker(&listed, path), comes, "{path}");
    }
    assert!(reaches_the_worker(&first("first = true"), "/x"));
    assert!(!reaches_the_worker(&first("first = false"), "/x"));
}

#[test]
fn every_example_of_the_guide_is_a_complete_application() {
    let guide = include_str!("../docs/APPLICATION.md");
    let examples: Vec<_> = guide.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 8);
    for example in examples {
        assert!(example.contains("use bayeux_edge::prelude::*;\n"), "{example}");
        let function = "pub fn application(_var: &dyn Fn(&str) -> Option<String>) -> Application {\n";
        assert!(example.contains(function) && example.ends_with("\n}\n"), "{example}");
    }
}
