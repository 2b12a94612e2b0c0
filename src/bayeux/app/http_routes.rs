//! Which request goes to which route.

use super::http::{HttpRequest, HttpResponse};
use crate::bayeux::cluster::BASE_PATH;

/// All routes of an application, in the order they were added.
#[derive(Default)]
pub struct Routes(Vec<AppRoute>);

struct AppRoute {
    method: String,
    /// Without the star, where it has one.
    path: String,
    /// Whether whatever lies below `path` is meant.
    below: bool,
    handler: Handler,
}

type Handler = Box<dyn FnMut(&HttpRequest) -> HttpResponse>;

impl Routes {
    pub fn add(&mut self, method: &str, path: &str, handler: Handler) {
        let (name, below) = path.strip_suffix('*').map_or((path, false), |name| (name, true));
        let valid = name.starts_with('/') && !name.contains(['*', '?', '#']) && (!below || name.ends_with('/'));
        assert!(valid, "{path:?} is no route's path: there are /one and /everything/below/*");
        assert!(!name.starts_with(BASE_PATH), "{path:?} is the server's own");
        let (method, path) = (method.to_ascii_uppercase(), name.to_owned());
        self.0.push(AppRoute { method, path, below, handler });
    }

    /// The paths, as they were given.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|route| if route.below { format!("{}*", route.path) } else { route.path.clone() })
    }

    pub fn lead_from(&self, path: &str) -> bool {
        self.0.iter().any(|route| route.matches(path))
    }

    /// The answer of the first route that takes this request. A GET's answers a HEAD too.
    pub fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        let mut here = self.0.iter_mut().filter(|route| route.matches(&request.path)).peekable();
        if here.peek().is_none() {
            return HttpResponse::new(404);
        }
        let head = request.method == "HEAD";
        let mut methods = Vec::new();
        for route in here {
            if route.method == request.method {
                return (route.handler)(request);
            }
            if head && route.method == "GET" {
                return HttpResponse { body: None, ..(route.handler)(request) };
            }
            methods.push(route.method.as_str());
        }
        methods.dedup();
        HttpResponse::new(405).header("allow", methods.join(", "))
    }
}

impl AppRoute {
    fn matches(&self, path: &str) -> bool {
        if self.below { path.starts_with(&self.path) } else { path == self.path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let mut routes = Routes::default();
        for (method, path) in [("get", "/a"), ("POST", "/a"), ("GET", "/a/b/c"), ("GET", "/a/*")] {
            let name = format!("{method} {path}");
            routes.add(method, path, Box::new(move |_| HttpResponse::text(name.clone())));
        }
        routes
    }

    fn answer(method: &str, path: &str) -> (u16, String) {
        let request = HttpRequest { method: method.to_owned(), path: path.to_owned(), ..HttpRequest::default() };
        let response = routes().answer(&request);
        (response.status, String::from_utf8(response.body.unwrap_or_default()).unwrap())
    }

    #[test]
    fn the_first_route_with_the_method_and_path_answers() {
        for (method, path, name) in [
            ("GET", "/a", "get /a"),
            ("POST", "/a", "POST /a"),
            ("GET", "/a/b/c", "GET /a/b/c"),
            ("GET", "/a/b", "GET /a/*"),
            ("GET", "/a/", "GET /a/*"),
            ("HEAD", "/a", ""),
        ] {
            assert_eq!(answer(method, path), (200, name.to_owned()), "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_path_is_404_and_an_unknown_method_is_405_with_allow() {
        assert_eq!(answer("GET", "/ab").0, 404);
        let request = HttpRequest { method: "DELETE".to_owned(), path: "/a".to_owned(), ..HttpRequest::default() };
        let response = routes().answer(&request);
        assert_eq!((response.status, response.headers), (405, vec![("allow".to_owned(), "GET, POST".to_owned())]));
        assert!(routes().lead_from("/a/x") && !routes().lead_from("/b"));
    }

    #[test]
    fn a_path_that_can_never_be_reached_is_refused() {
        for path in ["a", "/a*", "/*/b", "/a?b", "", "/cometd", "/cometd/x", "/cometd-stats"] {
            let add = || Routes::default().add("GET", path, Box::new(|_| HttpResponse::new(204)));
            assert!(std::panic::catch_unwind(add).is_err(), "{path}");
        }
    }
}
