//! The tables of docs/OPTIONS.md are those of the code. `npm run docs:reference` writes them.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use bayeux_edge::bayeux::table::{Described, Section, Standard, TABLE};

const PAGE: &str = "docs/OPTIONS.md";

#[test]
fn the_page_of_options_has_the_tables_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let written = with_tables(&page);
    if env::var("REFERENCE").is_ok_and(|what| what == "write") {
        fs::write(path, written).unwrap();
    } else {
        assert!(page == written, "{PAGE} differs from src/bayeux/options/table/: run npm run docs:reference");
    }
}

#[test]
fn a_page_without_the_sections_heading_fails_and_text_outside_the_table_stays() {
    let page = "# Options\n\nWords.\n\n## One\n\nMore words.\n\n| old |\n|---|\n| row |\n\nLast words.\n";
    static ROWS: [Described; 1] =
        [Described { name: "A", unit: "ms", default: Standard { value: None, shown: "none" }, text: "does `a|b`" }];
    let one = Section { title: "One", rows: &ROWS };
    let expected = "# Options\n\nWords.\n\n## One\n\nMore words.\n\n\
        | Option | Unit | Default | What it does |\n|---|---|---|---|\n| `A` | ms | none | does `a\\|b` |\n\nLast words.\n";
    assert_eq!(with_table(page, &one), expected);
    assert!(std::panic::catch_unwind(|| with_table("# Options\n", &one)).is_err());
}

#[test]
fn each_option_is_listed_once() {
    let names: Vec<_> = TABLE.iter().flat_map(|section| section.rows).map(|row| row.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

fn with_tables(page: &str) -> String {
    TABLE.iter().fold(page.to_owned(), |page, section| with_table(&page, section))
}

/// The page with this section's table in place of the lines of a table under its heading.
fn with_table(page: &str, section: &Section) -> String {
    let heading = format!("\n## {}\n", section.title);
    let (before, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("{PAGE} has no {heading}"));
    let (own, after) = rest.split_at(rest.find("\n## ").unwrap_or(rest.len()));
    let start = own.find("\n|").map_or(own.len(), |at| at + 1);
    let rows: usize = own[start..].split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    format!("{before}{heading}{}{}{}{after}", &own[..start], table(section), &own[start + rows..])
}

fn table(section: &Section) -> String {
    let mut table = "| Option | Unit | Default | What it does |\n|---|---|---|---|\n".to_owned();
    for Described { name, unit, default, text } in section.rows {
        let text = text.replace('|', "\\|");
        table.push_str(&format!("| `{name}` | {unit} | {} | {text} |\n", default.shown));
    }
    table
}
