//! Whom we trust: the system's certificate authorities and, where asked for, those of a PEM file.
//!
//! There is no switch that turns verification off; a private authority is a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::NetError;

/// A bundle of all public authorities has about 300 KiB.
const CA_FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// The system's authorities, as they were when the process first spoke TLS: every client trusts the same ones.
static SYSTEM_ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
});

/// Makes ring the crypto provider of the process. `main` calls it before anything else; again is harmless.
pub fn install_crypto_provider() {
    if CryptoProvider::get_default().is_none() {
        // A provider that another thread installed between the two calls is this one as well.
        let _ = ring::default_provider().install_default();
    }
}

/// TLS settings for every outbound connection: TLS 1.2 and 1.3, ring, the system's authorities and those in `ca_file`.
///
/// Fails when the file cannot be read or holds no certificate. Reads files: call it at start, not per request.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, NetError> {
    let mut roots = SYSTEM_ROOTS.clone();
    match ca_file {
        Some(path) => add_file(&mut roots, path)?,
        None if roots.is_empty() => {
            tracing::warn!("the system has no trusted certificate authorities: every https connection will be refused");
        }
        None => {}
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(NetError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), NetError> {
    let unusable = |problem: String| NetError::CaFileUnusable { path: path.to_owned(), problem };
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(CA_FILE_LIMIT + 1).read_to_end(&mut pem))
        .map_err(|cause| NetError::CaFileUnreadable { path: path.to_owned(), cause })?;
    if pem.len() as u64 > CA_FILE_LIMIT {
        return Err(unusable(format!("is longer than {CA_FILE_LIMIT} bytes")));
    }
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        found += 1;
        let certificate =
            certificate.map_err(|error| unusable(format!("is damaged at certificate {found} ({error})")))?;
        roots.add(certificate).map_err(|error| unusable(format!("has a bad certificate {found} ({error})")))?;
    }
    if found == 0 {
        return Err(unusable("holds no certificate".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::net::fake_server::TestAuthority;

    fn file_with(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_provider_is_installed_once_and_again() {
        install_crypto_provider();
        install_crypto_provider();
        assert!(CryptoProvider::get_default().is_some());
    }

    #[test]
    fn a_file_that_gives_no_authority_is_an_error_that_names_it() {
        let missing = client_config(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(matches!(missing, NetError::CaFileUnreadable { .. }));
        assert!(missing.to_string().contains("/nowhere/ca.pem"));

        let cases = [
            ("", "holds no certificate"),
            ("just text", "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "bad certificate 1"),
            ("-----BEGIN CERTIFICATE-----\nAAAA", "damaged"),
        ];
        for (content, problem) in cases {
            let file = file_with(content);
            let error = client_config(Some(file.path())).unwrap_err();
            assert!(error.to_string().contains(problem), "{content}: {error}");
        }
    }

    #[test]
    fn a_bundle_adds_its_authorities() {
        let file = file_with(&TestAuthority::new().pem());
        client_config(Some(file.path())).unwrap();
    }
}
