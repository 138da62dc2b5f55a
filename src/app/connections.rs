//! Connections, as admins set them up: a draft is edited and tested, then turned on; editing an active one makes a
//! draft beside it. Console, API and wizard call the same functions.

use crate::app::App;
use crate::app::access;
use crate::app::certificates::trust_metadata;
use crate::app::error::{Error, Result};
use crate::app::metadata::{MetadataInput, ReadMetadata};
use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::connection::{Connection, MetadataProblem, Revision, SamlSettings, Status, Test, TrustedCertificate};
use crate::model::connection_key::{ConnectionKey, KeyState};
use crate::model::id::{ConnectionId, OrganizationId, RevisionId};
use crate::model::invalid::Invalid;
use crate::model::page::{Page, Window};
use crate::model::provider::Catalogue;
use crate::model::role::{DefaultRole, Permission};
use crate::model::rollover::{self, RemovedCertificate};
use crate::model::sign_in::SignIn;
use crate::model::time::{Timestamp, days};
use crate::store::members;
use crate::store::{
    ReadTx, WriteTx, audit, certificates, connection_keys, connections, organizations, revisions, sign_ins,
};

/// A connection with all that a page or the API shows.
#[derive(Debug, Clone)]
pub struct ConnectionView {
    pub connection: Connection,
    /// Trusted now.
    pub certificates: Vec<TrustedCertificate>,
    /// Of the draft's metadata, trusted once it is turned on.
    pub waiting_certificates: Vec<TrustedCertificate>,
    /// No longer trusted, and still to be brought back.
    pub removed_certificates: Vec<RemovedCertificate>,
    /// Our own: the one that signs, the next one, the retired ones.
    pub keys: Vec<ConnectionKey>,
    pub last_test: Option<Test>,
    /// A test of what would be turned on has passed.
    pub has_passed_test: bool,
    pub last_sign_in: Option<SignIn>,
    pub last_refused: Option<SignIn>,
    /// Refusals since the last success, and when they began; none after a success.
    pub streak: Option<(u32, Timestamp)>,
    pub members: u32,
}

#[derive(Debug, Clone, Default)]
pub struct NewConnection {
    pub name: String,
    pub provider: Option<String>,
    pub metadata: Option<MetadataInput>,
    pub settings: SettingsChange,
}

/// Changes to settings; `None` leaves one alone.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    pub name: Option<String>,
    pub provider: Option<String>,
    pub attributes: Option<crate::model::connection::AttributeNames>,
    pub allow_idp_initiated: Option<bool>,
    pub jit: Option<bool>,
    pub default_role: Option<DefaultRole>,
    pub any_domain: Option<Option<bool>>,
    pub link_existing: Option<bool>,
    pub expired_certificates: Option<crate::model::connection::ExpiredCertificates>,
    pub watch_metadata: Option<bool>,
    pub sso_binding: Option<crate::model::connection::Binding>,
    pub slo_url: Option<Option<String>>,
    pub slo_response_url: Option<Option<String>>,
    pub slo_binding: Option<crate::model::connection::Binding>,
    pub logout: Option<crate::model::logout::Logout>,
    pub clock_skew: Option<u32>,
}

impl SettingsChange {
    fn apply(&self, settings: &mut SamlSettings) {
        fn set<T: Clone>(slot: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                slot.clone_from(value);
            }
        }
        set(&mut settings.attributes, &self.attributes);
        set(&mut settings.allow_idp_initiated, &self.allow_idp_initiated);
        set(&mut settings.jit, &self.jit);
        set(&mut settings.default_role, &self.default_role);
        set(&mut settings.any_domain, &self.any_domain);
        set(&mut settings.link_existing, &self.link_existing);
        set(&mut settings.expired_certificates, &self.expired_certificates);
        set(&mut settings.watch_metadata, &self.watch_metadata);
        set(&mut settings.sso_binding, &self.sso_binding);
        set(&mut settings.clock_skew, &self.clock_skew);
        if self.slo_url.as_ref().is_some_and(|url| *url != settings.slo_url) {
            settings.slo_response_url = None;
        }
        set(&mut settings.slo_url, &self.slo_url);
        set(&mut settings.slo_response_url, &self.slo_response_url);
        set(&mut settings.slo_binding, &self.slo_binding);
        set(&mut settings.logout, &self.logout);
    }

    fn check(&mut self, ctx: &Ctx) -> Result<()> {
        if let Some(DefaultRole::Role(role)) = self.default_role {
            access::require_grant(ctx, &role.into())?;
        }
        let mut invalid = Invalid::new();
        if let Some(name) = &mut self.name {
            *name = name.trim().to_owned();
            check_name(&mut invalid, name);
        }
        if let Some(provider) = &self.provider
            && Catalogue::get().provider(provider).is_none()
        {
            let text = format!("There is no provider `{provider}`. Use `custom` for one that isn't listed.");
            invalid.add("provider", "no_such_provider", text);
        }
        if let Some(names) = self.attributes.take() {
            match names.tidied() {
                Ok(names) => self.attributes = Some(names),
                Err(bad) => invalid.errors.extend(bad.errors),
            }
        }
        if self.clock_skew.is_some_and(|skew| skew > 600) {
            invalid.add("clock_skew", "clock_skew", "Use at most 600 seconds; better, set both clocks by NTP.");
        }
        Ok(invalid.or(())?)
    }
}

fn check_name(invalid: &mut Invalid, name: &str) {
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        invalid.add(
            "name",
            "name",
            "Give it a name of 1 to 80 characters, such as `Okta`; people see it on the sign-in page.",
        );
    }
}

pub(super) fn target(connection: &Connection) -> Target {
    Target::new("connection", &connection.id, &connection.name)
}

pub fn settings_hash(settings: &SamlSettings) -> String {
    token::hex(&token::hash(&settings.tested()))
}

pub(super) fn view(tx: &ReadTx<'_>, connection: Connection, now: Timestamp) -> Result<ConnectionView> {
    let id = &connection.id;
    let hash = connection.editable().map(|revision| settings_hash(&revision.settings)).unwrap_or_default();
    let (trusted, waiting_certificates) =
        certificates::list(tx, id)?.into_iter().partition(|certificate| certificate.is_live);
    Ok(ConnectionView {
        certificates: trusted,
        waiting_certificates,
        removed_certificates: certificates::list_removed(tx, id, now - rollover::kept())?,
        keys: connection_keys::list(tx, id)?.into_iter().map(|sealed| sealed.key).collect(),
        last_test: sign_ins::find_last_test(tx, id, &hash)?,
        has_passed_test: sign_ins::has_passed_test(tx, id, &hash)?,
        last_sign_in: sign_ins::find_last_success(tx, id)?,
        last_refused: sign_ins::find_last_refused(tx, id)?,
        streak: sign_ins::find_streak(tx, id, now - days(1))?,
        members: members::count_identities(tx, id)?,
        connection,
    })
}

/// The connection, if it is still as the caller saw it.
fn find_unchanged(tx: &ReadTx<'_>, ctx: &Ctx, id: &ConnectionId, version: Option<i64>) -> Result<Connection> {
    let connection = connections::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("connection"))?;
    if !ctx.has_seen(connection.version) || version.is_some_and(|version| version != connection.version) {
        return Err(Error::Changed);
    }
    Ok(connection)
}

pub(super) fn save(tx: &WriteTx<'_>, connection: &mut Connection) -> Result<()> {
    if !connections::update(tx, connection)? {
        return Err(Error::Changed);
    }
    connection.version += 1;
    Ok(())
}

/// Changes the settings that an edit works on: the draft, or a new draft beside the active ones.
pub(super) fn edit(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &mut Connection,
    named: &SettingsChange,
    change: impl Fn(&mut SamlSettings),
) -> Result<()> {
    let before = connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
    let mut after = before.clone();
    change(&mut after);
    check_subject_stays(tx, connection, &before, &after)?;
    let mut event = NewEvent::new(Action::ConnectionUpdated, target(connection));
    let slots = [("name", &mut connection.name, &named.name), ("provider", &mut connection.provider, &named.provider)];
    for (field, slot, value) in slots {
        if let Some(value) = value {
            event = event.change(field, slot.clone(), value.clone());
            slot.clone_from(value);
        }
    }
    for (field, old, new) in changed_fields(&before, &after) {
        event = event.change(&field, old, new);
    }
    if event.changes.is_empty() {
        return Ok(());
    }
    let is_active_again = connection.active.as_ref().is_some_and(|active| active.settings == after);
    match (&mut connection.draft, is_active_again) {
        (Some(draft), true) => {
            let id = draft.id.clone();
            connection.draft = None;
            save(tx, connection)?;
            revisions::delete(tx, &id)?;
            certificates::delete_waiting(tx, &connection.id)?;
        }
        (None, true) => save(tx, connection)?,
        (Some(draft), false) => {
            draft.settings = after;
            revisions::update_draft(tx, &draft.id, &draft.settings, ctx.now, ctx.actor.name())?;
            save(tx, connection)?;
        }
        (None, false) => {
            let draft = Revision { id: RevisionId::new(), settings: after, created_at: ctx.now };
            revisions::insert(tx, &connection.id, &draft, ctx.actor.name())?;
            connection.draft = Some(draft);
            save(tx, connection)?;
        }
    }
    audit::insert(tx, ctx, &event)?;
    Ok(())
}

/// What names a person is fixed once somebody has signed in through the connection.
fn check_subject_stays(
    tx: &ReadTx<'_>,
    connection: &Connection,
    before: &SamlSettings,
    after: &SamlSettings,
) -> Result<()> {
    if before.attributes.user_id == after.attributes.user_id || members::count_identities(tx, &connection.id)? == 0 {
        return Ok(());
    }
    let text = "People have signed in by the present user ID. Make a new connection to name them by another attribute.";
    Err(Invalid::field("user_id", "user_id_fixed", text).into())
}

pub fn changed_fields(
    before: &SamlSettings,
    after: &SamlSettings,
) -> Vec<(String, serde_json::Value, serde_json::Value)> {
    let object = |settings: &SamlSettings| match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (object(before), object(after));
    new.into_iter()
        .filter_map(|(field, value)| {
            let was = old.get(&field).cloned().unwrap_or_default();
            (was != value).then_some((field, was, value))
        })
        .collect()
}

/// Why a link could not be used, for whoever looks at the connection later.
pub(super) fn metadata_problem(error: &Error) -> MetadataProblem {
    let code = match error {
        Error::Invalid(invalid) => invalid.errors.first().map_or("metadata_unreachable", |error| error.code),
        _ => "metadata_unreachable",
    };
    MetadataProblem { code: code.to_owned(), text: error.public() }
}

fn take_over(settings: &mut SamlSettings, read: &ReadMetadata) {
    settings.idp_entity_id = Some(read.idp_entity_id.clone());
    settings.sso_url = Some(read.sso_url.clone());
    settings.sso_binding = read.sso_binding;
    settings.wants_signed_requests = read.wants_signed_requests;
    settings.metadata_url.clone_from(&read.metadata_url);
    if let Some(logout) = &read.logout {
        settings.slo_url.clone_from(&logout.url);
        settings.slo_response_url.clone_from(&logout.response_url);
        settings.slo_binding = logout.binding;
    }
    if read.metadata_url.is_none() {
        settings.watch_metadata = false;
    }
}

impl ConnectionView {
    /// Those of the provider that an edit's settings name: after a move to another provider the former one's stay until they
    /// are removed, and vouch for nobody.
    pub fn provider_certificates(&self) -> usize {
        let Some(revision) = self.connection.editable() else { return 0 };
        self.all_certificates().filter(|certificate| certificate.vouches_for(&revision.settings)).count()
    }

    /// What an edit works on and a test trusts.
    pub fn all_certificates(&self) -> impl Iterator<Item = &TrustedCertificate> {
        self.certificates.iter().chain(&self.waiting_certificates)
    }
}

impl App {
    pub async fn list_connections(&self, ctx: &Ctx, window: Window) -> Result<Page<ConnectionView>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let (organization, now) = (ctx.organization.clone(), ctx.now);
        self.store
            .read(move |tx| {
                let page = connections::list(tx, &organization, &window)?;
                let rows =
                    page.rows.into_iter().map(|connection| view(tx, connection, now)).collect::<Result<Vec<_>>>()?;
                Ok(Page { rows, next: page.next })
            })
            .await
    }

    /// What the sign-in page of an organization offers; for anybody.
    pub async fn list_active_connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>> {
        let organization = organization.clone();
        self.store
            .read(move |tx| {
                let page = connections::list(tx, &organization, &Window::first(Window::MAX))?;
                Ok(page.rows.into_iter().filter(|connection| connection.live().is_some()).collect())
            })
            .await
    }

    pub async fn find_connection(&self, ctx: &Ctx, id: ConnectionId) -> Result<ConnectionView> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let (organization, now) = (ctx.organization.clone(), ctx.now);
        self.store
            .read(move |tx| {
                let connection = connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                view(tx, connection, now)
            })
            .await
    }

    /// Makes a draft: nobody can sign in by it until it is turned on. What is wrong with the metadata itself refuses
    /// it; a link that cannot be read now is told beside the draft.
    pub async fn create_connection(&self, ctx: &Ctx, new: NewConnection) -> Result<(ConnectionView, Option<Invalid>)> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let mut change = new.settings;
        change.name = Some(new.name);
        change.provider = Some(new.provider.unwrap_or_else(|| "custom".into()));
        change.check(ctx)?;
        self.check_logout(&mut change)?;
        let (read, problem) = match &new.metadata {
            None => (None, None),
            Some(input) => match self.read_metadata(input, ctx.now).await {
                Ok(read) => (Some(read), None),
                Err(Error::Invalid(invalid)) if input.is_web_link() => (None, Some(invalid)),
                Err(error) => return Err(error),
            },
        };
        let id = ConnectionId::new();
        let key = self.make_key(&id, KeyState::Current, ctx.now).await?;
        let mut settings = SamlSettings { default_role: self.default_role(ctx).await?, ..SamlSettings::default() };
        if let (Some(MetadataInput::Link { url, .. }), None) = (&new.metadata, &read) {
            settings.metadata_url = Some(url.trim().to_owned());
        }
        if let Some(read) = &read {
            take_over(&mut settings, read);
            settings.watch_metadata = read.metadata_url.is_some();
        }
        // What the admin says goes over what the metadata says.
        change.apply(&mut settings);
        let entity_id = self.urls.join(&format!("/saml/{id}"));
        let connection = Connection {
            acs_url: format!("{entity_id}/acs"),
            entity_id,
            organization: ctx.organization.clone(),
            name: change.name.unwrap_or_default(),
            provider: change.provider.unwrap_or_default(),
            status: Status::Draft,
            active: None,
            draft: Some(Revision { id: RevisionId::new(), settings, created_at: ctx.now }),
            former: None,
            created_at: ctx.now,
            activated_at: None,
            metadata_read_at: read.as_ref().filter(|read| read.metadata_url.is_some()).map(|_| ctx.now),
            metadata_tried_at: new.metadata.as_ref().filter(|input| input.is_link()).map(|_| ctx.now),
            metadata_seen: read.as_ref().and_then(ReadMetadata::seen),
            logout_confirmed: None,
            metadata_problem: problem.clone().map(|problem| metadata_problem(&problem.into())),
            version: 1,
            id,
        };
        let acting = ctx.clone();
        let view = self
            .store
            .write(move |tx| {
                let ctx = &acting;
                connections::insert(tx, &connection, ctx.actor.name())?;
                connection_keys::insert(tx, &connection.id, &key)?;
                audit::insert(tx, ctx, &NewEvent::new(Action::ConnectionCreated, target(&connection)))?;
                if let Some(read) = &read {
                    trust_metadata(tx, ctx, &connection, &read.certificates)?;
                }
                view(tx, connection.clone(), ctx.now)
            })
            .await?;
        self.connections.forget();
        let problem = match problem {
            Some(problem) => Some(self.tell_inside(ctx, problem).await?),
            None => None,
        };
        Ok((view, problem))
    }

    async fn default_role(&self, ctx: &Ctx) -> Result<crate::model::role::DefaultRole> {
        let organization = ctx.organization.clone();
        let found: Option<_> =
            self.store.read(move |tx| organizations::find(tx, &organization).map_err(Error::from)).await?;
        Ok(found.map_or(SamlSettings::default().default_role, |organization| organization.default_role))
    }

    /// Changes a connection in one transaction. What is parsed of it for sign-ins is dropped before the change is
    /// answered, so that nobody signs in by what was.
    pub(super) async fn change_connection<T: Send + 'static>(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        version: Option<i64>,
        change: impl Fn(&WriteTx<'_>, &Ctx, Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let ctx = ctx.clone();
        let changed = self
            .store
            .write(move |tx| -> Result<T> {
                let changed = change(tx, &ctx, find_unchanged(tx, &ctx, &id, version)?)?;
                connections::note_change(tx, &id)?;
                Ok(changed)
            })
            .await?;
        self.connections.forget();
        Ok(changed)
    }

    pub async fn update_connection(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        mut change: SettingsChange,
        metadata: Option<MetadataInput>,
        version: Option<i64>,
    ) -> Result<ConnectionView> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        change.check(ctx)?;
        self.check_logout(&mut change)?;
        let read = match &metadata {
            Some(input) => Some(match self.read_metadata(input, ctx.now).await {
                Err(Error::Invalid(invalid)) => return Err(self.tell_inside(ctx, invalid).await?.into()),
                read => read?,
            }),
            None => None,
        };
        self.change_connection(ctx, id, version, move |tx, ctx, mut connection| {
            edit(tx, ctx, &mut connection, &change, |settings| {
                if let Some(read) = &read {
                    take_over(settings, read);
                    settings.watch_metadata = read.metadata_url.is_some();
                }
                change.apply(settings);
            })?;
            if let Some(read) = &read {
                trust_metadata(tx, ctx, &connection, &read.certificates)?;
                if read.metadata_url.is_some() {
                    connections::update_metadata_read(tx, &connection.id, ctx.now, None, read.seen().as_ref())?;
                }
            }
            view(tx, connection, ctx.now)
        })
        .await
    }
}
