// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Every statement that reads gives its parameters a type, as not all are prepared, and compares names as text, since a cast to the type name cuts them.

const (
	// countSessions and noSessions are for roleColumns.
	countSessions = "(select count(*) from pg_stat_activity a where a.usesysid = r.oid)"
	noSessions    = "0"

	// roleColumns are what scanRoles reads. $1 is text[]: the configured roles.
	roleColumns = `select r.oid::text, r.rolname::text, coalesce(d.description, ''), r.rolcanlogin,
	array_remove(array[
		case when r.rolsuper then 'SUPERUSER' end, case when r.rolcreaterole then 'CREATEROLE' end,
		case when r.rolreplication then 'REPLICATION' end, case when r.rolbypassrls then 'BYPASSRLS' end], null),
	r.rolconnlimit,
	case when r.rolvaliduntil is null or r.rolvaliduntil = 'infinity' then '' when r.rolvaliduntil < '1970-01-01Z' then '1970-01-01T00:00:00Z'
		else to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end,
	coalesce(r.rolconfig, '{}'),
	coalesce((select json_agg(json_build_object('role', g.rolname, 'admin', m.admin_option, 'grantor', coalesce(by.rolname, ''),
			'ours', current_setting('server_version_num')::int < 160000 or by.oid is null or pg_has_role(session_user, by.oid, 'USAGE'))
			order by g.rolname, m.admin_option)
		from pg_auth_members m join pg_roles g on g.oid = m.roleid left join pg_roles by on by.oid = m.grantor
		where m.member = r.oid and g.rolname = any($1::text[])), '[]')::text,
	%s, current_setting('server_version_num')::int
from pg_roles r left join pg_shdescription d on d.objoid = r.oid and d.classoid = 'pg_authid'::regclass
where r.rolname <> session_user and `

	// marked is for the role r with the comment d. $2 is the mark. The role that we log in as is never an account, whatever somebody writes on it.
	marked = `(d.description = $2::text or right(d.description, length($2::text) + 1) = ' ' || $2::text)`

	// markedIDs are the roles that bear the mark $1.
	markedIDs = `select d.objoid from pg_shdescription d where d.classoid = 'pg_authid'::regclass
	and (d.description = $1::text or right(d.description, length($1::text) + 1) = ' ' || $1::text)`

	// lockOwner keeps others of ours from working for the same owner. Whoever has a session can take such a lock, so nothing that takes access away waits for it.
	lockOwner = `select pg_advisory_xact_lock(hashtextextended($1::text, 0))`

	// wantNobody fails with divisionByZero if some role bears the mark $1.
	wantNobody = `select 1 / case when exists (` + markedIDs + `) then 0 else 1 end`

	// wantOnly fails with divisionByZero unless the role $2 is named $3 and is the only one that bears the mark $1.
	wantOnly = `select 1 / case when count(*) = 1 and bool_and(r.oid = $2::oid and r.rolname = $3::text) then 1 else 0 end
from pg_roles r where r.oid in (` + markedIDs + `)`

	// wantNamed fails with divisionByZero unless the role $2 bears the mark $1 and is named $3.
	wantNamed = `select 1 / count(*) from pg_roles r where r.oid = $2::oid and r.rolname = $3::text and r.oid in (` + markedIDs + `)`

	// wantUnmarked fails with divisionByZero unless the role $1 is named $2 and has the comment $3.
	wantUnmarked = `select 1 / count(*) from pg_roles r left join pg_shdescription d on d.objoid = r.oid and d.classoid = 'pg_authid'::regclass
where r.oid = $1::oid and r.rolname = $2::text and coalesce(d.description, '') = $3::text`

	// hurry ends the sessions of the role $1 as far as we may, and does not wait: they could hold locks that keep us from changing it.
	hurry = `select pg_terminate_backend(a.pid) from pg_stat_activity a
where a.usesysid = $1::oid and a.pid <> pg_backend_pid() and pg_has_role(session_user, 'pg_signal_backend', 'USAGE')`

	// terminate ends the sessions of whatever bears the mark $1, and waits for each at most $2 milliseconds.
	terminate = `select pg_terminate_backend(a.pid, $2::bigint) from pg_stat_activity a
where a.usesysid in (` + markedIDs + `) and a.pid <> pg_backend_pid()`

	// starting are the connections that have logged in and are not yet to be seen with their role: they may have logged in before the role was closed. Until
	// they are seen they hold a lock on their database.
	starting = `select distinct l.pid from pg_locks l where l.locktype = 'object' and l.classid = 'pg_database'::regclass
	and l.mode = 'RowExclusiveLock' and l.granted and l.pid <> pg_backend_pid()
	and not exists (select from pg_stat_activity a where a.pid = l.pid and a.usesysid is not null)`

	// lookAnew makes pg_stat_activity say again who is there, since one transaction sees it once.
	lookAnew = `select pg_stat_clear_snapshot()`

	// serverRoles tells of the roles $1 whether they have powers, or are members of one that has, directly or not, and whether we may grant them.
	serverRoles = `with recursive asked as (select oid, rolname from pg_roles where rolname = any($1::text[])),
up(start, oid) as (select oid, oid from asked union select up.start, m.roleid from pg_auth_members m join up on m.member = up.oid)
select a.rolname::text, exists (select from up join pg_roles s on s.oid = up.oid where up.start = a.oid
		and (s.rolsuper or s.rolcreaterole or s.rolreplication or s.rolbypassrls
			or s.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))),
	pg_has_role(session_user, a.oid, 'MEMBER WITH ADMIN OPTION'), pg_has_role(session_user, a.oid, 'USAGE')
from asked a`

	// ourselves tells what we may do.
	ourselves = `select current_setting('server_version_num')::int, pg_is_in_recovery(), me.rolsuper, me.rolcreaterole,
	pg_has_role(session_user, 'pg_signal_backend', 'USAGE')
from pg_roles me where me.rolname = session_user`

	// dependents are what keeps the role $1 from being dropped: what it owns, or was given rights on.
	dependents = `select coalesce(db.datname::text, ''), s.classid::regclass::text, s.deptype = 'o', count(*)
from pg_shdepend s left join pg_database db on db.oid = s.dbid
where s.refclassid = 'pg_authid'::regclass and s.refobjid = $1::oid
group by 1, 2, 3 order by 3 desc, 1, 2`
)

// observing is the most frequent question: what bears a mark, with its sessions.
func observing() string { return fmt.Sprintf(roleColumns, countSessions) + marked }

// prepared are the statements that every connection prepares, since to plan them takes several times as long as to do them.
func prepared() []string {
	return []string{observing(), serverRoles, wantNobody, wantOnly, wantNamed, starting, terminate}
}

// findMarked asks for what bears a mark, with its sessions.
func (c *Connector) findMarked(owner string) statement {
	return statement{what: "find the account", sql: observing(), args: []any{c.membersOf(nil), mark(owner)}}
}

// scanRoles reads the rows of roleColumns.
func scanRoles(rows pgx.Rows) ([]serverRole, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (serverRole, error) {
		var r serverRole
		var memberships string
		err := row.Scan(&r.oid, &r.name, &r.comment, &r.canLogin, &r.powers, &r.connectionLimit, &r.validUntil, &r.settings, &memberships,
			&r.sessions, &r.version)
		if err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(memberships), &r.memberships)
	})
}
