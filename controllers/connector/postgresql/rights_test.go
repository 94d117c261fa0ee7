// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/apps/postgres"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// statementsOf are the blocks of SQL of a section of the page, without the passwords.
func statementsOf(t *testing.T, heading string) (blocks [][]string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/connectors/postgresql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n"+heading+"\n")
	if !found {
		t.Fatalf("the page has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for i, text := range strings.Split(section, "```") {
		code, isSQL := strings.CutPrefix(text, "sql\n")
		if i%2 == 0 || !isSQL {
			continue
		}
		var block []string
		for line := range strings.Lines(code) {
			block = append(block, withoutPassword(strings.TrimSuffix(strings.TrimSpace(line), ";")))
		}
		blocks = append(blocks, block)
	}
	return blocks
}

func withoutPassword(statement string) string {
	before, _, has := strings.Cut(statement, " PASSWORD '")
	if has {
		return before + " PASSWORD"
	}
	return statement
}

// TestRightsAreThoseOfThePage: what all tests of this package run with is what the page says, for every version.
func TestRightsAreThoseOfThePage(t *testing.T) {
	var want [][]string
	for _, version := range []int{150000, 160000} {
		var rights []string
		for _, statement := range postgres.Rights(version, canary) {
			rights = append(rights, withoutPassword(statement))
		}
		want = append(want, rights)
	}
	want = append(want, postgres.RightsToReassign())
	if diff := cmp.Diff(want, statementsOf(t, "## Rights")); diff != "" {
		t.Errorf("the page says otherwise (-tests +page):\n%s", diff)
	}
}

// TestRightsAreNoMore: the role has what the page gives it and nothing else.
func TestRightsAreNoMore(t *testing.T) {
	_, conn, _ := start(t)
	if err := conn.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	attributes := ask[string](t, `select concat_ws(' ', case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end,
		case when rolcreatedb then 'createdb' end, case when rolreplication then 'replication' end, case when rolbypassrls then 'bypassrls' end)
		from pg_roles where rolname = 'scim_operator'`)
	if attributes != "createrole" {
		t.Errorf("the role is %s", attributes)
	}
}

// TestRoundTrips are those that doc.go and the page promise.
func TestRoundTrips(t *testing.T) {
	_, conn, counted := start(t)
	want := account("reader", "writer")
	expect := func(what string, trips int64, f func() error) {
		t.Helper()
		before := counted.trips.Load()
		if err := f(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := counted.trips.Load() - before; got > trips {
			t.Errorf("%s took %d round trips, want %d", what, got, trips)
		}
	}
	applies := func(a connector.Account) func() error {
		return func() error {
			_, err := conn.Apply(t.Context(), nil, a)
			return err
		}
	}
	expect("create", 2, applies(want))
	expect("observe", 1, func() error { observe(t, conn, want); return nil })
	expect("apply again", 1, applies(want))
	changed := want
	changed.UserName, changed.Roles, changed.Profile = "new"+want.UserName, []string{"auditor"}, map[string]string{setting: "x", "connectionLimit": "3"}
	expect("change everything", 2, applies(changed))
	expect("suspend", 2, applies(suspended(changed)))
	expect("suspend again", 1, applies(suspended(changed)))
	expect("revoke", 1, func() error { _, err := conn.Revoke(t.Context(), changed); return err })
	expect("restore", 2, applies(changed))
	expect("probe", 1, func() error { return conn.Probe(t.Context()) })
	expect("find", 1, func() error { _, err := conn.Find(t.Context(), connector.KeyUserName, want.UserName); return err })
	expect("delete", 4, func() error { return conn.Delete(t.Context(), changed) })
}

// TestManySuspended: three round trips each at most, and never more connections than the pool has.
func TestManySuspended(t *testing.T) {
	_, conn, counted := start(t)
	all := make([]connector.Account, 200)
	for i := range all {
		all[i] = account("reader", "writer")
	}
	inParallel(all, 16, func(a connector.Account) { apply(t, conn, a) })
	before := counted.trips.Load()
	var mu sync.Mutex
	var most int32
	inParallel(all, 16, func(a connector.Account) {
		observe(t, conn, suspended(a))
		apply(t, conn, suspended(a))
		mu.Lock()
		defer mu.Unlock()
		most = max(most, conn.pool.Stat().TotalConns())
	})
	if trips := counted.trips.Load() - before; trips > 3*int64(len(all)) {
		t.Errorf("%d suspensions took %d round trips", len(all), trips)
	}
	if most > defaultConnections {
		t.Errorf("there were %d connections, want %d at most", most, defaultConnections)
	}
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.UserName
	}
	if n := ask[int](t, "select count(*) from pg_roles where rolcanlogin and rolname = any($1)", names); n != 0 {
		t.Errorf("%d can log in", n)
	}
	inParallel(all, 16, func(a connector.Account) {
		if err := conn.Delete(t.Context(), a); err != nil {
			t.Error(err)
		}
	})
}

// inParallel calls f for all, so many at a time.
func inParallel(all []connector.Account, width int, f func(connector.Account)) {
	var workers sync.WaitGroup
	work := make(chan connector.Account)
	for range width {
		workers.Go(func() {
			for a := range work {
				f(a)
			}
		})
	}
	for _, a := range all {
		work <- a
	}
	close(work)
	workers.Wait()
}

// TestNothingIsSaid: no error of any failure names the person, the secret, or what the server said.
func TestNothingIsSaid(t *testing.T) {
	app := server(t)
	names := []string{`O'Brien "Bob"`, "jane@example.com", strings.Repeat("x", 70), "a\x00b"}
	cfg := configOf(app)
	weak := unique("weak")
	admin(t, "CREATE ROLE %s LOGIN PASSWORD "+literal(canary), weak)
	password := string(cfg.Credential[KeyPassword])
	broken := map[string]func(*Config){
		"credential": func(c *Config) { c.Credential[KeyPassword] = []byte(canary) },
		"rights":     func(c *Config) { c.Credential[KeyUserName], c.Credential[KeyPassword] = []byte(weak), []byte(canary) },
		"port":       func(c *Config) { c.Port = int32(cluster.FreePort(t)) },
		"database":   func(c *Config) { c.Database = "no-such-database" },
		"nothing":    func(*Config) {},
	}
	for failure, change := range broken {
		cfg := configOf(app)
		change(&cfg)
		conn := openWith(t, cfg, nil)
		for _, name := range names {
			want := account("reader")
			want.UserName += name
			_, applied := conn.Apply(t.Context(), nil, want)
			_, observed := conn.Observe(t.Context(), want)
			_, found := conn.Find(t.Context(), connector.KeyUserName, want.UserName)
			_, adopted := conn.Adopt(t.Context(), connector.Account{ExternalID: "10", UserName: want.UserName}, want.Owner)
			for _, err := range []error{applied, observed, found, adopted, conn.Probe(t.Context()), conn.Delete(t.Context(), want)} {
				if err == nil {
					continue
				}
				text := fmt.Sprintf("%v %+v %s", err, err, connector.Message(err))
				said := slices.ContainsFunc([]string{canary, password, want.UserName, name, weak, "ERROR", "FATAL"}, func(s string) bool { return strings.Contains(text, s) })
				if said {
					t.Errorf("%s: the error says too much: %s", failure, text)
				}
			}
		}
	}
}
