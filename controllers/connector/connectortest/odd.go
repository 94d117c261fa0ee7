// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// oddTexts mean something in SQL, LDAP, URLs, JSON, shells, templates or expressions, or are hard to write down at all. Each is put around what
// makes it unique.
func oddTexts(id string) []string {
	odd := []string{
		"O'Brien %s", "''%s''", `"quoted" %s`, `""%s""`, `back\slash\%s`, `%s\`, "`tick`%s", "semi;%s;", "'; DROP TABLE users; --%s", "%s -- ", "$$%s$$", `\x27%s`,
		"*%s", "odd-*-%s", "odd-%%-%s", "odd-___-%s", "*)(uid=*%s", "*)(|(uid=*)(cn=%s", `\2a%s`, "(%s)", "#%s", "%s#", "cn=x,dc=y\\2c%s", "plus+%s,comma=equals", "<%s>", "\u00a0%s",
		" leading %s", "trailing %s ", "  %s  ", "two  spaces %s", "\t%s", "%s\n", "a\r\nSet-Cookie: x%s", "a\x00b%s", "%s\x00", "\x1b[31mred%s", "\u007f%s",
		"../../admin%s", "..%s", "./%s", "%s/..", "a%%2f..%%2fb%s", "a%%00b%s", "%%%s", "?x=1#y&z%s", "a/b:c@d%s", "//%s", "%s;v=1", "&amp;%s",
		"Jürgen Groß 王小明 👩‍🚀%s", "مرحبا%s", "\u202eevil%s", "e\u0301%s", "\u00e9%s", "\ufeff%s", "\U0001F600%s", "İ%s", "ﬁ%s", "zero\u200bwidth%s",
		"$(id) `id` %s", "${jndi:ldap://127.0.0.1/%s}", "{{.}}%s", "{%s}", `" + account.owner + "%s`, "' + 'x%s", "null%s", "%s, \"admin\": true",
	}
	for i, format := range odd {
		odd[i] = fmt.Sprintf(format, id)
	}
	return append(odd, strings.Repeat("x", 255-len(id))+id, strings.Repeat("é", 120)+id, strings.Repeat("x", 1024-len(id))+id, "bad utf-8 \xff\xfe"+id)
}

// oddQueries would find the name, and everybody, where they are put into a query as they are.
func oddQueries(name string) []string {
	return []string{
		"*)(uid=*", "*)(|(uid=*", `\2a`, name + `)(|(uid=*)`, "' OR '1'='1", name + "' OR '1'='1' --", name + `" or userName pr or userName eq "`,
		`" or "" eq "`, name + " or true", "../" + name, "%2e%2e%2f" + name, name + "?", name + "#", name + "/", "_" + name[1:], "%" + name[1:],
	}
}

func oddNames(t testing.TB, s Subject) {
	r := start(t, s)
	id := strings.TrimPrefix(r.account().Owner, "suite/account-")
	neighbour := with(r.account(r.Roles[:2]...), func(a *connector.Account) { a.UserName = "odd-abc-" + id })
	r.apply(nil, neighbour)
	for _, name := range oddTexts(id) {
		want := with(r.account(r.Roles[0]), func(a *connector.Account) { a.UserName = name })
		if r.livesOddly(fmt.Sprintf("the name %.80q", name), want) {
			r.goesOddly(fmt.Sprintf("the name %.80q", name), want)
		}
	}
	r.wantInSync(neighbour)
	r.wantAccess(neighbour.UserName, neighbour.Roles...)
}

// livesOddly makes an account that may not be possible, and says whether it was. Where it is not, nothing may be written, and it can be looked
// for, suspended and deleted as any that is not there.
func (r *run) livesOddly(what string, want connector.Account) bool {
	r.Helper()
	before := r.Writes()
	_, err := r.conn.Apply(r.Context(), nil, want)
	if err == nil {
		observed := r.observe(want)
		if !connector.InSync(observed, want) {
			r.Errorf("%s: observed %s", what, describe(observed))
		}
		return true
	}
	if connector.KindOf(err) != connector.KindInvalid {
		r.Errorf("%s: Apply returned %v, want success or Invalid", what, err)
	}
	if observed, err := r.conn.Observe(r.Context(), want); !errors.Is(err, connector.ErrNotFound) {
		r.Errorf("%s: Observe returned %s, %v, want ErrNotFound", what, describe(observed), err)
	}
	if _, err := r.conn.Apply(r.Context(), nil, suspended(want)); err != nil {
		r.Errorf("%s: suspending it returned %v", what, err)
	}
	if err := r.conn.Delete(r.Context(), want); err != nil {
		r.Errorf("%s: Delete returned %v", what, err)
	}
	if n := r.Writes() - before; n != 0 {
		r.Errorf("%s: it is Invalid, and there were %d writes", what, n)
	}
	return false
}

// goesOddly takes an account with an odd name, which the connector has made, through the rest of its life.
func (r *run) goesOddly(what string, want connector.Account) {
	r.Helper()
	hasAccess := func(wanted bool) {
		if !eventually(r.Context(), func() bool { return r.HasAccess(r.TB, want.UserName, want.Roles[0]) == wanted }) {
			r.Errorf("%s: access is %v, want %v", what, !wanted, wanted)
		}
	}
	hasAccess(true)
	if _, err := r.conn.Apply(r.Context(), r.observe(want), suspended(want)); err != nil {
		r.Errorf("%s: suspending it returned %v", what, err)
	}
	hasAccess(false)
	if err := r.conn.Delete(r.Context(), want); err != nil {
		r.Errorf("%s: Delete: %v", what, err)
	}
	if left := r.observe(want); left != nil {
		r.Errorf("%s: after Delete there is %s", what, describe(left))
	}
}

// shortOdd is of how many odd texts one is tried, another one for each attribute, where there is not the time for all.
const shortOdd = 3

// oddValues are attributes that nobody thought of: they are kept as they are, or Invalid.
func oddValues(t testing.TB, s Subject) {
	r := start(t, s)
	for attribute, name := range slices.Sorted(maps.Keys(r.Profile)) {
		for i, value := range oddTexts("value") {
			if testing.Short() && i%shortOdd != attribute%shortOdd {
				continue
			}
			want := r.account(r.Roles[0])
			want.Profile = map[string]string{name: value}
			if !r.livesOddly(fmt.Sprintf("%s %.80q", name, value), want) {
				continue
			}
			if err := r.conn.Delete(r.Context(), want); err != nil {
				r.Errorf("%s %.80q: Delete: %v", name, value, err)
			}
		}
	}
}
