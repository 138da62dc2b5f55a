//! The shell of a page, filled from the request: who is signed in, which theme, the token for forms.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::app::App;
use crate::crypto::token;
use crate::model::role::Permission;
use crate::model::role::effective;
use crate::model::role::permissions_of;
use crate::web::client::Client;
use crate::web::cookies;
use crate::web::csrf;
use crate::web::extract::identify;
use crate::web::html::Me;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::Theme;

use actix_web::HttpMessage;

/// The seed for forms of a browser that has none yet; the middleware sets it as a cookie on the answer.
#[derive(Clone)]
pub struct NewSeed(pub String);

/// Marks that the notice was shown, so that the middleware takes it away.
pub struct NoticeShown;

/// The shell of this request's page. What cannot be found out is left empty: a page comes in any case.
pub async fn shell(request: &HttpRequest, place: Place) -> Shell {
    let Some(app) = request.app_data::<Data<App>>() else { return bare() };
    let me = identify(request).await.ok().flatten();
    let organization = match &me {
        Some(me) => me.organization.name.clone(),
        None => app.find_organization(None).await.map(|organization| organization.name).unwrap_or_default(),
    };
    let notice = cookies::read_notice(request, app);
    if notice.is_some() {
        request.extensions_mut().insert(NoticeShown);
    }
    let me = me.map(|signed_in| {
        let permissions = permissions_of(&signed_in.member.roles);
        Me {
            name: signed_in.member.profile.name.clone().unwrap_or_default(),
            email: signed_in.member.email.as_str().to_owned(),
            role: effective(&signed_in.member.roles).name().to_owned(),
            sees_members: permissions.has(Permission::MembersRead),
            sees_teams: permissions.has(Permission::TeamsRead),
            sees_roles: permissions.has(Permission::RolesRead),
            sees_security: permissions.has(Permission::ConnectionsRead),
            sees_sessions: permissions.has(Permission::SessionsRead),
            sees_audit: permissions.has(Permission::AuditRead),
            sees_api_keys: permissions.has(Permission::ApiKeysRead),
            sees_settings: permissions.has(Permission::OrganizationRead),
        }
    });
    Shell {
        prefix: app.urls.prefix.clone(),
        theme: Theme::from_cookie(cookies::read_theme(request).as_deref()),
        organization,
        host: app.urls.host.clone(),
        csrf: form_token(request, app),
        notice,
        place,
        me,
    }
}

/// A token for this browser's forms: bound to its session, else to its `_pre` cookie, which is made if need be.
pub fn form_token(request: &HttpRequest, app: &App) -> String {
    let now = Client::of(request).map_or_else(|| app.clock.now(), |client| client.now);
    let known = csrf::seeds(request, app).into_iter().next();
    let made = request.extensions().get::<NewSeed>().map(|NewSeed(seed)| format!("p{seed}"));
    let seed = known.or(made).unwrap_or_else(|| {
        let seed = token::session();
        request.extensions_mut().insert(NewSeed(seed.clone()));
        format!("p{seed}")
    });
    csrf::token(app, &seed, now)
}

fn bare() -> Shell {
    Shell {
        prefix: String::new(),
        theme: Theme::System,
        organization: String::new(),
        host: String::new(),
        csrf: String::new(),
        notice: None,
        place: Place::Elsewhere,
        me: None,
    }
}
