//! Which certificates are trusted. Reading those of the machine is half of the time that a function takes to start, and AWS's own
//! services, the cache among them, are certified by five.

use aws_smithy_http_client::tls::TrustStore;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// What the names of the five roots of Amazon Trust Services have in common, as <https://www.amazontrust.com/repository/> lists them:
/// `Amazon Root CA 1` to `4`, and `Starfield Services Root Certificate Authority - G2`.
const AMAZON: [&[u8]; 2] = [b"Amazon Root CA ", b"Starfield Services Root Certificate Authority - G2"];

/// Either variable names certificates in place of Amazon's: for endpoints that others certify.
const OWN: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Who is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Amazon's roots.
    Amazon,
    /// Those that the machine's variables name.
    Machine,
}

impl Roots {
    /// As the environment says.
    pub(crate) fn of_environment() -> Self {
        if OWN.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
            Self::Machine
        } else {
            Self::Amazon
        }
    }

    /// For the SDK's HTTP client.
    pub(crate) fn trust_store(self) -> TrustStore {
        match self {
            Self::Machine => TrustStore::default(),
            Self::Amazon => amazon().fold(TrustStore::empty(), |store, root| store.with_pem_certificate(pem(root))),
        }
    }

    /// For the connection to the cache. Errors: none of the machine's certificates can be read.
    pub(crate) fn root_store(self) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Amazon => {
                for root in amazon() {
                    store.add(root.clone()).map_err(|error| error.to_string())?;
                }
            }
            Self::Machine => {
                let found = rustls_native_certs::load_native_certs();
                let (added, _unreadable) = store.add_parsable_certificates(found.certs);
                if added == 0 {
                    return Err(format!("SSL_CERT_FILE and SSL_CERT_DIR name no readable certificate: {:?}", found.errors));
                }
            }
        }
        Ok(store)
    }
}

fn amazon() -> impl Iterator<Item = &'static CertificateDer<'static>> {
    let is = |root: &[u8], name: &[u8]| memmem::find(root, name).is_some();
    TLS_SERVER_ROOT_CERTS.iter().filter(move |root| AMAZON.iter().any(|name| is(root, name)))
}

fn pem(root: &CertificateDer<'_>) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_five_roots_are_found_and_read() {
        let numbered = (1..=4).map(|number| format!("Amazon Root CA {number}"));
        let names: Vec<String> = numbered.chain(["Starfield Services Root Certificate Authority - G2".to_owned()]).collect();
        for name in &names {
            let of_name = amazon().filter(|root| memmem::find(root, name.as_bytes()).is_some()).count();
            assert_eq!(of_name, 1, "{name}");
        }
        assert_eq!((amazon().count(), Roots::Amazon.root_store().unwrap().len()), (names.len(), names.len()));
        for root in amazon() {
            use rustls::pki_types::pem::PemObject;
            assert_eq!(CertificateDer::from_pem_slice(pem(root).as_bytes()).unwrap(), *root);
        }
    }
}
