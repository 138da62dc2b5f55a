//! Each call of the API stands once: its route, who may call it, and what the OpenAPI document says of it.

use actix_web::FromRequest;
use actix_web::Handler;
use actix_web::Responder;
use actix_web::http::Method;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::web::api::call::Parameter;
use crate::web::routes::Needs;
use crate::web::routes::Routes;

/// Adds a type and all it is made of; gives its name.
pub type Collect = fn(&mut Vec<(String, RefOr<Schema>)>) -> String;

fn collect<T: ToSchema>(all: &mut Vec<(String, RefOr<Schema>)>) -> String {
    all.push((T::name().into(), T::schema()));
    T::schemas(all);
    T::name().into()
}

pub enum Gives {
    /// 200
    Object(Collect),
    /// 201
    Made(Collect),
    /// 200
    List(Collect),
    /// 200, the OpenAPI document.
    Document,
    /// 204
    Nothing,
}

/// What the document says of one call.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub needs: Needs,
    pub summary: &'static str,
    pub about: &'static str,
    pub filters: &'static [Parameter],
    pub takes: Option<Collect>,
    pub gives: Gives,
    /// Codes of problems of its own, with their status.
    pub refusals: &'static [(u16, &'static str)],
    /// The object counts its edits: `ETag`, `If-Match`.
    pub is_versioned: bool,
}

impl Operation {
    pub fn about(&mut self, about: &'static str) -> &mut Self {
        self.about = about;
        self
    }

    pub fn filters(&mut self, filters: &'static [Parameter]) -> &mut Self {
        self.filters = filters;
        self
    }

    pub fn takes<T: ToSchema>(&mut self) -> &mut Self {
        self.takes = Some(collect::<T>);
        self
    }

    pub fn gives<T: ToSchema>(&mut self) -> &mut Self {
        self.gives = Gives::Object(collect::<T>);
        self
    }

    pub fn makes<T: ToSchema>(&mut self) -> &mut Self {
        self.gives = Gives::Made(collect::<T>);
        self
    }

    pub fn lists<T: ToSchema>(&mut self) -> &mut Self {
        self.gives = Gives::List(collect::<T>);
        self
    }

    pub fn gives_document(&mut self) -> &mut Self {
        self.gives = Gives::Document;
        self
    }

    pub fn refuses(&mut self, refusals: &'static [(u16, &'static str)]) -> &mut Self {
        self.refusals = refusals;
        self
    }

    pub fn versioned(&mut self) -> &mut Self {
        self.is_versioned = true;
        self
    }
}

/// The routes of the API, each with what it says of itself.
#[derive(Default)]
pub struct Operations {
    pub routes: Routes,
    pub all: Vec<Operation>,
}

/// A function for each method, all of one shape.
macro_rules! by_method {
    ($($name:ident $method:ident),+) => {$(
        pub fn $name<F, Args>(
            &mut self,
            path: &'static str,
            needs: Needs,
            summary: &'static str,
            handler: F,
        ) -> &mut Operation
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.add(Method::$method, path, needs, summary, handler)
        }
    )+};
}

impl Operations {
    fn add<F, Args>(
        &mut self,
        method: Method,
        path: &'static str,
        needs: Needs,
        summary: &'static str,
        handler: F,
    ) -> &mut Operation
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.routes.add(method.clone(), path, needs, handler);
        self.all.push(Operation {
            method,
            path,
            needs,
            summary,
            about: "",
            filters: &[],
            takes: None,
            gives: Gives::Nothing,
            refusals: &[],
            is_versioned: false,
        });
        self.all.last_mut().expect("one was pushed")
    }

    by_method! { get GET, post POST, put PUT, patch PATCH, delete DELETE }
}
