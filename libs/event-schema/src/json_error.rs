use serde::Deserialize;
use serde_json::error::Category;

/// What was wrong with a text that should have been a `T`. Texts are capped: a hostile value is not repeated in a log.
pub(crate) struct JsonError {
    /// Not JSON at all, as against JSON of another shape.
    pub(crate) syntax: bool,
    /// `detail.data.price.minor`, or `.` for the whole.
    pub(crate) path: String,
    /// With line and column.
    pub(crate) message: String,
}

/// Reads `text` again, slowly, to find the path of what failed. `None` when it reads well.
pub(crate) fn explain<'a, T: Deserialize<'a>>(text: &'a str) -> Option<JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(error) => (error.path().to_string(), error.into_inner()),
        Ok(_) => (".".to_owned(), json.end().err()?),
    };
    let syntax = error.classify() != Category::Data;
    Some(JsonError { syntax, path: shorten(&path), message: shorten(&error.to_string()) })
}

/// The first 200 and the last 60 characters: what went wrong, and where.
pub(crate) fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= 280 {
        return text.to_owned();
    }
    let (head, tail): (String, String) = (text.chars().take(200).collect(), text.chars().skip(count - 60).collect());
    format!("{head} ... {tail}")
}
