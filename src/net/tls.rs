//! Whom we trust: the system's certificate authorities and, where asked for, those of a PEM file.
//!
//! There is no switch that turns verification off; a private authority is a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde::Deserialize;

use super::NetError;

/// A bundle of all public authorities has about 300 KiB.
const PEM_FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// Who we are in the TLS handshake: a certificate and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate, followed by the authorities between it and the one that the other side trusts.
    pub certificate_file: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key_file: PathBuf,
}

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
    client_config_as(ca_file, None)
}

/// The same, and we show this certificate to a server that asks for one.
///
/// Fails as well when certificate and key cannot be read or do not belong together.
pub fn client_config_as(
    ca_file: Option<&Path>,
    shown: Option<&ClientCertificate>,
) -> Result<Arc<ClientConfig>, NetError> {
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
        .with_root_certificates(roots);
    let config = match shown {
        Some(shown) => {
            let chain = certificates(&shown.certificate_file)?;
            config.with_client_auth_cert(chain, private_key(&shown.key_file)?).map_err(NetError::Tls)?
        }
        None => config.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// TLS settings of a server that shows this certificate: TLS 1.2 and 1.3, ring, no certificates of clients.
///
/// Fails when certificate and key cannot be read or do not belong together. Reads files: call it at start.
pub fn server_config(certificate_file: &Path, key_file: &Path) -> Result<ServerConfig, NetError> {
    let chain = certificates(certificate_file)?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(NetError::Tls)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key(key_file)?)
        .map_err(NetError::Tls)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), NetError> {
    for (index, certificate) in certificates(path)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| NetError::CaFileUnusable {
            path: path.to_owned(),
            problem: format!("has a bad certificate {} ({error})", index + 1),
        })?;
    }
    Ok(())
}

/// The authorities of a `ca_file`, for a library that makes TLS settings of its own: at least one.
///
/// Fails when the file cannot be read, or holds anything else.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    add_file(&mut RootCertStore::empty(), path)?;
    certificates(path)
}

/// The certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let unusable = |problem: String| NetError::CaFileUnusable { path: path.to_owned(), problem };
    let pem = read_pem(path).map_err(|cause| NetError::CaFileUnreadable { path: path.to_owned(), cause })?;
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let number = found.len() + 1;
        found.push(certificate.map_err(|error| unusable(format!("is damaged at certificate {number} ({error})")))?);
    }
    if found.is_empty() {
        return Err(unusable("holds no certificate".to_owned()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, NetError> {
    // What is wrong with a key is not told in detail: the detail would be about the key.
    PrivateKeyDer::from_pem_slice(&read_key_file(path)?)
        .map_err(|_| NetError::KeyFileUnusable { path: path.to_owned(), problem: "holds no private key" })
}

/// The content of a file with a private key.
pub(super) fn read_key_file(path: &Path) -> Result<Vec<u8>, NetError> {
    read_pem(path).map_err(|cause| NetError::KeyFileUnreadable { path: path.to_owned(), cause })
}

fn read_pem(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(PEM_FILE_LIMIT + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > PEM_FILE_LIMIT {
        return Err(io::Error::other(format!("it is longer than {PEM_FILE_LIMIT} bytes")));
    }
    Ok(pem)
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

    #[test]
    fn a_client_certificate_needs_its_key() {
        let authority = TestAuthority::new();
        let (certificate, key) = authority.client("gateway");
        let (_, other_key) = authority.client("other");
        let (certificate, key, other) = (file_with(&certificate), file_with(&key), file_with(&other_key));
        let config = |certificate_file: &Path, key_file: &Path| {
            let shown =
                ClientCertificate { certificate_file: certificate_file.to_owned(), key_file: key_file.to_owned() };
            client_config_as(None, Some(&shown)).map(drop)
        };
        config(certificate.path(), key.path()).unwrap();
        let nowhere = Path::new("/nowhere/key.pem");
        let cases = [
            (config(certificate.path(), nowhere), "cannot read the key file `/nowhere/key.pem`"),
            (config(nowhere, key.path()), "cannot read the certificate file"),
            (config(certificate.path(), certificate.path()), "holds no private key"),
            (config(key.path(), key.path()), "holds no certificate"),
            (config(certificate.path(), other.path()), "cannot set up TLS"),
        ];
        for (result, problem) in cases {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
