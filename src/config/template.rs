//! The templates of a configuration: its folder, a job's schema, and what they know of a target.

use std::borrow::Cow;
use std::path::PathBuf;

use super::document::NodeId;
use super::read::Located;
use super::resolve::Resolver;
use super::resolved::{JobConfig, JobSchema, SchemaOrigin};
use crate::target::ProfileOverrides;
use crate::templates::{Templates, Vocabulary};

impl Resolver<'_> {
    /// What the templates of an application's jobs know of it: one target is spoken to in one way.
    pub(super) fn template_profile(
        &mut self,
        application: NodeId,
        jobs: &[JobConfig],
    ) -> Option<Box<ProfileOverrides>> {
        let templates = jobs.iter().filter_map(|job| match &job.schema.origin {
            SchemaOrigin::Template(id) => self.templates.named(id),
            SchemaOrigin::File(_) => None,
        });
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
                    self.problem(written.node, problem.to_string(), "mend it there");
                }
            }
        }
    }

    /// The schema of a template for what the job reads; none where that is not known.
    pub(super) fn template(&mut self, written: &Located<String>, vocabulary: Option<Vocabulary>) -> Option<JobSchema> {
        let Some(template) = self.templates.named(&written.value) else {
            let names: Vec<&str> = self.templates.all().map(|template| template.id.as_str()).collect();
            let hint = format!("the templates are: {}", names.join(", "));
            self.problem(written.node, format!("there is no template `{}`", written.value), hint);
            return None;
        };
        let origin = SchemaOrigin::Template(template.id.clone());
        match template.schema(vocabulary?) {
            Ok(document) => self.compiled(written.node, origin, document),
            Err(unsound) => {
                for fault in unsound.0 {
                    self.problem(written.node, format!("in {origin}: {fault}"), "mend it there");
                }
                None
            }
        }
    }
}
