//! The layers of `src/bayeux`: which module may import from which, by its `use` lines; and one name for each type.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom to the top. A module imports from those before it, never from one after it.
const MODULES: [&str; 17] = [
    "time",
    "clock",
    "wire",
    "limits",
    "delivery",
    "session",
    "metrics",
    "persistence",
    "auth",
    "cluster",
    "app",
    "hooks",
    "options",
    "api",
    "io",
    "server",
    "meta",
];

/// Imports that still point up. This list only gets shorter: an entry that nothing needs any more fails the test too.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// Modules whose files may use `BayeuxServer`.
const MAY_USE_SERVER: [&str; 2] = ["server", "meta"];

struct Import {
    file: PathBuf,
    module: String,
    from: String,
    names: String,
}

#[test]
fn no_module_imports_from_one_above_it() {
    let mut needed = BTreeSet::new();
    for Import { file, module, from, names } in imports() {
        if place(&from) <= place(&module) {
            continue;
        }
        let exception = EXCEPTIONS.iter().find(|(below, above)| *below == module && *above == from);
        let exception = exception.unwrap_or_else(|| panic!("{}: {module} imports {names} of {from}", file.display()));
        needed.insert(*exception);
    }
    assert_eq!(needed, BTreeSet::from(EXCEPTIONS), "exceptions that are not needed any more");
}

#[test]
fn only_the_modules_server_and_meta_use_bayeux_server() {
    let excepted = |module: &str| EXCEPTIONS.contains(&(module, "server"));
    let mut others = imports().into_iter().filter(|import| import.names.contains("BayeuxServer"));
    let stray = others.find(|import| !MAY_USE_SERVER.contains(&&*import.module) && !excepted(&import.module));
    assert!(stray.is_none(), "{}", stray.map(|import| import.file.display().to_string()).unwrap_or_default());
}

#[test]
fn a_name_means_one_type() {
    let source = root().join("..");
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for file in files(&source) {
        let text = fs::read_to_string(&file).unwrap();
        // Only what stands on the top level: associated types share their trait's names.
        for line in text.lines().map(|line| line.strip_prefix("pub ").unwrap_or(line)) {
            let Some(("struct" | "enum" | "trait" | "type", name)) = line.split_once(' ') else { continue };
            let name = name.chars().take_while(|sign| sign.is_alphanumeric()).collect::<String>();
            places.entry(name).or_default().insert(file.clone());
        }
    }
    assert!(places.len() > 100, "the test finds no types");
    places.retain(|name, files| files.len() > 1 && name != "Result");
    assert_eq!(places, BTreeMap::new());
}

#[test]
fn every_file_is_in_a_known_module() {
    let loose = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = loose.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "mod" && !MODULES.contains(&&**name));
    assert_eq!(names, Vec::<String>::new());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bayeux")
}

fn place(module: &str) -> usize {
    MODULES.iter().position(|known| *known == module).unwrap_or_else(|| panic!("{module} is not in MODULES: add it"))
}

/// What each file imports from other modules, its tests and comments left out.
fn imports() -> Vec<Import> {
    let mut imports = Vec::new();
    for file in files(&root()) {
        let below = file.strip_prefix(root()).unwrap();
        let module =
            below.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "mod" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code: String = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        for path in code.split("crate::bayeux::").skip(1) {
            let from: String = path.chars().take_while(|sign| sign.is_ascii_lowercase() || *sign == '_').collect();
            let names = path.split(';').next().unwrap_or_default().to_owned();
            assert!(!from.is_empty(), "{}: import from the module, not from the root: {names}", file.display());
            imports.push(Import { file: file.clone(), module: module.clone(), from, names });
        }
    }
    assert!(imports.len() > 100, "the test finds no imports");
    imports
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
