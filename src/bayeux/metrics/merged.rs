//! The OpenMetrics texts of several homes as one text: each sample gets the label `home`, and the samples of a family
//! stand together, as the format demands.

use std::fmt::Write;

/// A text in progress.
#[derive(Debug, Default)]
pub struct Merged {
    families: Vec<Lines>,
}

/// The lines of one family.
#[derive(Debug)]
struct Lines {
    name: String,
    /// `# TYPE`, `# UNIT` and `# HELP`, of the first home that has this family.
    about: String,
    samples: String,
}

impl Merged {
    /// Adds what [`Report::to_openmetrics`](super::Report::to_openmetrics) wrote for this home.
    ///
    /// ```
    /// use bayeux_edge::bayeux::metrics::Merged;
    ///
    /// let mut merged = Merged::default();
    /// for home in ["/", "/chat"] {
    ///     merged.add(home, "# TYPE a counter\na_total 1\n# TYPE b gauge\nb{c=\"d\"} 2\n# EOF\n");
    /// }
    /// let expected = [
    ///     "# TYPE a counter", r#"a_total{home="/"} 1"#, r#"a_total{home="/chat"} 1"#,
    ///     "# TYPE b gauge", r#"b{home="/",c="d"} 2"#, r#"b{home="/chat",c="d"} 2"#, "# EOF",
    /// ];
    /// assert_eq!(merged.into_text().lines().collect::<Vec<_>>(), expected);
    /// ```
    pub fn add(&mut self, home: &str, text: &str) {
        let home = home.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let mut family = None;
        let mut is_new = false;
        for line in text.lines() {
            if let Some(about) = line.strip_prefix("# TYPE ") {
                let name = about.split(' ').next().unwrap_or_default();
                let known = self.families.iter().position(|family| family.name == name);
                is_new = known.is_none();
                family = Some(known.unwrap_or(self.families.len()));
                if is_new {
                    self.families.push(Lines { name: name.to_owned(), about: String::new(), samples: String::new() });
                }
            }
            let Some(family) = family.and_then(|at: usize| self.families.get_mut(at)) else { continue };
            if !line.starts_with('#') {
                family.add(&home, line);
            } else if is_new && line != "# EOF" {
                // Writing to a String does not fail.
                let _ = writeln!(family.about, "{line}");
            }
        }
    }

    pub fn into_text(self) -> String {
        let lines = self.families.into_iter().map(|Lines { about, samples, .. }| about + &samples);
        lines.chain(["# EOF\n".to_owned()]).collect()
    }
}

impl Lines {
    fn add(&mut self, home: &str, sample: &str) {
        let Some((name, value)) = sample.split_once(['{', ' ']) else { return };
        let _ = if sample[name.len()..].starts_with('{') {
            writeln!(self.samples, "{name}{{home=\"{home}\",{value}")
        } else {
            writeln!(self.samples, "{name}{{home=\"{home}\"}} {value}")
        };
    }
}
