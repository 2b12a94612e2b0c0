//! Lists of the server API over all homes.

use std::collections::BTreeMap;

use bayeux_edge::bayeux::api::{FanOut, PageRequest};
use bayeux_edge::bayeux::app::{HttpRequest, HttpResponse};
use bayeux_edge::bayeux::{API_PATH, Placement};
use serde_json::{Value, json};

use crate::scenario::Scenario;

/// Homes with clients in them, and the trees that the root knows. Homes that are not here are empty.
struct Deployment {
    homes: Placement,
    trees: Vec<String>,
    peopled: BTreeMap<&'static str, Scenario>,
}

impl Deployment {
    /// This many clients in each of these homes, each subscribed to `/all`.
    fn with(homes: &str, trees: Vec<String>, clients: &[(&'static str, usize)]) -> Self {
        let peopled = clients.iter().map(|(home, count)| {
            let scenario = Scenario::new();
            for _ in 0..*count {
                let [client] = scenario.join(["somebody"]);
                client.subscribe("/all");
            }
            (*home, scenario)
        });
        Self { homes: Placement::parse(homes).unwrap(), trees, peopled: peopled.collect() }
    }

    /// A page, and how many homes were asked for it.
    fn page(&self, list: &str, query: &str) -> (Value, usize) {
        let (path, query) = (format!("{API_PATH}/{list}"), format!("tree=*&{query}"));
        let request = HttpRequest { method: "GET".to_owned(), path, query, ..HttpRequest::default() };
        let (response, asked) = self.answered(&request);
        (serde_json::from_slice(&response.body.unwrap()).unwrap(), asked)
    }

    /// The response to a call for all homes, and how many were asked for it.
    fn answered(&self, request: &HttpRequest) -> (HttpResponse, usize) {
        assert!(FanOut::is_meant(request));
        let mut page = FanOut::new(request, self.homes).unwrap();
        let mut asked = 0;
        while let Some(question) = page.question() {
            asked += usize::from(!question.path.starts_with(&format!("{API_PATH}/trees?")));
            page.take(self.answer(&question));
        }
        let response = page.into_response();
        assert_eq!(response.status, 200);
        (response, asked)
    }

    fn answer(&self, PageRequest { whom, path }: &PageRequest) -> HttpResponse {
        let (path, query) = path.strip_prefix(API_PATH).unwrap().split_once('?').unwrap();
        if path == "/trees" {
            assert_eq!(whom.name(), "/", "only the root knows the trees");
            return self.known_trees(query);
        }
        if path == "/metrics" {
            return self.metrics(whom.name());
        }
        let empty = || match path {
            "/stats" => (200, json!({ "home": whom.name(), "sessions": {} })),
            list => (200, json!({ list.trim_start_matches('/'): [] })),
        };
        let (status, answer) =
            self.peopled.get(whom.name()).map_or_else(empty, |home| home.call("GET", path, query, ""));
        HttpResponse::json(answer).with_status(status)
    }

    fn metrics(&self, home: &str) -> HttpResponse {
        let path = format!("{API_PATH}/metrics");
        let request = HttpRequest { method: "GET".to_owned(), path, ..HttpRequest::default() };
        self.peopled
            .get(home)
            .map_or_else(|| Scenario::new().api(request.clone()), |scenario| scenario.api(request.clone()))
    }

    fn known_trees(&self, query: &str) -> HttpResponse {
        let asked = HttpRequest { query: query.to_owned(), ..HttpRequest::default() };
        let limit: usize = asked.query_field("limit").unwrap().parse().unwrap();
        let after = asked.query_field("after").unwrap();
        let behind: Vec<_> = self.trees.iter().filter(|tree| **tree > after).collect();
        let shown: Vec<_> = behind.iter().take(limit).map(|tree| json!({ "tree": tree })).collect();
        let mut answer = json!({ "trees": shown });
        if behind.len() > limit {
            answer["next"] = shown.last().unwrap()["tree"].clone();
        }
        HttpResponse::json(answer)
    }

    /// All pages of a list: the homes of its entries, the entries, and how many homes were asked for a page at the
    /// most.
    fn all(&self, list: &str, limit: usize) -> (Vec<String>, Vec<Value>, usize) {
        let (mut entries, mut query, mut most) = (Vec::new(), format!("limit={limit}"), 0);
        for _ in 0..1000 {
            let (mut page, asked) = self.page(list, &query);
            most = most.max(asked);
            let shown = page[list].as_array_mut().unwrap();
            assert!(shown.len() <= limit);
            entries.append(shown);
            let Some(next) = page["next"].as_str() else {
                let homes = entries.iter().map(|entry| entry["tree"].as_str().unwrap().to_owned()).collect();
                return (homes, entries, most);
            };
            query = format!("limit={limit}&after={next}");
        }
        panic!("no end of pages");
    }
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

#[test]
fn every_client_of_every_home_is_listed_once_whatever_the_page_size() {
    let clients = [("/", 2), ("/chat", 3), ("@0", 1), ("@2", 4), ("/unheard", 1)];
    let deployment = Deployment::with("sharded:4", names(["/chat", "/news"]), &clients);
    let expected = names(["/", "/", "/chat", "/chat", "/chat", "@0", "@2", "@2", "@2", "@2"]);
    let (_, whole, _) = deployment.all("clients", 1000);
    for limit in [1, 2, 3, 4, 9, 10, 1000] {
        let (homes, entries, _) = deployment.all("clients", limit);
        assert_eq!((homes, &entries), (expected.clone(), &whole), "{limit} a page");
    }
    let entry = whole[9].as_object().unwrap();
    let fields = ["client", "connected", "lastActivity", "queued", "since", "subscriptions", "transport", "tree"];
    assert_eq!(entry.keys().collect::<Vec<_>>(), fields);
}

#[test]
fn channels_are_listed_with_the_home_whose_clients_are_subscribed() {
    let deployment = Deployment::with("regional:2", vec![], &[("@weur.1", 2), ("@me.0", 1)]);
    let (_, entries, _) = deployment.all("channels", 1);
    let entry = |tree: &str, subscribers: u32| json!({"channel": "/all", "subscribers": subscribers, "tree": tree});
    assert_eq!(entries, [entry("@weur.1", 2), entry("@me.0", 1)]);
}

#[test]
fn the_stats_of_each_home_are_one_entry() {
    let deployment = Deployment::with("sharded:2", names(["/chat"]), &[("/", 1), ("@1", 3)]);
    let (page, asked) = deployment.page("stats", "limit=3");
    let home = |entry: &Value| entry["home"].as_str().unwrap().to_owned();
    assert_eq!(page["stats"].as_array().unwrap().iter().map(home).collect::<Vec<_>>(), ["/", "/chat", "@0"]);
    assert_eq!((asked, &page["next"], &page["stats"][0]["sessionsOpened"]), (3, &json!("@1,"), &json!(1)));
    let (page, _) = deployment.page("stats", "limit=3&after=@1,");
    assert_eq!((&page["stats"][0]["sessionsOpened"], page.get("next")), (&json!(3), None));
}

#[test]
fn the_metrics_of_all_homes_are_one_text_in_which_each_sample_names_its_home() {
    let deployment = Deployment::with("sharded:40", names(["/chat"]), &[("/", 1), ("/chat", 2), ("@0", 3), ("@39", 4)]);
    let (mut opened, mut pages, mut query) = (Vec::new(), 0, "tree=*".to_owned());
    loop {
        let request = HttpRequest {
            method: "GET".to_owned(),
            path: format!("{API_PATH}/metrics"),
            query,
            ..HttpRequest::default()
        };
        let (response, _) = deployment.answered(&request);
        pages += 1;
        let text = String::from_utf8(response.body.unwrap()).unwrap();
        assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
        assert_eq!(text.matches("# TYPE bayeux_sessions_opened counter\n").count(), 1);
        let samples: Vec<_> = text.lines().filter(|line| line.starts_with("bayeux_sessions_opened_total")).collect();
        assert!(samples.len() <= 32, "one page has the series of 32 homes at most");
        opened.extend(samples.iter().map(|line| (*line).to_owned()));
        let Some((_, link)) = response.headers.iter().find(|(name, _)| name == "link") else { break };
        let next = link.strip_prefix("</cometd/api/metrics?").and_then(|link| link.strip_suffix(">; rel=\"next\""));
        query = next.unwrap().to_owned();
    }
    assert_eq!((pages, opened.len()), (2, 42));
    for (home, count) in [("/", 1), ("/chat", 2), ("@0", 3), ("@1", 0), ("@39", 4)] {
        let line = format!("bayeux_sessions_opened_total{{home=\"{home}\"}} {count}");
        assert!(opened.contains(&line), "{line} is not in {opened:?}");
    }
}

#[test]
fn a_page_asks_32_homes_at_most() {
    let trees: Vec<String> = (100..200).map(|n| format!("/tree{n}")).collect();
    let clients = [("/", 1), ("/tree100", 1), ("/tree131", 1), ("/tree132", 1), ("/tree199", 1), ("@99", 1)];
    let deployment = Deployment::with("sharded:100", trees, &clients);
    for limit in [1, 2, 1000] {
        let (homes, _, most) = deployment.all("clients", limit);
        assert_eq!(homes, clients.map(|(home, _)| home.to_owned()), "{limit} a page");
        assert!(most <= 32, "{most}");
    }
    let (page, asked) = deployment.page("clients", "limit=1000");
    assert_eq!((&page["next"], asked, page["clients"].as_array().unwrap().len()), (&json!("/tree131,"), 32, 2));
}

#[test]
fn without_other_homes_a_list_has_the_root_and_the_trees() {
    let deployment = Deployment::with("root", names(["/chat"]), &[("/", 1), ("/chat", 1)]);
    assert_eq!(deployment.all("clients", 100).0, ["/", "/chat"]);
}

#[test]
fn a_page_with_an_invalid_cursor_or_limit_is_refused() {
    let deployment = Deployment::with("sharded:2", vec![], &[("@1", 1)]);
    let request = |query: &str| {
        let (method, path) = ("GET".to_owned(), format!("{API_PATH}/clients"));
        HttpRequest { method, path, query: format!("tree=*&{query}"), ..HttpRequest::default() }
    };
    for query in ["after=1", "after=", "after=x,", "after=meta,1", "limit=0", "limit=1001"] {
        assert!(FanOut::new(&request(query), deployment.homes).is_err(), "{query}");
    }
    let mut page = FanOut::new(&request("after=@1,x"), deployment.homes).unwrap();
    page.take(deployment.answer(&page.question().unwrap()));
    assert_eq!((page.question(), page.into_response().status), (None, 400));
}

#[test]
fn a_home_that_homes_no_longer_includes_is_listed_to_its_end() {
    let deployment = Deployment::with("sharded:2", vec![], &[("@1", 1), ("@7", 2)]);
    let (page, _) = deployment.page("clients", "after=@7,");
    assert_eq!((page["clients"].as_array().unwrap().len(), page.get("next")), (2, None));
    let (page, _) = deployment.page("clients", "after=@0,");
    assert_eq!(page["clients"].as_array().unwrap().len(), 1);
}
