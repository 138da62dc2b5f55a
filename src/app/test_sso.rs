//! Test SSO: the whole way to the provider and back, without a session at the end. It shows what came and what a real
//! sign-in would make of it.

use std::sync::Arc;

use crate::app::App;
use crate::app::access;
use crate::app::arrived::{Arrived, arrived};
use crate::app::connections::{settings_hash, target};
use crate::app::error::{Error, Result};
use crate::app::granting;
use crate::app::loaded::Loaded;
use crate::app::provision;
use crate::app::seats;
use crate::app::second_opinion;
use crate::app::sessions::{SignedIn, Visitor};
use crate::app::sign_in::Finished;
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, NewEvent};
use crate::model::connection::{Connection, Revision, Test, TestStatus};
use crate::model::id::{ConnectionId, IdentityId, TestId};
use crate::model::link;
use crate::model::member::Identity;
use crate::model::role::Permission;
use crate::model::sign_in::{Decision, Purpose, Refused, decide};
use crate::model::time::minutes;
use crate::saml::response::Examination;
use crate::store::{WriteTx, audit, certificates, connections, members, sign_ins};

impl App {
    /// A test of what an edit would turn on. The URL is for one browser and 15 minutes.
    pub async fn start_test(&self, ctx: &Ctx, id: ConnectionId) -> Result<(Test, String)> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        self.begin_test(ctx, id, Connection::editable).await
    }

    async fn begin_test(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        choose: fn(&Connection) -> Option<&Revision>,
    ) -> Result<(Test, String)> {
        let secret = token::new(link::PREFIX);
        let (ctx, hash) = (ctx.clone(), token::hash(&secret));
        let url = self.urls.join(&format!("/sso/{id}/test/{secret}"));
        let test = self
            .store
            .write(move |tx| {
                let connection = connections::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let revision = choose(&connection).ok_or(Error::NotFound("connection"))?;
                let is_ready = revision.settings.idp_entity_id.is_some() && revision.settings.sso_url.is_some();
                if !is_ready || certificates::list(tx, &id)?.is_empty() {
                    let text = "There is nothing to test yet. Add the identity provider's metadata first.";
                    return Err(Error::conflict("connection_incomplete", text));
                }
                let test = Test {
                    id: TestId::new(),
                    connection: id.clone(),
                    revision: revision.id.clone(),
                    settings_hash: settings_hash(&revision.settings),
                    status: TestStatus::Waiting,
                    code: None,
                    started_by: ctx.actor.name().to_owned(),
                    member: ctx.member_id().map(ToString::to_string),
                    created_at: ctx.now,
                    expires_at: ctx.now + minutes(15),
                    finished_at: None,
                    trace: None,
                    issuer: None,
                    subject: None,
                };
                sign_ins::insert_test(tx, &ctx.organization, &test, &hash)?;
                if let Some(member) = &test.member {
                    sign_ins::trim_waiting_tests(tx, member)?;
                }
                Ok::<_, Error>(test)
            })
            .await?;
        Ok((test, url))
    }

    /// A member links an account at a connection that is on to themselves: the same way out and back as a test.
    /// The name of the connection, and where the browser goes.
    pub async fn start_own_link(&self, me: &SignedIn, visitor: &Visitor, id: ConnectionId) -> Result<(String, String)> {
        if !me.session.is_recent(visitor.now) {
            let text = "To link a sign-in, sign out, sign in again and come back within 5 minutes.";
            return Err(Error::refused("sign_in_again", text));
        }
        let connections = self.list_active_connections(&me.organization.id).await?;
        let found = connections.into_iter().find(|connection| connection.id == id);
        let name = found.ok_or(Error::NotFound("connection"))?.name;
        // What is active: an admin's draft beside it concerns nobody else yet.
        let (_, url) = self.begin_test(&me.ctx(visitor), id, Connection::live).await?;
        Ok((name, format!("{url}?link=1")))
    }

    pub async fn find_test(&self, ctx: &Ctx, id: ConnectionId, test: TestId) -> Result<Test> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                sign_ins::find_test(tx, &id, &test)?.ok_or(Error::NotFound("test"))
            })
            .await
    }

    /// A test that the member ran for themselves, and the name of its connection.
    pub async fn find_own_test(&self, ctx: &Ctx, id: TestId) -> Result<(Test, String)> {
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let test = sign_ins::find_test_anywhere(tx, &ctx.organization, &id)?;
                let me = ctx.member_id().map(ToString::to_string);
                let test =
                    test.filter(|test| test.member.is_some() && test.member == me).ok_or(Error::NotFound("test"))?;
                let connection =
                    connections::find(tx, &ctx.organization, &test.connection)?.ok_or(Error::NotFound("connection"))?;
                Ok((test, connection.name))
            })
            .await
    }

    pub(super) async fn finish_test(
        &self,
        visitor: &Visitor,
        loaded: &Arc<Loaded>,
        revision: &Revision,
        id: TestId,
        purpose: &Purpose,
        examination: Examination,
    ) -> Result<Finished> {
        let (is_own, links) = (!matches!(purpose, Purpose::Test(_)), matches!(purpose, Purpose::Link(_)));
        let outcome = arrived(examination, revision, &loaded.mappings);
        let (visitor, loaded, revision) = (visitor.clone(), Arc::clone(loaded), revision.clone());
        let connection = loaded.connection.id.clone();
        let test_id = id.clone();
        self.store
            .write(move |tx| {
                let test = sign_ins::find_test(tx, &loaded.connection.id, &id)?.ok_or(Error::NotFound("test"))?;
                let mut done = Test { finished_at: Some(visitor.now), ..test };
                if !is_own {
                    done.member = None;
                }
                match &outcome {
                    Ok(arrived) => pass(tx, &visitor, &loaded, &revision, &mut done, arrived, links)?,
                    Err(refusing) => {
                        done.status = TestStatus::Failed;
                        done.code = Some(refusing.code.clone());
                        done.trace.clone_from(&refusing.trace);
                    }
                }
                // A test of settings that have changed meanwhile counts for what it ran against.
                done.settings_hash = settings_hash(&revision.settings);
                if sign_ins::finish_test(tx, &done)? {
                    let actor = Actor::Connection { id: loaded.connection.id.clone(), name: done.started_by.clone() };
                    let ctx = visitor.ctx(&loaded.connection.organization, actor);
                    let passed = done.status == TestStatus::Passed;
                    let event = NewEvent::new(
                        if passed { Action::TestPassed } else { Action::TestFailed },
                        target(&loaded.connection),
                    );
                    let event = match &done.code {
                        Some(code) => event.refused(code, None),
                        None => event,
                    };
                    audit::insert(tx, &ctx, &event)?;
                    let theirs = match &outcome {
                        Ok(arrived) => arrived.difference(),
                        Err(refusing) if refusing.code == second_opinion::CODE => refusing.received.as_deref(),
                        Err(_) => None,
                    };
                    if let Some(theirs) = theirs {
                        second_opinion::alarm(tx, &ctx, &loaded.connection, theirs, outcome.is_err(), None)?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(Finished::Tested { connection, test: test_id, links })
    }

    /// Links what a passed test showed to oneself: the way in for admins, who are never linked by address alone.
    pub async fn link_by_test(&self, me: &SignedIn, visitor: &Visitor, id: TestId) -> Result<()> {
        if !me.session.is_recent(visitor.now) {
            let text = "Sign in again, run the test and link it within 5 minutes.";
            return Err(Error::refused("sign_in_again", text));
        }
        let (ctx, member) = (me.ctx(visitor), me.member.clone());
        self.store
            .write(move |tx| {
                let test = sign_ins::find_test_anywhere(tx, &ctx.organization, &id)?;
                let test = test
                    .filter(|test| test.member.as_deref() == Some(member.id.as_str()))
                    .ok_or(Error::NotFound("test"))?;
                let (TestStatus::Passed, Some(issuer), Some(subject)) = (test.status, test.issuer, test.subject) else {
                    return Err(Error::conflict(
                        "test_not_passed",
                        "Only a test that passed shows who you are there. Run it again.",
                    ));
                };
                if test.finished_at.is_none_or(|at| ctx.now.since(at) > minutes(15)) {
                    return Err(Error::conflict("test_too_old", "This test is too old to link. Run it again."));
                }
                let connection =
                    connections::find(tx, &ctx.organization, &test.connection)?.ok_or(Error::NotFound("connection"))?;
                if let Some(identity) = members::find_identity(tx, &connection.id, &issuer, &subject)? {
                    if identity.member == member.id {
                        return Ok(());
                    }
                    let text =
                        "That account at the identity provider is linked to another member. Unlink it there first.";
                    return Err(Error::conflict("identity_taken", text));
                }
                let identity = Identity {
                    id: IdentityId::new(),
                    member: member.id.clone(),
                    connection: connection.id.clone(),
                    issuer,
                    subject,
                    created_at: ctx.now,
                    last_used_at: None,
                };
                members::insert_identity(tx, &ctx.organization, &identity)?;
                let event = NewEvent::new(Action::IdentityLinked, provision::target(&member));
                audit::insert(tx, &ctx, &event.change("connection", serde_json::Value::Null, connection.name))?;
                Ok(())
            })
            .await
    }
}

fn pass(
    tx: &WriteTx<'_>,
    visitor: &Visitor,
    loaded: &Loaded,
    revision: &Revision,
    done: &mut Test,
    arrived: &Arrived,
    links: bool,
) -> Result<()> {
    let connection = &loaded.connection;
    let assertion = &arrived.assertion;
    if !sign_ins::consume(tx, &connection.id, &assertion.id, visitor.now, assertion.valid_until)? {
        done.status = TestStatus::Failed;
        done.code = Some("saml_replay".into());
        return Ok(());
    }
    let mut trace = arrived.trace(&revision.settings.attributes);
    let (known, _) = provision::known(tx, connection, &arrived.arrival)?;
    match decide(&revision.settings, &arrived.arrival, &known) {
        Decision::Enter(_) | Decision::Join(_) => {
            let member = known
                .linked
                .as_ref()
                .or(known.provisioned.as_ref().map(|one| &one.member))
                .or(known.same_address.first());
            trace.roles = granting::foretell(member, connection, revision, &loaded.mappings, &arrived.sent);
        }
        Decision::Create => {
            trace.roles = granting::foretell(None, connection, revision, &loaded.mappings, &arrived.sent);
            let note = match seats::find_full(tx, &connection.organization)? {
                Some(seats) => format!("A sign-in would be refused: all {} seats are taken.", seats.all),
                None => "A sign-in would create this person.".to_owned(),
            };
            trace.notes.push(note);
        }
        // What the person is about to mend by linking it needs no telling.
        Decision::Refuse(Refused::AccountExists(_)) if links => {}
        Decision::Refuse(refused) => trace.notes.push(foretell(&refused).to_owned()),
    }
    trace.grants = granting::tell_grants(tx, connection, &loaded.mappings, &arrived.sent)?;
    done.status = TestStatus::Passed;
    done.issuer = Some(arrived.arrival.issuer.clone());
    done.subject = Some(arrived.arrival.subject.clone());
    done.trace = Some(trace);
    Ok(())
}

/// What a sign-in would meet here although the answer itself is good.
fn foretell(refused: &Refused) -> &'static str {
    match refused {
        Refused::NoAddress => "A sign-in would be refused: no email came, and nobody is linked to this subject.",
        Refused::Deactivated(_) => "A sign-in would be refused: this member is deactivated.",
        Refused::AccountExists(_) => {
            "A sign-in would be refused: this address has an account that isn't linked. Link it under My account, Sign-in methods."
        }
        Refused::DomainNotAccepted => {
            "A sign-in would be refused: this connection accepts only its own domains, and has none."
        }
        Refused::NotProvisioned => "A sign-in would be refused: new people are not created at sign-in.",
        Refused::NoRole => "A sign-in would be refused: no role matches, and there is no default role.",
    }
}
