//! Whether the process lives, and whether it can do its work. No details, for anybody to ask.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::app::App;

/// Set while the server stops: load balancers turn away first.
#[derive(Debug, Default)]
pub struct Draining(AtomicBool);

impl Draining {
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// `GET /healthz`
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `GET /readyz`
pub async fn ready(app: Data<App>, draining: Data<Draining>) -> HttpResponse {
    if !draining.is_on() && app.is_ready().await {
        return HttpResponse::Ok().content_type("text/plain").body("ready\n");
    }
    HttpResponse::ServiceUnavailable().content_type("text/plain").body("not ready\n")
}
