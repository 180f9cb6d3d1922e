//! What quotes are signed with: given, or made at the first start and kept beside the store.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pricestream_price_api::QuoteKey;

/// Beside the store: the key, and in a second line the one before, if its quotes are still to be taken.
const FILE: &str = "quote.key";

/// The key in `given`, and the one before; else that in `directory`, which is made if there is none. Only while the store in
/// `directory` is open to write, so that nobody else makes one.
pub(crate) fn load(directory: &Path, given: Option<&str>, previous: Option<&str>) -> Result<QuoteKey> {
    let Some(given) = given else {
        if previous.is_some() {
            bail!("PRICESTREAM_QUOTE_KEY_PREVIOUS is set, and PRICESTREAM_QUOTE_KEY is not: set both, or neither");
        }
        return kept(directory);
    };
    let key = QuoteKey::new(&bytes("PRICESTREAM_QUOTE_KEY", given)?).context("PRICESTREAM_QUOTE_KEY")?;
    match previous {
        Some(previous) => {
            let secret = bytes("PRICESTREAM_QUOTE_KEY_PREVIOUS", previous)?;
            key.with_previous(&secret).context("PRICESTREAM_QUOTE_KEY_PREVIOUS")
        }
        None => Ok(key),
    }
}

fn kept(directory: &Path) -> Result<QuoteKey> {
    let path = directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(directory)?,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    warn_if_others_may_read(&path);
    let named = path.display().to_string();
    let of = |line: &str| bytes(&named, line);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let current = lines.next().with_context(|| format!("{named} is empty: remove it, and another key is made"))?;
    let key = QuoteKey::new(&of(current)?).with_context(|| named.clone())?;
    let key = match lines.next() {
        Some(previous) => key.with_previous(&of(previous)?).with_context(|| named.clone())?,
        None => key,
    };
    if lines.next().is_some() {
        bail!("{named} has more than two lines: the key, and the one before");
    }
    Ok(key)
}

/// Writes a new key, all of it or nothing.
fn make(directory: &Path) -> Result<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("{error}")).context("making a key for quotes")?;
    let text = format!("{}\n", STANDARD.encode(secret));
    let (path, unfinished) = (directory.join(FILE), directory.join("quote.key.new"));
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        // The name too is to outlive a loss of power.
        File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(text)
}

#[cfg(unix)]
fn warn_if_others_may_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "others may read the key that quotes are signed with: chmod 600 it");
    }
}

#[cfg(not(unix))]
fn warn_if_others_may_read(_: &Path) {}

fn bytes(what: &str, text: &str) -> Result<Vec<u8>> {
    let decoded = STANDARD.decode(text.trim());
    decoded.map_err(|_| anyhow::anyhow!("{what} is not base64: make a key with `openssl rand -base64 32`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
    const B: &str = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=";

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = load(directory.path(), None, None).unwrap();
        assert_eq!(load(directory.path(), None, None).unwrap().id(), first.id(), "the same at the next start");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(load(other.path(), None, None).unwrap().id(), first.id());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn a_key_is_taken_from_where_it_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let id = |secret: u8| QuoteKey::new(&[secret; 32]).unwrap().id().to_owned();
        assert_eq!(load(directory.path(), Some(A), None).unwrap().id(), id(b'a'));
        assert_eq!(load(directory.path(), Some(B), Some(A)).unwrap().id(), id(b'b'));
        assert!(!directory.path().join(FILE).exists(), "a key that is given is not kept");
        fs::write(directory.path().join(FILE), format!("{B}\r\n\n{A}\n")).unwrap();
        let rotated = load(directory.path(), None, None).unwrap();
        assert_eq!(format!("{rotated:?}"), format!("{:?}", load(directory.path(), Some(B), Some(A)).unwrap()));
    }

    #[test]
    fn what_is_no_key_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let told = |result: Result<QuoteKey>| format!("{:#}", result.expect_err("it is no key"));
        for (given, previous, expected) in [
            (Some("no key!"), None, "PRICESTREAM_QUOTE_KEY is not base64: make a key with `openssl rand -base64 32`"),
            (Some("c2hvcnQ="), None, "PRICESTREAM_QUOTE_KEY: a key for quotes has 32 bytes or more, this one 5"),
            (Some(A), Some("c2hvcnQ="), "PRICESTREAM_QUOTE_KEY_PREVIOUS: a key for quotes has 32 bytes or more, this one 5"),
            (None, Some(A), "set both, or neither"),
        ] {
            let error = told(load(directory.path(), given, previous));
            assert!(error.contains(expected), "{error}");
        }
        for (text, expected) in [("", "is empty"), ("\n", "is empty"), ("c2hvcnQ=", "32 bytes or more"), ("?", "is not base64")] {
            fs::write(directory.path().join(FILE), text).unwrap();
            let error = told(load(directory.path(), None, None));
            assert!(error.contains(expected) && error.contains("quote.key"), "{text:?}: {error}");
        }
        fs::write(directory.path().join(FILE), format!("{A}\n{B}\n{A}\n")).unwrap();
        assert!(told(load(directory.path(), None, None)).contains("more than two lines"));
    }
}
