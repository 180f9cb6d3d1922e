//! Settings documents, such as strategies and promotions: read piece by piece so that every problem is told with its path,
//! named by the hash of their content, with time zones whose rules come with the program.

mod content_hash;
mod json;
mod problem;
mod reader;
mod zone;

pub use content_hash::{ContentHash, InvalidHash};
pub use json::parse;
pub use problem::Problem;
pub use reader::Reader;
pub use zone::Zone;
