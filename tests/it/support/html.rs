//! Pages as a person without scripts uses them: find a form, fill it, send it.

use scraper::ElementRef;
use scraper::Html;
use scraper::Selector;

use super::http::Answer;

#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
    names: Vec<String>,
}

fn select(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

impl Answer {
    /// The form whose action ends so.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let page = Html::parse_document(&self.body);
        let forms = select("form");
        let found = page.select(&forms).find(|form| form.attr("action").is_some_and(|own| own.ends_with(action)));
        match found {
            Some(form) => read(form),
            None => panic!("no form {action} on {} ({}): {}", self.path, self.status, self.body),
        }
    }

    pub fn has_form(&self, action: &str) -> bool {
        let page = Html::parse_document(&self.body);
        page.select(&select("form")).any(|form| form.attr("action").is_some_and(|own| own.ends_with(action)))
    }

    /// Targets of links, forms and resources.
    pub fn links(&self) -> Vec<String> {
        let page = Html::parse_document(&self.body);
        let target = |element: ElementRef<'_>| {
            ["href", "src", "action"].iter().find_map(|name| element.attr(name)).unwrap_or_default().to_owned()
        };
        page.select(&select("[href], [src], form[action]")).map(target).collect()
    }

    /// What is read on the page, without markup.
    pub fn text(&self) -> String {
        Html::parse_document(&self.body).root_element().text().collect::<Vec<_>>().join(" ")
    }
}

fn read(form: ElementRef<'_>) -> Form {
    let attribute = |element: ElementRef<'_>, name: &str| element.attr(name).unwrap_or_default().to_owned();
    let (mut fields, mut names) = (Vec::new(), Vec::new());
    for field in form.select(&select("input, textarea, select, button[name]")) {
        let name = attribute(field, "name");
        if name.is_empty() {
            continue;
        }
        names.push(name.clone());
        match (field.value().name(), field.attr("type").unwrap_or_default()) {
            ("input", "checkbox" | "radio") if field.attr("checked").is_none() => {}
            ("button", _) => {}
            ("textarea", _) => {
                fields.push((name, field.text().collect::<String>().trim_start_matches('\n').to_owned()))
            }
            ("select", _) => {
                let chosen = field.select(&select("option[selected]")).next();
                let chosen = chosen.or_else(|| field.select(&select("option")).next());
                fields.push((name, chosen.map(|option| attribute(option, "value")).unwrap_or_default()));
            }
            _ => fields.push((name, attribute(field, "value"))),
        }
    }
    Form { action: attribute(form, "action"), fields, names }
}

impl Form {
    /// Types into a field that the form has.
    #[track_caller]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        assert!(self.names.iter().any(|known| known == name), "the form {} has no field {name}", self.action);
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}
