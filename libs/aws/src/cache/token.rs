//! IAM authentication: a password that is a signed request, good for fifteen minutes (ElastiCache's `auth-iam`).

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use fred::error::{Error, ErrorKind};
use fred::types::config::{CredentialProvider, Server};

/// How long a token is good (AWS's limit).
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// A connection signs in anew so often: AWS ends one that has not for twelve hours.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Who signs in where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamUser {
    /// User id, which is the user's name too.
    pub user: String,
    /// Id of the replication group.
    pub cache: String,
}

/// Makes tokens.
#[derive(Clone)]
pub struct IamTokens {
    user: IamUser,
    region: String,
    credentials: SharedCredentialsProvider,
}

impl fmt::Debug for IamTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IamTokens").field("user", &self.user).field("region", &self.region).finish_non_exhaustive()
    }
}

impl IamTokens {
    /// For `user`, with the credentials and the region of `config`; `None` when it has none of one.
    pub fn new(user: IamUser, config: &SdkConfig) -> Option<Self> {
        let region = config.region()?.to_string();
        Some(Self { user, region, credentials: config.credentials_provider()? })
    }

    async fn token(&self, now: SystemTime) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let identity = self.credentials.provide_credentials().await?.into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(GOOD_FOR);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("elasticache")
            .time(now)
            .settings(settings)
            .build()?;
        let IamUser { user, cache } = &self.user;
        let url = format!("http://{cache}/?Action=connect&User={user}");
        let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))?;
        let (instructions, _) = sign(request, &params.into())?.into_parts();
        let signed = instructions.params().iter().map(|(name, value)| format!("&{name}={}", percent_encoded(value)));
        // Without the scheme, as the server expects it.
        Ok(format!("{}{}", &url["http://".len()..], signed.collect::<String>()))
    }
}

/// RFC 3986: everything but unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[async_trait]
impl CredentialProvider for IamTokens {
    async fn fetch(&self, _: Option<&Server>) -> Result<(Option<String>, Option<String>), Error> {
        let token = self.token(SystemTime::now()).await;
        let token = token.map_err(|error| Error::new(ErrorKind::Auth, error.to_string()))?;
        Ok((Some(self.user.user.clone()), Some(token)))
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(EVERY)
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;

    #[tokio::test]
    async fn a_token_is_a_signed_request_to_connect() {
        let credentials = Credentials::new("AKID", "secret", Some("session/+".to_owned()), None, "test");
        let tokens = IamTokens {
            user: IamUser { user: "reader".to_owned(), cache: "prices".to_owned() },
            region: "eu-west-1".to_owned(),
            credentials: SharedCredentialsProvider::new(credentials),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let token = tokens.token(now).await.unwrap();
        assert!(token.starts_with("prices/?Action=connect&User=reader&X-Amz-"), "{token}");
        for part in [
            "X-Amz-Expires=900",
            "eu-west-1%2Felasticache%2Faws4_request",
            "X-Amz-Security-Token=session%2F%2B",
            "X-Amz-Signature=",
        ] {
            assert!(token.contains(part), "{part} in {token}");
        }
        assert_eq!(token, tokens.token(now).await.unwrap(), "the same instant, the same token");
    }
}
