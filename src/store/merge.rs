//! What hangs on one member goes over to another.

use crate::model::id::MemberId;
use crate::store::error::StoreError;
use crate::store::tx::WriteTx;

/// Sign-ins, users of directories, groups, teams, and what was sent and given from elsewhere; roles and tags that were given
/// here stay behind, and so do sessions.
pub fn take_over(tx: &WriteTx<'_>, from: &MemberId, into: &MemberId) -> Result<(), StoreError> {
    for sql in [
        "UPDATE identities SET member_id = ?2 WHERE member_id = ?1",
        "UPDATE scim_users SET member_id = ?2 WHERE member_id = ?1",
        "INSERT INTO group_members (group_id, member_id) SELECT group_id, ?2 FROM group_members WHERE member_id = ?1 \
         ON CONFLICT DO NOTHING",
        "INSERT INTO team_members (team_id, member_id, came_from) SELECT team_id, ?2, came_from FROM team_members \
         WHERE member_id = ?1 AND came_from <> 'local' ON CONFLICT DO NOTHING",
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) SELECT ?2, role, came_from, organization_id \
         FROM member_roles WHERE member_id = ?1 AND came_from <> 'local' ON CONFLICT DO NOTHING",
        "INSERT INTO member_tags (member_id, tag, came_from, organization_id) SELECT ?2, tag, came_from, organization_id \
         FROM member_tags WHERE member_id = ?1 AND came_from <> 'local' ON CONFLICT DO NOTHING",
        "INSERT INTO sent_values (member_id, source_id, kind, attribute, value) SELECT ?2, source_id, kind, attribute, value \
         FROM sent_values WHERE member_id = ?1 ON CONFLICT DO NOTHING",
    ] {
        tx.execute(sql, &[from.into(), into.into()])?;
    }
    Ok(())
}
