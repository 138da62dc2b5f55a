//! What every page of a directory begins with: the id in its path, and the directory.

use actix_web::http::StatusCode;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::directories::DirectoryView;
use crate::model::actor::Ctx;
use crate::model::id::DirectoryId;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::web::admin::directories::setup::Step;
use crate::web::admin::directories::setup::Wizard;
use crate::web::error::PageError;

pub fn directory_id(text: &str) -> Result<DirectoryId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("directory").into()))
}

pub async fn load(app: &App, ctx: &Ctx, id: &str) -> Result<DirectoryView, PageError> {
    Ok(app.find_directory(ctx, directory_id(id)?).await?)
}

/// The same for pages that end in a change.
pub async fn load_to_change(app: &App, ctx: &Ctx, id: &str) -> Result<DirectoryView, PageError> {
    require(ctx, Permission::DirectoriesWrite)?;
    load(app, ctx, id).await
}

/// What a step shows of the directory.
pub async fn wizard(app: &App, ctx: &Ctx, view: &DirectoryView, step: Step) -> Result<Wizard, PageError> {
    let (_, mappings) = app.list_directory_mappings(ctx, view.directory.id.clone()).await?;
    Ok(Wizard::of(view, step, !mappings.is_empty()))
}

/// The name of the connection of the same people, for whoever may see it.
pub async fn connection_name(app: &App, ctx: &Ctx, view: &DirectoryView) -> Option<String> {
    let id = view.directory.connection.clone()?;
    app.find_connection(ctx, id).await.ok().map(|view| view.connection.name)
}

/// What of a refusal is told on the page where it was asked; the rest is a page of its own.
pub fn told(error: Error) -> Result<(Invalid, StatusCode), PageError> {
    let form = |code, text: String| Invalid::field("form", code, text);
    match error {
        Error::Invalid(errors) => Ok((errors, StatusCode::UNPROCESSABLE_ENTITY)),
        Error::Conflict { code, text } => Ok((form(code, text), StatusCode::CONFLICT)),
        Error::Refused { code, text } => Ok((form(code, text), StatusCode::FORBIDDEN)),
        Error::Changed => Ok((form("changed_meanwhile", Error::Changed.public()), StatusCode::CONFLICT)),
        other => Err(other.into()),
    }
}
