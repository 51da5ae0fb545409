//! The templates of a configuration: its folder, a job's schema, and what they know of a target.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::document::{Document, NodeId};
use super::problem::{ConfigErrors, Problem};
use super::read::Located;
use super::resolve::Resolver;
use super::resolved::{JobConfig, JobSchema, SchemaOrigin, SourceConfig};
use crate::target::ProfileOverrides;
use crate::templates::{FolderProblem, Templates};

/// What to do about a fault in another file.
const MEND: &str = "mend it there";

impl Resolver<'_> {
    /// What the templates of an application's jobs know of it: one target is spoken to in one way.
    pub(super) fn template_profile(
        &mut self,
        application: NodeId,
        jobs: &[JobConfig],
    ) -> Option<Box<ProfileOverrides>> {
        let templates = jobs.iter().filter_map(|job| self.templates.named(job.template.as_deref()?));
        let mut known = templates.filter(|template| template.profile != ProfileOverrides::default());
        let first = known.next()?;
        let other = known.find(|template| template.profile != first.profile).map(|template| template.id.clone());
        let (id, profile) = (first.id.clone(), first.profile.clone());
        if let Some(other) = other {
            let place = self.place(application, &["jobs"]);
            let what = format!("the templates `{id}` and `{other}` are for different applications");
            self.problem(place, what, "give each application an entry of its own");
        }
        Some(Box::new(profile))
    }

    pub(super) fn read_templates(&mut self, written: &Located<PathBuf>) {
        match Templates::with_folder(&self.folder.join(&written.value)) {
            Ok(templates) => self.templates = Cow::Owned(templates),
            Err(problems) => {
                for problem in problems {
                    self.problem(written.node, problem.to_string(), MEND);
                }
            }
        }
    }

    /// The id of a template.
    pub(super) fn known_template(&mut self, written: &Located<String>) -> Option<String> {
        if let Some(template) = self.templates.named(&written.value) {
            return Some(template.id.clone());
        }
        let names: Vec<&str> = self.templates.all().map(|template| template.id.as_str()).collect();
        let hint = format!("the templates are: {}", names.join(", "));
        self.problem(written.node, format!("there is no template `{}`", written.value), hint);
        None
    }

    /// The schema of the template with this id for what the job reads.
    pub(super) fn template(&mut self, at: NodeId, id: &str, source: &SourceConfig) -> Option<JobSchema> {
        let origin = SchemaOrigin::Template(id.to_owned());
        match self.templates.named(id)?.schema(source.vocabulary) {
            Ok(document) => self.compiled(at, origin, document, Some(source)),
            Err(unsound) => {
                for fault in unsound.0 {
                    self.problem(at, format!("in {origin}: {fault}"), MEND);
                }
                None
            }
        }
    }
}

/// The templates that come with the program, and those of the folder that a configuration file names: nothing else of
/// the file is looked at. A file that is not there names none.
///
/// # Errors
/// When the file cannot be read or is no YAML, and whatever is wrong with the folder.
pub fn templates_of(file: &Path) -> Result<Cow<'static, Templates>, ConfigErrors> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Cow::Borrowed(Templates::built_in())),
        Err(cause) => return Err(ConfigErrors::Unreadable { file: file.to_owned(), cause }),
    };
    let invalid = |problems: Vec<Problem>| ConfigErrors::Invalid { file: file.to_owned(), problems };
    let document = Document::parse(&text).map_err(|problem| invalid(vec![problem]))?;
    let Some((node, folder)) = document.root.get("templates").and_then(|node| Some((node.id, node.text()?))) else {
        return Ok(Cow::Borrowed(Templates::built_in()));
    };
    let folder = file.parent().unwrap_or(Path::new("")).join(folder);
    Templates::with_folder(&folder).map(Cow::Owned).map_err(|problems| {
        let at = document.position(node);
        let problem = |problem: FolderProblem| Problem { at, what: problem.to_string(), hint: Some(MEND.to_owned()) };
        invalid(problems.into_iter().map(problem).collect())
    })
}
