//! Single logout, both ways. A person who signs out here is signed out here first, whatever the identity provider does;
//! a request of the identity provider ends all the sessions it means in one transaction, and is always answered.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::loaded::Loaded;
use crate::app::refusals::{RefusedSignIn, Refusing};
use crate::app::sessions::{SignedIn, Visitor, end_own};
use crate::app::sign_in::Go;
use crate::app::trace;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::connection::{Binding, ExpiredCertificates, Revision, SamlSettings};
use crate::model::email::Email;
use crate::model::id::{ConnectionId, SessionId};
use crate::model::logout::{Logout, Outcome, PendingLogout, ProviderSession};
use crate::model::session::Method;
use crate::model::time::Timestamp;
use crate::saml::error::{Error as SamlError, sentence};
use crate::saml::logout::{self, Answer, Examined, Expected, Kind, LogoutRequest, Received};
use crate::saml::logout_message::{Message, Status};
use crate::store::{ReadTx, WriteTx, audit, connections, members, sessions, sign_ins};

const COOKIE: &str = "cookie|logout|1";

/// The way to the identity provider, after the session here has ended.
#[derive(Debug)]
pub struct StartedLogout {
    /// What people call the connection.
    pub name: String,
    pub go: Go,
    /// What this browser has to remember meanwhile, sealed.
    pub pending: String,
}

/// What a browser brought to the single logout address.
#[derive(Debug, Clone, Copy)]
pub enum Brought<'a> {
    /// As it came, undecoded.
    Query(&'a str),
    Form(&'a [(String, String)]),
}

#[derive(Debug)]
pub enum HandledLogout {
    /// The identity provider asked; the browser takes our answer back.
    Answer {
        name: String,
        go: Go,
        refused: Option<String>,
    },
    /// It asked, and has no address for answers.
    Ended,
    /// It answered us: the outcome for the next page, sealed, if it is known now.
    Returned {
        outcome: Option<String>,
        refused: Option<String>,
    },
    Refused(Box<RefusedSignIn>),
}

impl App {
    /// Signs the caller out here and, where the connection says so, leads on to sign them out at the identity provider. The
    /// first never fails because of the second.
    pub async fn sign_out_with_provider(&self, me: &SignedIn, visitor: &Visitor) -> Result<Option<StartedLogout>> {
        let (ctx, session) = (me.ctx(visitor), me.session.id.clone());
        let ended: Option<Option<ProviderSession>> = self
            .store
            .write(move |tx| {
                let named = sessions::find_provider_session(tx, &ctx.organization, &session)?;
                Ok::<_, Error>(end_own(tx, &ctx, &session)?.then_some(named))
            })
            .await?;
        let (Method::Saml(id), Some(Some(session))) = (&me.session.method, ended) else { return Ok(None) };
        match self.ask_provider(id, &session, visitor.now).await {
            Ok(started) => Ok(started),
            Err(error) => {
                tracing::warn!(connection.id = %id, error = &error as &dyn std::error::Error, "A sign-out stays here: the request to the identity provider could not be made");
                Ok(None)
            }
        }
    }

    async fn ask_provider(
        &self,
        id: &ConnectionId,
        session: &ProviderSession,
        now: Timestamp,
    ) -> Result<Option<StartedLogout>> {
        let loaded = self.load_connection(id).await?;
        let connection = &loaded.connection;
        let Some(settings) = connection.live().map(|live| &live.settings) else { return Ok(None) };
        let Some(slo_url) = settings.slo_url.as_ref().filter(|_| settings.logout == Logout::Global) else {
            return Ok(None);
        };
        let message = Message::request(slo_url, &connection.entity_id, session, now);
        let pending = PendingLogout {
            request: message.id.clone(),
            connection: id.clone(),
            name: connection.name.clone(),
            began_at: now,
            outcome: Outcome::Waiting,
        };
        Ok(Some(StartedLogout {
            name: connection.name.clone(),
            go: carry(&loaded, settings.slo_binding, &message, None)?,
            pending: self.seal_logout(&pending)?,
        }))
    }

    fn seal_logout(&self, pending: &PendingLogout) -> Result<String> {
        let text = serde_json::to_vec(pending).map_err(Error::internal)?;
        Ok(self.vault.seal(COOKIE, &text))
    }

    /// What this browser remembers of a sign-out; what we did not seal is nothing.
    pub fn open_logout(&self, sealed: &str) -> Option<PendingLogout> {
        serde_json::from_slice(&self.vault.open(COOKIE, sealed).ok()?).ok()
    }

    /// A message of the identity provider about signing out.
    pub async fn receive_logout(
        &self,
        visitor: &Visitor,
        id: &ConnectionId,
        brought: Brought<'_>,
        pending: Option<PendingLogout>,
    ) -> Result<HandledLogout> {
        let loaded = self.load_connection(id).await?;
        let received = match brought {
            Brought::Query(raw) => Received::from_query(raw),
            Brought::Form(fields) => Received::from_form(fields),
        };
        let received = match received {
            Ok(received) => received,
            // Nobody sent anything: whoever opened the address is told so, and nothing is written.
            Err(error @ SamlError::NoMessage) => {
                return Ok(HandledLogout::Refused(Box::new(RefusedSignIn {
                    code: error.logout_code().to_owned(),
                    reference: None,
                    connection: Some(loaded.connection.clone()),
                    email: None,
                })));
            }
            Err(error) => return self.turn_away(visitor, &loaded, refusing(&error)).await,
        };
        let Some(revision) = loaded.connection.live().cloned() else {
            let status = loaded.connection.status.as_str().to_owned();
            let mut refusing = Refusing::plain("connection_inactive", Some(status));
            refusing.is_logout = true;
            return self.turn_away(visitor, &loaded, refusing).await;
        };
        match received.kind() {
            Kind::Request => self.obey(visitor, &loaded, &revision, &received).await,
            Kind::Response => self.take_answer(visitor, &loaded, &revision, &received, pending).await,
        }
    }

    async fn turn_away(&self, visitor: &Visitor, loaded: &Loaded, refusing: Refusing) -> Result<HandledLogout> {
        self.log_refusal(visitor, loaded, refusing, None).await.map(HandledLogout::Refused)
    }

    async fn obey(
        &self,
        visitor: &Visitor,
        loaded: &Arc<Loaded>,
        revision: &Revision,
        received: &Received,
    ) -> Result<HandledLogout> {
        let slo_url = loaded.connection.slo_url();
        let expected = expected(&slo_url, &revision.settings, visitor.now);
        let examined = logout::request(received, loaded.pinned_for(revision), &loaded.decryption, &expected);
        let request = match examined.result {
            Ok(request) => request,
            Err(ref error) => {
                let status = match error {
                    SamlError::Undecryptable => Status::Responder,
                    _ => Status::Requester,
                };
                let refusing = refusing_of(error, &examined, received);
                let refused = self.log_refusal(visitor, loaded, refusing, None).await?;
                // The identity provider did ask, and waits with every other application: it is told.
                return match &examined.sent_to_us {
                    Some(id) => answer(loaded, &revision.settings, received, (id, status), Some(*refused), visitor.now),
                    None => Ok(HandledLogout::Refused(refused)),
                };
            }
        };
        let id = request.id.clone();
        let ended = match self.find_used(loaded, &request).await? {
            Some(at) => Ended::Replayed(at),
            None => {
                let meant = self.find_meant(loaded, revision, &request).await?;
                let (visitor, loaded, revision) = (visitor.clone(), Arc::clone(loaded), revision.clone());
                let ending = Ending { visitor, loaded, revision, request, meant };
                self.store.write(move |tx| ending.run(tx)).await?
            }
        };
        let refused = match ended {
            Ended::All => {
                return answer(loaded, &revision.settings, received, (&id, Status::Success), None, visitor.now);
            }
            Ended::Replayed(at) => Refusing::plain("saml_logout_replay", Some(at.minute())),
            Ended::Inactive => Refusing::plain("connection_inactive", Some("disabled".to_owned())),
        };
        let refusing = Refusing {
            is_verified: true,
            is_logout: true,
            certificate: examined.certificate_sha256,
            trace: Some(trace::of_message(&examined.checks, received.redacted_xml())),
            ..refused
        };
        self.turn_away(visitor, loaded, refusing).await
    }

    /// When this request was used before: one that is sent again and again costs a look, no search for sessions. Whether it is
    /// used now is decided where it is used up.
    async fn find_used(&self, loaded: &Loaded, request: &LogoutRequest) -> Result<Option<Timestamp>> {
        let (connection, used) = (loaded.connection.id.clone(), used_id(request));
        self.store.read(move |tx| sign_ins::consumed_at(tx, &connection, &used).map_err(Error::from)).await
    }

    /// The sessions that the request means. Whom a NameID names is mostly whom the connection knows by it; where an attribute
    /// names people, or the NameID is another each time, all sessions of the connection are looked at.
    async fn find_meant(
        &self,
        loaded: &Loaded,
        revision: &Revision,
        request: &LogoutRequest,
    ) -> Result<Vec<SessionId>> {
        let connection = loaded.connection.id.clone();
        let issuer = revision.settings.idp_entity_id.clone().unwrap_or_default();
        let format = request.name_id.format.as_deref().and_then(|format| format.rsplit(':').next());
        let is_subject = revision.settings.attributes.user_id.is_none() && format != Some("transient");
        let is_meant = |(_, named): &(_, ProviderSession)| named.is_meant(&request.name_id, &request.indexes);
        let name = request.name_id.value.clone();
        let mut found = Vec::new();
        if is_subject {
            let (connection, name) = (connection.clone(), name.clone());
            let by_subject = move |tx: &ReadTx<'_>| {
                let address = Email::parse(&name);
                let subjects = [name.as_str(), address.as_ref().map_or(name.as_str(), Email::normal)];
                sessions::list_by_subject(tx, &connection, &issuer, &name, subjects).map_err(Error::from)
            };
            found = self.store.read(by_subject).await?;
        }
        if found.is_empty() {
            let organization = loaded.connection.organization.clone();
            let by_name = move |tx: &ReadTx<'_>| {
                sessions::list_by_name_id(tx, &organization, &connection, &name).map_err(Error::from)
            };
            found = self.store.read_slowly(by_name).await?;
        }
        Ok(found.into_iter().filter(is_meant).map(|(id, _)| id).collect())
    }

    async fn take_answer(
        &self,
        visitor: &Visitor,
        loaded: &Loaded,
        revision: &Revision,
        received: &Received,
        pending: Option<PendingLogout>,
    ) -> Result<HandledLogout> {
        let mine = pending.filter(|mine| mine.connection == loaded.connection.id && mine.is_open(visitor.now));
        let Some(mut mine) = mine else {
            let error =
                SamlError::UnknownRequest { received: "a request that doesn't wait in this browser".to_owned() };
            return self.turn_away(visitor, loaded, refusing(&error)).await;
        };
        let slo_url = loaded.connection.slo_url();
        let expected = expected(&slo_url, &revision.settings, visitor.now);
        let examined = logout::response(received, loaded.pinned_for(revision), &mine.request, &expected);
        let mut is_final = true;
        let refused = match &examined.result {
            Ok(Answer::SignedOut) => {
                mine.outcome = Outcome::Confirmed;
                None
            }
            Ok(Answer::Partly) => {
                mine.outcome = Outcome::Partly;
                None
            }
            Err(error) => {
                let refusing = refusing_of(error, &examined, received);
                let code = refusing.code.clone();
                self.log_refusal(visitor, loaded, refusing, None).await?;
                mine.outcome = Outcome::Unconfirmed;
                // What nobody signed, or what answers somebody else, decides nothing: the true answer may still come.
                is_final = examined.sent_to_us.is_some() && !matches!(error, SamlError::UnknownRequest { .. });
                Some(code)
            }
        };
        if refused.is_none() {
            self.note_confirmed(loaded, &revision.settings, visitor.now).await;
        }
        let outcome = is_final.then(|| self.seal_logout(&mine)).transpose()?;
        Ok(HandledLogout::Returned { outcome, refused })
    }

    /// The provider does take sign-outs at this address: admins are no longer told that nobody has tried. The person is
    /// signed out either way.
    async fn note_confirmed(&self, loaded: &Loaded, settings: &SamlSettings, now: Timestamp) {
        let (id, Some(url)) = (loaded.connection.id.clone(), settings.slo_url.clone()) else { return };
        if !loaded.notes_use(&url, now) {
            return;
        }
        let noted = self
            .store
            .write(move |tx| connections::update_logout_confirmed(tx, &id, &url, now).map_err(Error::from))
            .await;
        if let Err(error) = noted {
            tracing::warn!(connection.id = %loaded.connection.id, error = &error as &dyn std::error::Error, "A confirmed sign-out could not be noted");
        }
    }
}

fn expected<'a>(slo_url: &'a str, settings: &'a SamlSettings, now: Timestamp) -> Expected<'a> {
    Expected {
        slo_url,
        idp_entity_id: settings.idp_entity_id.as_deref().unwrap_or_default(),
        refuses_expired_certificates: settings.expired_certificates == ExpiredCertificates::Refuse,
        clock_skew: Duration::from_secs(u64::from(settings.clock_skew)),
        now,
    }
}

fn refusing(error: &SamlError) -> Refusing {
    let code = error.logout_code();
    // Many things can be wrong with a signature; the sentence says which.
    let received = if code == "saml_logout_signature" { Some(sentence(&error.to_string())) } else { error.received() };
    let mut refusing = Refusing::plain(code, received);
    refusing.expected = error.expected();
    refusing.is_logout = true;
    refusing
}

fn refusing_of<T>(error: &SamlError, examined: &Examined<T>, received: &Received) -> Refusing {
    Refusing {
        is_verified: examined.certificate_sha256.is_some(),
        certificate: examined.certificate_sha256.clone(),
        trace: Some(trace::of_message(&examined.checks, received.redacted_xml())),
        ..refusing(error)
    }
}

/// The LogoutResponse, to where the identity provider takes it. Its RelayState goes back as it came,
/// save where the request is refused: nobody vouches for it then.
fn answer(
    loaded: &Loaded,
    settings: &SamlSettings,
    received: &Received,
    (id, status): (&str, Status),
    refused: Option<RefusedSignIn>,
    now: Timestamp,
) -> Result<HandledLogout> {
    let Some(url) = settings.slo_response_url.as_ref().or(settings.slo_url.as_ref()) else {
        return Ok(refused.map_or(HandledLogout::Ended, |refused| HandledLogout::Refused(Box::new(refused))));
    };
    let code = refused.map(|refused| refused.code);
    let message = Message::response(url, &loaded.connection.entity_id, id, status, code.as_deref(), now);
    let relay_state = received.relay_state().filter(|_| code.is_none());
    let go = carry(loaded, settings.slo_binding, &message, relay_state)?;
    Ok(HandledLogout::Answer { name: loaded.connection.name.clone(), go, refused: code })
}

fn carry(loaded: &Loaded, binding: Binding, message: &Message, relay_state: Option<&str>) -> Result<Go> {
    match binding {
        Binding::Redirect => Ok(Go::Redirect(message.redirect_url(relay_state, &loaded.signer))),
        Binding::Post => {
            let certificate = loaded.certificates.first().map(|own| own.der.as_slice()).unwrap_or_default();
            let signed = message.post_form(&loaded.signer, certificate).map_err(Error::internal)?;
            let mut fields = vec![(message.field(), signed)];
            fields.extend(relay_state.map(|text| ("RelayState", text.to_owned())));
            Ok(Go::Post { url: message.destination().to_owned(), fields })
        }
    }
}

/// What is remembered of a request that was used. Assertions have ids of their own making.
fn used_id(request: &LogoutRequest) -> String {
    format!("logout {}", request.id)
}

/// The transaction of one request: used once, and every session that it means.
struct Ending {
    visitor: Visitor,
    loaded: Arc<Loaded>,
    revision: Revision,
    request: LogoutRequest,
    meant: Vec<SessionId>,
}

enum Ended {
    All,
    Replayed(Timestamp),
    Inactive,
}

impl Ending {
    fn run(&self, tx: &WriteTx<'_>) -> Result<Ended> {
        let (connection, now) = (&self.loaded.connection, self.visitor.now);
        if connections::find_live(tx, &connection.id)?.is_none_or(|(revision, _)| revision != self.revision.id) {
            return Ok(Ended::Inactive);
        }
        let used = used_id(&self.request);
        if !sign_ins::consume(tx, &connection.id, &used, now, self.request.valid_until)? {
            return Ok(Ended::Replayed(sign_ins::consumed_at(tx, &connection.id, &used)?.unwrap_or(now)));
        }
        let actor = Actor::Connection { id: connection.id.clone(), name: connection.name.clone() };
        let ctx = self.visitor.ctx(&connection.organization, actor);
        let mut ended = 0;
        for id in &self.meant {
            let Some(session) = sessions::find(tx, &connection.organization, id)? else { continue };
            sessions::delete(tx, &session.organization, id)?;
            // What had run out by itself waited only to be swept.
            if session.is_alive(now) {
                let member = members::find(tx, &session.organization, &session.member)?;
                let name = member.map_or_else(String::new, |member| member.email.as_str().to_owned());
                ended += 1;
                event(tx, &ctx, Target::new("session", id, name), None)?;
            }
        }
        if ended == 0 {
            // Told, so that an admin who wonders sees whom the provider meant.
            let whom = self.request.name_id.value.chars().take(200).collect();
            event(tx, &ctx, Target::new("connection", &connection.id, &connection.name), Some(whom))?;
        }
        Ok(Ended::All)
    }
}

fn event(tx: &WriteTx<'_>, ctx: &Ctx, target: Target, nobody: Option<String>) -> Result<()> {
    let mut event = NewEvent::new(Action::ProviderSignedOut, target);
    if let Some(whom) = nobody {
        event = event.change("who", serde_json::Value::Null, whom).change("sessions", serde_json::Value::Null, 0);
    }
    audit::insert(tx, ctx, &event)?;
    Ok(())
}
