//! One-time links: setting a password.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::web::html::Page;
use crate::web::html::Shell;
use crate::web::html::add;

/// `GET, POST /link/{token}`
#[derive(Template)]
#[template(path = "link/set_password.html")]
pub struct SetPasswordPage {
    pub shell: Shell,
    /// Errors at `password`.
    pub errors: Invalid,
    pub token: String,
    /// Whose password.
    pub email: String,
    pub name: String,
}

impl Page for SetPasswordPage {
    fn samples() -> Vec<Self> {
        let page = |errors| Self {
            shell: Shell::sample_outside(),
            errors,
            token: "dwlink_7f3Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned(),
            email: "grace@acme.example".to_owned(),
            name: "Grace Example".to_owned(),
        };
        let short = "This has 9 characters. Use 15 or more; four or five unrelated words work well.";
        vec![page(Invalid::new()), page(Invalid::field("password", "password_short", short))]
    }
}

/// A link that was used, has ended, or never was; the three look alike.
#[derive(Template)]
#[template(path = "link/ended.html")]
pub struct LinkEndedPage {
    pub shell: Shell,
}

impl Page for LinkEndedPage {
    fn samples() -> Vec<Self> {
        vec![Self { shell: Shell::sample_outside() }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SetPasswordPage>(all, "link/set_password");
    add::<LinkEndedPage>(all, "link/ended");
}
