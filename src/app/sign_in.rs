//! Signing in through a connection: out to the identity provider, back with its answer, and the one transaction that
//! makes a session of it, or a refusal that explains itself.

use std::sync::Arc;

use crate::app::App;
use crate::app::arrived::{Arrived, arrived, verify};
use crate::app::error::{Error, Result};
use crate::app::granting;
use crate::app::loaded::Loaded;
use crate::app::provision;
use crate::app::refusals::{RefusedSignIn, Refusing};
use crate::app::seats;
use crate::app::second_opinion;
use crate::app::sessions::{AtProvider, NewSession, Visitor, begin};
use crate::app::trace;
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::connection::{Binding, Connection, Revision, Status};
use crate::model::id::{ConnectionId, MemberId, SignInId, TestId};
use crate::model::member::Member;
use crate::model::session::Method;
use crate::model::sign_in::{Decision, PATIENCE, Pending, Purpose, Refused, SignIn, Trace, decide, return_path};
use crate::model::time::{Timestamp, days, hours, minutes};
use crate::saml::error::brief;
use crate::saml::redirect;
use crate::saml::request::AuthnRequest;
use crate::saml::response::{Examination, Received};
use crate::store::{WriteTx, audit, certificates, connection_keys, connections, members, sign_ins};

/// Where the browser goes next, and what it has to remember meanwhile.
#[derive(Debug)]
pub struct Started {
    pub connection: Connection,
    pub go: Go,
    /// Name of the pending sign-in among this browser's, and its sealed content.
    pub pending: (String, String),
}

#[derive(Debug)]
pub enum Go {
    Redirect(String),
    /// The provider takes only the POST binding: a page with this form.
    Post {
        url: String,
        fields: Vec<(&'static str, String)>,
    },
}

#[derive(Debug)]
pub enum Finished {
    SignedIn { session: NewSession, return_to: String, request: Option<String> },
    Tested { connection: ConnectionId, test: TestId, links: bool },
    Refused(Box<RefusedSignIn>),
}

fn pending_place(name: &str) -> String {
    format!("cookie|pending|{name}")
}

impl App {
    /// Sends a browser to the provider of an active connection.
    pub async fn start_sign_in(&self, id: &ConnectionId, return_to: &str, now: Timestamp) -> Result<Started> {
        let loaded = self.load_connection(id).await?;
        let Some(revision) = loaded.connection.live() else {
            let text = "This connection isn't turned on. Choose another way to sign in.";
            return Err(Error::refused("connection_inactive", text));
        };
        self.start(&loaded, revision, Purpose::SignIn, return_path(return_to), now)
    }

    /// Sends a browser to the provider for a Test SSO, by the test's own link. `me` is who is signed in there: only
    /// whose test it is may link what it shows, or a link sent to somebody else would bind that person to the sender.
    pub async fn start_test_sign_in(
        &self,
        id: &ConnectionId,
        secret: &str,
        links: bool,
        me: Option<&MemberId>,
        now: Timestamp,
    ) -> Result<Started> {
        let hash = token::hash(secret);
        let found = self.store.read(move |tx| sign_ins::find_test_by_token(tx, &hash).map_err(Error::from)).await?;
        let test = found.filter(|test| {
            test.connection == *id
                && test.status == crate::model::connection::TestStatus::Waiting
                && now < test.expires_at
        });
        let test = test.ok_or(Error::NotFound("test"))?;
        let loaded = self.load_connection(id).await?;
        let revision = loaded.connection.revision(&test.revision).ok_or(Error::NotFound("test"))?;
        let is_own = test.member.is_some() && test.member.as_deref() == me.map(MemberId::as_str);
        let purpose = match (links, is_own) {
            (true, true) => Purpose::Link(test.id),
            (true, false) => return Err(Error::NotFound("test")),
            (false, true) => Purpose::OwnTest(test.id),
            (false, false) => Purpose::Test(test.id),
        };
        self.start(&loaded, revision, purpose, "/", now)
    }

    fn start(
        &self,
        loaded: &Loaded,
        revision: &Revision,
        purpose: Purpose,
        return_to: &str,
        now: Timestamp,
    ) -> Result<Started> {
        let connection = &loaded.connection;
        let Some(sso_url) = &revision.settings.sso_url else {
            return Err(Error::conflict(
                "connection_incomplete",
                "The SSO URL is missing. Add the provider's metadata first.",
            ));
        };
        let request = AuthnRequest::new(sso_url, &connection.acs_url, &connection.entity_id, now);
        let go = match revision.settings.sso_binding {
            Binding::Redirect => Go::Redirect(request.redirect_url(sso_url, None, &loaded.signer)),
            Binding::Post => {
                let certificate =
                    loaded.certificates.first().map(|certificate| certificate.der.as_slice()).unwrap_or_default();
                let signed = request.post_form(&loaded.signer, certificate).map_err(Error::internal)?;
                Go::Post { url: sso_url.clone(), fields: vec![(redirect::REQUEST, signed)] }
            }
        };
        let pending = Pending {
            request: request.id,
            connection: connection.id.clone(),
            revision: revision.id.clone(),
            purpose,
            return_to: return_to.to_owned(),
            started_at: now,
        };
        let name: String = pending.request.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        let text = serde_json::to_vec(&pending).map_err(Error::internal)?;
        let sealed = self.vault.seal(&pending_place(&name), &text);
        Ok(Started { connection: connection.clone(), go, pending: (name, sealed) })
    }

    /// Reads the pending sign-ins that a browser brought; what we did not seal is none.
    pub fn open_pending(&self, cookies: &[(String, String)]) -> Vec<Pending> {
        let open = |(name, sealed): &(String, String)| {
            let text = self.vault.open(&pending_place(name), sealed).ok()?;
            serde_json::from_slice(&text).ok()
        };
        cookies.iter().filter_map(open).collect()
    }

    /// The provider's answer. Everything that is written happens in one transaction.
    pub async fn finish_saml(
        &self,
        visitor: &Visitor,
        id: &ConnectionId,
        response: &str,
        pending: Vec<Pending>,
    ) -> Result<Finished> {
        for _ in 0..TRIES {
            match self.try_saml(visitor, id, response, pending.clone()).await {
                // What it was verified by is not what holds by now: once more, by that.
                Err(Error::Changed) => self.connections.forget(),
                finished => return finished,
            }
        }
        Err(Error::Changed)
    }

    async fn try_saml(
        &self,
        visitor: &Visitor,
        id: &ConnectionId,
        response: &str,
        pending: Vec<Pending>,
    ) -> Result<Finished> {
        let loaded = self.load_connection(id).await?;
        let mine: Vec<Pending> = pending.into_iter().filter(|pending| pending.connection == *id).collect();
        let received = Received::decode(response);
        let hint = received.claimed_request().map(str::to_owned);
        // Where nothing is claimed in clear (an encrypted assertion in a bare response), the newest request is meant.
        let matched = match &hint {
            Some(hint) => mine.iter().find(|pending| pending.request == *hint),
            None => mine.iter().filter(|pending| pending.is_open(visitor.now)).max_by_key(|pending| pending.started_at),
        };
        let matched = matched.cloned();
        let connection = &loaded.connection;
        let revision = match &matched {
            Some(pending) if pending.purpose.test().is_some() => connection.revision(&pending.revision),
            _ => connection.live(),
        };
        let Some(revision) = revision.cloned() else {
            let status = Some(connection.status.as_str().to_owned());
            return self.refuse(visitor, &loaded, Refusing::plain("connection_inactive", status), None).await;
        };
        if let Some(pending) = matched.as_ref().filter(|pending| !pending.is_open(visitor.now)) {
            let begun = Some(pending.started_at.minute());
            return self.refuse(visitor, &loaded, Refusing::plain("sign_in_expired", begun), None).await;
        }
        let examination = verify(received, &loaded, &revision, matched.as_ref(), visitor.now);
        let examination = self.ask_second(examination, loaded.pinned_for(&revision)).await;
        let Some((pending, test)) = matched.as_ref().and_then(|pending| Some((pending, pending.purpose.test()?)))
        else {
            return self.finish_sign_in(visitor, &loaded, revision, matched, examination).await;
        };
        // An answer that names no request of ours says nothing about the test that waits in this browser.
        match &examination.result {
            Ok(assertion) if assertion.in_response_to.is_none() => {
                return Box::pin(self.try_saml(visitor, id, response, Vec::new())).await;
            }
            Err(_) if hint.is_none() => {
                return self.finish_sign_in(visitor, &loaded, revision, None, examination).await;
            }
            _ => {}
        }
        self.finish_test(visitor, &loaded, &revision, test.clone(), &pending.purpose, examination).await
    }

    async fn finish_sign_in(
        &self,
        visitor: &Visitor,
        loaded: &Arc<Loaded>,
        revision: Revision,
        pending: Option<Pending>,
        examination: Examination,
    ) -> Result<Finished> {
        let arrived = match arrived(examination, &revision, &loaded.mappings) {
            Ok(arrived) => arrived,
            Err(refusing) => return self.refuse(visitor, loaded, *refusing, None).await,
        };
        let pending = pending.filter(|pending| arrived.assertion.in_response_to.as_ref() == Some(&pending.request));
        let keeps_trace = arrived.difference().is_some() && self.differing.allows(&loaded.connection.id, visitor.now);
        let kept = keeps_trace
            .then(|| (token::reference(), trace::without_person(arrived.trace(&revision.settings.attributes))));
        let entering = Arc::new(Entering {
            visitor: visitor.clone(),
            loaded: Arc::clone(loaded),
            revision,
            arrived,
            pending,
            token: token::session(),
            kept,
        });
        let job = Arc::clone(&entering);
        match self.store.write(move |tx| job.run(tx)).await? {
            Outcome::Entered(member) => {
                let pending = entering.pending.as_ref();
                Ok(Finished::SignedIn {
                    session: NewSession { token: entering.token.clone(), member },
                    // An unsolicited answer lands on a fixed page: RelayState is the sender's word.
                    return_to: pending.map_or_else(|| "/".to_owned(), |pending| pending.return_to.clone()),
                    request: pending.map(|pending| pending.request.clone()),
                })
            }
            Outcome::Outdated => Err(Error::Changed),
            Outcome::Refused { code, received, expected, member } => {
                let arrived = &entering.arrived;
                let mut refusing = Refusing::plain(code, received);
                refusing.expected = expected;
                refusing.is_verified = true;
                refusing.who = arrived.who();
                refusing.certificate = Some(arrived.assertion.certificate_sha256.clone());
                refusing.trace = Some(arrived.trace(&entering.revision.settings.attributes));
                self.refuse(visitor, loaded, refusing, member.map(|member| *member)).await
            }
        }
    }
}

/// So often an answer is verified, where certificates or mappings change between that and what it leads to.
const TRIES: usize = 3;

enum Outcome {
    Entered(crate::model::id::MemberId),
    /// A certificate or a mapping was changed since the answer was verified. Nothing was written.
    Outdated,
    Refused {
        code: &'static str,
        received: Option<String>,
        expected: Option<String>,
        member: Option<Box<Member>>,
    },
}

impl Outcome {
    fn refused(code: &'static str, received: Option<String>) -> Self {
        Self::Refused { code, received, expected: None, member: None }
    }
}

/// The transaction of one sign-in: used once, decided, entered.
struct Entering {
    visitor: Visitor,
    loaded: Arc<Loaded>,
    revision: Revision,
    arrived: Arrived,
    pending: Option<Pending>,
    token: String,
    /// Where the second opinion differs: the trace, and the reference that leads to it.
    kept: Option<(String, Trace)>,
}

impl Entering {
    fn run(&self, tx: &WriteTx<'_>) -> Result<Outcome> {
        let (now, arrived, connection) = (self.visitor.now, &self.arrived, &self.loaded.connection);
        let live = connections::find_live(tx, &connection.id)?.filter(|(revision, _)| *revision == self.revision.id);
        let Some((_, changes)) = live else {
            return Ok(Outcome::refused("connection_inactive", Some(Status::Disabled.as_str().to_owned())));
        };
        if changes != self.loaded.changes {
            return Ok(Outcome::Outdated);
        }
        if let Some(used_at) = self.use_up(tx)? {
            return Ok(Outcome::refused("saml_replay", Some(used_at.minute())));
        }
        let kept = self.tell_difference(tx)?;
        let ctx = self.ctx(None);
        let (known, identity) = provision::known(tx, connection, &arrived.arrival)?;
        let mut member = match decide(&self.revision.settings, &arrived.arrival, &known) {
            Decision::Enter(_) => known.linked.ok_or(Error::NotFound("member"))?,
            Decision::Join(id) => {
                let mut found = known.provisioned.map(|one| one.member).into_iter().chain(known.same_address);
                let member = found.find(|member| member.id == id).ok_or(Error::NotFound("member"))?;
                provision::link(tx, &ctx, connection, &member, &arrived.arrival)?;
                member
            }
            Decision::Create => {
                if let Some(seats) = seats::find_full(tx, &connection.organization)? {
                    return Ok(Outcome::Refused {
                        code: "seats_full",
                        received: Some(seats.taken.to_string()),
                        expected: Some(seats.all.to_string()),
                        member: None,
                    });
                }
                match provision::create(
                    tx,
                    &ctx,
                    connection,
                    &self.revision.settings,
                    &arrived.arrival,
                    &arrived.profile,
                )? {
                    Some(member) => member,
                    None => return Ok(Outcome::refused("sso_no_role", None)),
                }
            }
            Decision::Refuse(refused) => {
                return Ok(self.refused(
                    refused,
                    known.linked.into_iter().chain(known.provisioned.map(|one| one.member)).chain(known.same_address),
                ));
            }
        };
        // Shown by the day, so an hour's sign-ins need not be written each.
        if let Some(identity) = identity.filter(|known| known.last_used_at.is_none_or(|at| now.since(at) > hours(1))) {
            members::update_identity_used(tx, &identity.id, now)?;
        }
        provision::refresh(tx, &ctx, connection, &mut member, &arrived.profile, &arrived.groups)?;
        let default = self.revision.settings.default_role;
        granting::refresh(tx, &ctx, connection, default, &self.loaded.mappings, &arrived.sent, &mut member)?;
        self.enter(tx, &member, kept)?;
        Ok(Outcome::Entered(member.id))
    }

    /// Marks the assertion and the request as used. Says when, if one of them was before.
    fn use_up(&self, tx: &WriteTx<'_>) -> Result<Option<Timestamp>> {
        let (id, now, assertion) = (&self.loaded.connection.id, self.visitor.now, &self.arrived.assertion);
        if !sign_ins::consume(tx, id, &assertion.id, now, assertion.valid_until)? {
            return Ok(Some(sign_ins::consumed_at(tx, id, &assertion.id)?.unwrap_or(now)));
        }
        let Some(pending) = &self.pending else { return Ok(None) };
        // Its time stands first: what is used in one minute then lies together in the table.
        let request = format!("{:012x}{}", pending.started_at.millis(), pending.request);
        if !sign_ins::consume(tx, id, &request, now, pending.started_at + PATIENCE + minutes(5))? {
            return Ok(Some(sign_ins::consumed_at(tx, id, &request)?.unwrap_or(now)));
        }
        Ok(None)
    }

    fn ctx(&self, member: Option<&Member>) -> Ctx {
        let actor = match member {
            Some(member) => Actor::Member { id: member.id.clone(), name: member.email.as_str().to_owned() },
            None => {
                Actor::Connection { id: self.loaded.connection.id.clone(), name: self.loaded.connection.name.clone() }
            }
        };
        self.visitor.ctx(&self.loaded.connection.organization, actor)
    }

    fn refused(&self, refused: Refused, mut known: impl Iterator<Item = Member>) -> Outcome {
        let code = refused.code();
        let member = match &refused {
            Refused::Deactivated(id) | Refused::AccountExists(id) => known.find(|member| member.id == *id),
            _ => None,
        };
        let received = match &refused {
            Refused::AccountExists(_) => Some(self.arrived.arrival.subject.clone()),
            Refused::NoRole => Some(self.arrived.groups.join(", ")),
            Refused::Deactivated(_) => Some("An admin".to_owned()),
            Refused::NoAddress => self.arrived.assertion.name_id.as_ref().map(|name_id| brief(name_id.value.clone())),
            _ => None,
        };
        let expected = match &refused {
            Refused::Deactivated(_) => member.as_ref().and_then(|member| member.deactivated_at).map(Timestamp::minute),
            _ => None,
        };
        Outcome::Refused { code, received, expected, member: member.map(Box::new) }
    }

    fn enter(&self, tx: &WriteTx<'_>, member: &Member, kept: Option<&(String, Trace)>) -> Result<()> {
        let (now, assertion) = (self.visitor.now, &self.arrived.assertion);
        let method = Method::Saml(self.loaded.connection.id.clone());
        let at_provider = AtProvider {
            name_id: assertion.name_id.as_ref(),
            index: assertion.session_index.as_deref(),
            ends_at: assertion.session_not_on_or_after,
        };
        let session = begin(tx, &self.visitor, member, method, &self.token, at_provider)?;
        let sign_in = SignIn {
            id: SignInId::of(&session.id),
            connection: self.loaded.connection.id.clone(),
            at: now,
            code: None,
            received: None,
            expected: None,
            member: Some(member.id.clone()),
            who: Some(member.email.as_str().to_owned()),
            reference: kept.map(|(reference, _)| reference.clone()),
            certificate_sha256: Some(assertion.certificate_sha256.clone()),
            trace: kept.map(|(_, trace)| trace.clone()),
        };
        sign_ins::insert(tx, &self.loaded.connection.organization, &sign_in, true)?;
        if self.loaded.notes_use(&assertion.certificate_sha256, now) {
            certificates::update_used(tx, &self.loaded.connection.id, &assertion.certificate_sha256, now)?;
        }
        let opened = assertion.decrypted_by.and_then(|at| self.loaded.our_keys.get(at));
        if let Some(key) = opened.filter(|key| self.loaded.notes_use(key, now)) {
            connection_keys::update_opened(tx, &self.loaded.connection.id, key, now)?;
        }
        let ctx = self.ctx(Some(member));
        let event = NewEvent::new(Action::SignedIn, Target::new("session", &session.id, member.email.as_str()));
        audit::insert(
            tx,
            &ctx,
            &event.change("connection", serde_json::Value::Null, self.loaded.connection.name.clone()),
        )?;
        self.tell_expired_certificate(tx)
    }

    /// The two verifiers differ and the sign-in goes on: somebody is told, and of the first ones the trace is kept.
    fn tell_difference(&self, tx: &WriteTx<'_>) -> Result<Option<&(String, Trace)>> {
        let Some(theirs) = self.arrived.difference() else { return Ok(None) };
        let kept = match &self.kept {
            Some(kept) if !sign_ins::has_reference(tx, &kept.0)? => Some(kept),
            _ => None,
        };
        let reference = kept.map(|(reference, _)| reference.as_str());
        second_opinion::alarm(tx, &self.ctx(None), &self.loaded.connection, theirs, false, reference)?;
        Ok(kept)
    }

    /// A provider that signs with an ended certificate is let through, and somebody is told once a day.
    fn tell_expired_certificate(&self, tx: &WriteTx<'_>) -> Result<()> {
        let (id, now, assertion) = (&self.loaded.connection.id, self.visitor.now, &self.arrived.assertion);
        if assertion.certificate_expired
            && certificates::mark_alarmed(tx, id, &assertion.certificate_sha256, now, now - days(1))?
        {
            let event = NewEvent::new(
                Action::CertificateExpiredUsed,
                Target::new("connection", id, &self.loaded.connection.name),
            );
            let event = event.level(Level::Alarm).change(
                "certificate",
                serde_json::Value::Null,
                assertion.certificate_sha256.clone(),
            );
            audit::insert(tx, &self.ctx(None), &event)?;
        }
        Ok(())
    }
}
