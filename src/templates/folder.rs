//! Templates of one's own: every `*.json` of a folder, a table of an application or a whole synchronization schema.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::application::Application;
use super::{Content, Template, Vocabulary};
use crate::sync_schema::{compile, wire::SynchronizationSchema};
use crate::target::profile::ProfileOverrides;

/// The largest schema of a real application has a few hundred kilobytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// More than any gallery has.
const MAX_FILES: usize = 1000;

/// What is wrong with a file of the folder, or with the folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in `{}`: {what}", file.display())]
pub struct FolderProblem {
    pub file: PathBuf,
    /// With the JSON pointer, or line and column, of the place.
    pub what: String,
}

/// Every template of the folder, or every problem of every file.
pub(super) fn read(folder: &Path) -> Result<Vec<Template>, Vec<FolderProblem>> {
    let files = files(folder).map_err(|cause| {
        let what = format!("the folder cannot be read: {cause}");
        vec![FolderProblem { file: folder.to_owned(), what }]
    })?;
    let mut templates: Vec<Template> = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match template(&file) {
            Ok(template) if templates.iter().any(|known| known.id == template.id) => {
                let what = format!("another file of the folder has the id `{}`", template.id);
                problems.push(FolderProblem { file, what });
            }
            Ok(template) => templates.push(template),
            Err(found) => problems.extend(found.into_iter().map(|what| FolderProblem { file: file.clone(), what })),
        }
    }
    if problems.is_empty() { Ok(templates) } else { Err(problems) }
}

/// The files in the order of their names.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(std::io::Error::other(format!("it holds more than {MAX_FILES} templates")));
        }
    }
    files.sort();
    Ok(files)
}

fn template(file: &Path) -> Result<Template, Vec<String>> {
    let one = |cause: &dyn std::fmt::Display| vec![cause.to_string()];
    let text = text(file).map_err(|cause| one(&cause))?;
    let document: Value = serde_json::from_str(&text).map_err(|cause| one(&cause))?;
    let template = match document.get("synchronizationRules").or_else(|| document.get("schema")) {
        Some(_) => whole(file, document).map_err(|cause| one(&cause))?,
        // From the text once more: its errors know the line.
        None => Template::from(serde_json::from_str::<Application>(&text).map_err(|cause| one(&cause))?),
    };
    if template.id.is_empty() || template.id.chars().any(char::is_whitespace) {
        return Err(vec!["at `/id`: an id is one word".to_owned()]);
    }
    let unworkable: Vec<String> = template
        .profile
        .problems()
        .iter()
        .map(|problem| format!("at `/{}`: {}; {}", problem.at.join("/"), problem.what, problem.hint))
        .collect();
    if !unworkable.is_empty() {
        return Err(unworkable);
    }
    // What the reference directory lacks, no source has.
    for vocabulary in Vocabulary::ALL {
        let schema = template
            .schema(vocabulary)
            .map_err(|unsound| unsound.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        compile(&schema).runnable().map_err(|problems| {
            let said = |problem: &dyn std::fmt::Display| match template.content {
                Content::Table(_) => format!("for {}, in the schema composed of it: {problem}", vocabulary.name()),
                Content::Schema(_) => problem.to_string(),
            };
            problems.iter().map(|problem| said(problem)).collect::<Vec<_>>()
        })?;
    }
    Ok(template)
}

/// A `synchronizationSchema`, or a `synchronizationTemplate` around one. Its id is its own, else the name of the file.
fn whole(file: &Path, mut document: Value) -> Result<Template, serde_json::Error> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (id, schema) = match document.get_mut("schema").map(Value::take) {
        Some(schema) => (document.get("id").and_then(Value::as_str).map(str::to_owned), schema),
        None => (None, document),
    };
    let schema: SynchronizationSchema = serde_json::from_value(schema)?;
    Ok(Template {
        id: id.unwrap_or_else(|| stem.clone()),
        name: stem,
        description: "a synchronization schema".to_owned(),
        documentation: Vec::new(),
        profile: ProfileOverrides::default(),
        content: Content::Schema(Box::new(schema)),
    })
}

fn text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
