//! The management API in the file.

use super::read::Located;
use super::resolve::Resolver;
use crate::api::Settings;

impl Resolver<'_> {
    pub(super) fn api(&mut self, written: Located<Settings>) -> Settings {
        let Located { value: mut settings, node } = written;
        if let Some(tls) = &mut settings.tls {
            tls.certificate_file = self.folder.join(&tls.certificate_file);
            tls.key_file = self.folder.join(&tls.key_file);
        }
        if let Some((key, what, hint)) = settings.problem() {
            let place = self.place(node, &[key]);
            self.problem(place, what, hint);
        }
        settings
    }
}
