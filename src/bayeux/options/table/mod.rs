//! The table of all options: the name, the unit, the default and what each is for. The server reads the defaults from
//! it, and docs/OPTIONS.md is written from it (`npm run docs:reference`), so that neither says what the other does not.
//! The texts are Markdown, with links as docs/OPTIONS.md needs them.

mod access;
mod addresses;
mod bounds;
mod delivery;
mod history;
mod others;
mod secrets;
mod sessions;
mod trees;

/// All options, in the order of the page.
pub const TABLE: &[Section] = &[
    sessions::SESSIONS,
    access::ACCESS,
    addresses::ADDRESSES,
    bounds::BOUNDS,
    delivery::DELIVERY,
    history::HISTORY,
    trees::TREES,
    others::OTHERS,
    secrets::SECRETS,
];

/// Options that stand under one heading.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// Its options.
    pub rows: &'static [Described],
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// As `[vars]` has it.
    pub name: &'static str,
    /// What a value counts, or the words it may be.
    pub unit: &'static str,
    /// What holds where `[vars]` does not have it.
    pub default: Standard,
    /// What it does, and where its default comes from.
    pub text: &'static str,
}

/// A default.
#[derive(Clone, Copy, Debug)]
pub struct Standard {
    /// As an operator would write it. None: there is no such value, the option is just not set.
    pub value: Option<&'static str>,
    /// As the page shows it.
    pub shown: &'static str,
}

/// What the server needs of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) default: Option<&'static str>,
}

const fn set(value: &'static str) -> Standard {
    Standard { value: Some(value), shown: value }
}

const fn unset(shown: &'static str) -> Standard {
    Standard { value: None, shown }
}

impl Standard {
    /// Where the page has other words.
    const fn shown(self, shown: &'static str) -> Self {
        Self { shown, ..self }
    }
}

/// Looks a row up while the code is compiled, so that the texts are no part of the server. A name that the table does
/// not have does not compile.
pub(super) const fn find(name: &str) -> Setting {
    let mut section = 0;
    while section < TABLE.len() {
        let rows = TABLE[section].rows;
        let mut row = 0;
        while row < rows.len() {
            if same(rows[row].name, name) {
                return Setting { name: rows[row].name, default: rows[row].default.value };
            }
            row += 1;
        }
        section += 1;
    }
    panic!("the table has no such option")
}

/// `==` of text is not yet for constants.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
