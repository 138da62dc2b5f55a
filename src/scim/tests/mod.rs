//! The rules of the wire language, and the conversations of identity providers replayed on them.

mod discovery;
mod elements;
mod filter;
mod group;
mod list;
mod patch;
mod plan;
mod project;
mod random;
mod replay;
mod user;

use serde_json::Value;

use super::Quirk;
use super::Quirks;
use super::schema::Schemas;
use super::user::Document;

pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A user as POST makes it.
fn user(body: Value) -> Document {
    Document::create(body.to_string().as_bytes(), &Schemas::standard(), &mut Quirks::new()).unwrap()
}

fn value(document: &Document) -> Value {
    serde_json::from_str(&document.text().unwrap()).unwrap()
}

fn noted(quirks: Quirks) -> Vec<Quirk> {
    quirks.iter().collect()
}

/// A small generator, so that the same cases run each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}
