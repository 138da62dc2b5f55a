//! `doorward openapi`: the document of the management API.

use crate::cli::Stop;
use crate::cli::print;

pub fn run() -> Result<(), Stop> {
    print(&crate::server::openapi())
}
