//! Members by what they are: the filters of a list as one statement, and the values that filters can have.

use crate::model::email::Email;
use crate::model::id::OrganizationId;
use crate::model::member::{Source, Status};
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Value};

/// What a list of members is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub text: Option<String>,
    pub email: Option<String>,
    pub status: Option<Status>,
    pub source: Option<Source>,
    /// Slug.
    pub role: Option<String>,
    pub job_title: Option<String>,
    /// `Group:{name}`
    pub tag: Option<String>,
}

/// A filter as a statement. It walks the one index that narrows the most, in the order of the members' ids, so that a page
/// costs its rows and not the organization; `CROSS JOIN` keeps that order of tables.
pub struct Search {
    pub from: &'static str,
    /// The column that pages follow.
    pub key: &'static str,
    pub wheres: Vec<String>,
    pub params: Vec<Value>,
}

impl Search {
    /// None where the filter can find nobody.
    pub fn new(tx: &ReadTx<'_>, organization: &OrganizationId, filter: &Filter) -> Result<Option<Self>, StoreError> {
        let mut search = Self {
            from: "members m",
            key: "m.id",
            wheres: vec!["m.organization_id = ?1".to_owned(), "m.deleted_at IS NULL".to_owned()],
            params: vec![organization.into()],
        };
        if !search.walk_tag(tx, organization, filter)? {
            return Ok(None);
        }
        search.walk_role(filter);
        search.narrow(filter);
        Ok(Some(search))
    }

    pub fn bind(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("?{}", self.params.len())
    }

    fn add(&mut self, clause: &str, value: Value) {
        let place = self.bind(value);
        self.wheres.push(clause.replace("??", &place));
    }

    /// False where nobody has the tag.
    fn walk_tag(
        &mut self,
        tx: &ReadTx<'_>,
        organization: &OrganizationId,
        filter: &Filter,
    ) -> Result<bool, StoreError> {
        let Some(tag) = &filter.tag else { return Ok(true) };
        let Some(group) = tag.strip_prefix("Group:") else {
            self.from = "member_tags d CROSS JOIN members m";
            self.key = "d.member_id";
            self.wheres.push("d.organization_id = ?1 AND m.id = d.member_id".to_owned());
            self.add("d.tag = ??", tag.into());
            return Ok(true);
        };
        // Several connections may each have a group of that name.
        let sql = "SELECT id FROM groups WHERE organization_id = ?1 AND name = ?2 LIMIT 100";
        let rows = tx.query(sql, &[organization.into(), group.into()])?;
        let groups = rows.iter().map(|row| row.get::<String>("id")).collect::<Result<Vec<_>, _>>()?;
        let places: Vec<String> = groups.iter().map(|id| self.bind(id.into())).collect();
        self.from = "group_members d CROSS JOIN members m";
        self.key = "d.member_id";
        self.wheres.push(format!("m.id = d.member_id AND d.group_id IN ({})", places.join(", ")));
        Ok(!groups.is_empty())
    }

    fn walk_role(&mut self, filter: &Filter) {
        let Some(role) = &filter.role else { return };
        let is_narrow = filter.tag.is_some() || filter.email.is_some() || filter.job_title.is_some();
        if is_narrow {
            self.add("EXISTS (SELECT 1 FROM member_roles r WHERE r.member_id = m.id AND r.role = ??)", role.into());
            return;
        }
        self.from = "member_roles d CROSS JOIN members m";
        self.key = "d.member_id";
        self.wheres.push("d.organization_id = ?1 AND m.id = d.member_id".to_owned());
        self.add("d.role = ??", role.into());
    }

    fn narrow(&mut self, filter: &Filter) {
        if let Some(text) = &filter.text {
            let like =
                format!("%{}%", text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
            self.add(
                "(m.email_norm LIKE ?? ESCAPE '\\' OR lower(coalesce(m.name, '')) LIKE ?? ESCAPE '\\' OR lower(coalesce(m.job_title, '')) LIKE ?? ESCAPE '\\')",
                like.into(),
            );
        }
        if let Some(email) = &filter.email {
            let normal = Email::parse(email).map_or_else(|| email.to_lowercase(), |email| email.normal().to_owned());
            self.add("m.email_norm = ??", normal.into());
        }
        if let Some(status) = filter.status {
            self.add("m.status = ??", status.as_str().into());
        }
        if let Some(source) = filter.source {
            self.add("m.source = ??", source.as_str().into());
        }
        if let Some(title) = &filter.job_title {
            self.add("m.job_title = ??", title.into());
        }
    }
}

/// Job titles that members have, in order: one look into the index for each.
pub fn list_job_titles(tx: &ReadTx<'_>, organization: &OrganizationId, most: u32) -> Result<Vec<String>, StoreError> {
    let next = "SELECT min(job_title) FROM members WHERE organization_id = ?1 AND deleted_at IS NULL";
    let sql = format!(
        "WITH RECURSIVE titles (title) AS ({next} UNION ALL SELECT ({next} AND job_title > titles.title) FROM titles \
         WHERE titles.title IS NOT NULL) SELECT title FROM titles WHERE title IS NOT NULL LIMIT ?2"
    );
    tx.query(&sql, &[organization.into(), most.into()])?.iter().map(|row| row.get("title")).collect()
}

/// Tags that mappings gave, the same way.
pub fn list_tags(tx: &ReadTx<'_>, organization: &OrganizationId, most: u32) -> Result<Vec<String>, StoreError> {
    let next = "SELECT min(tag) FROM member_tags WHERE organization_id = ?1";
    let sql = format!(
        "WITH RECURSIVE tags (tag) AS ({next} UNION ALL SELECT ({next} AND member_tags.tag > tags.tag) FROM tags \
         WHERE tags.tag IS NOT NULL) SELECT tag FROM tags WHERE tag IS NOT NULL LIMIT ?2"
    );
    tx.query(&sql, &[organization.into(), most.into()])?.iter().map(|row| row.get("tag")).collect()
}
