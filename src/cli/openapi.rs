//! `doorward openapi`: the document of the management API.

use crate::cli::Stop;

pub fn run() -> Result<(), Stop> {
    println!("{}", crate::server::openapi());
    Ok(())
}
