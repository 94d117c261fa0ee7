// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// TestNothingLeaksIn sets every variable that libpq knows to something that would be noticed.
func TestNothingLeaksIn(t *testing.T) {
	cfg := configOf(server(t))
	dir := t.TempDir()
	for name, content := range map[string]string{"pgpass": "*:*:*:*:" + canary, ".pgpass": "*:*:*:*:" + canary, ".pg_service.conf": "[x]\nhost=evil.example.com\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"HOME": dir, "PGHOST": "evil.example.com", "PGPORT": "1", "PGDATABASE": "evil", "PGUSER": "evil", "PGPASSWORD": canary, "PGPASSFILE": filepath.Join(dir, "pgpass"),
		"PGAPPNAME": "evil", "PGCONNECT_TIMEOUT": "never", "PGSSLMODE": "evil", "PGSSLKEY": "/no/such/file", "PGSSLCERT": "/no/such/file", "PGSSLROOTCERT": "/no/such/file",
		"PGSSLCERTMODE": "evil", "PGSSLSNI": "0", "PGSSLPASSWORD": canary, "PGSSLNEGOTIATION": "evil", "PGTARGETSESSIONATTRS": "standby", "PGSERVICEFILE": "/no/such/file",
		"PGTZ": "Atlantis/Sunken", "PGOPTIONS": "-c role=evil", "PGMINPROTOCOLVERSION": "9.9", "PGMAXPROTOCOLVERSION": "9.9", "PGCHANNELBINDING": "evil", "PGREQUIREAUTH": "evil",
		"PGCLIENTENCODING": "LATIN1",
	} {
		t.Setenv(name, value)
	}
	conn := openWith(t, cfg, nil)
	if err := conn.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	withoutPassword := cfg
	withoutPassword.Credential = maps.Clone(cfg.Credential)
	delete(withoutPassword.Credential, KeyPassword)
	if got := openWith(t, withoutPassword, nil).pool.Config().ConnConfig; got.Password != "" {
		t.Errorf("the password is %q", got.Password)
	}
	got := conn.pool.Config().ConnConfig
	if len(got.Fallbacks) > 0 || got.ValidateConnect != nil || got.RuntimeParams["options"] != "" || got.SSLNegotiation != "postgres" || got.SSLCertMode != "allow" ||
		got.ChannelBinding != "prefer" || got.KerberosSrvName != "" || got.MinProtocolVersion != "3.0" || got.RequireAuth != "" {
		t.Errorf("something leaked in: %+v", got.Config)
	}
	t.Setenv("PGSERVICE", "x")
	_, err := Open(t.Context(), cfg)
	wantKind(t, err, connector.KindInvalid, "PGSERVICE")
}

// TestSession is what the server sees of us.
func TestSession(t *testing.T) {
	conn := openWith(t, configOf(server(t)), nil)
	for name, want := range map[string]string{
		"application_name": "scim-operator", "search_path": "pg_catalog, pg_temp", "statement_timeout": "15s", "lock_timeout": "5s",
		"idle_in_transaction_session_timeout": "15s", "client_encoding": "UTF8", "TimeZone": "UTC",
	} {
		var got string
		if err := conn.pool.QueryRow(t.Context(), "show "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}

// TestTLS connects in every mode to a server whose certificate is for 127.0.0.1 and by an authority that nobody else knows.
func TestTLS(t *testing.T) {
	ours := configOf(server(t)).Credential["ca.crt"]
	other := []byte(otherAuthority)
	for name, tc := range map[string]struct {
		mode      TLSMode
		host      string
		authority []byte
		want      connector.Kind
		clear     bool
	}{
		"default":                     {"", "127.0.0.1", ours, "", false},
		"full":                        {TLSVerifyFull, "127.0.0.1", ours, "", false},
		"full, another host":          {TLSVerifyFull, "localhost", ours, connector.KindDenied, false},
		"full, the system's":          {TLSVerifyFull, "127.0.0.1", nil, connector.KindDenied, false},
		"full, another authority":     {TLSVerifyFull, "127.0.0.1", other, connector.KindDenied, false},
		"CA, another host":            {TLSVerifyCA, "localhost", ours, "", false},
		"CA, another authority":       {TLSVerifyCA, "127.0.0.1", other, connector.KindDenied, false},
		"CA, the system's":            {TLSVerifyCA, "127.0.0.1", nil, connector.KindDenied, false},
		"require, another authority":  {TLSRequire, "localhost", other, "", false},
		"disable, whatever authority": {TLSDisable, "localhost", other, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configOf(server(t))
			cfg.TLS, cfg.Host, cfg.Database = tc.mode, tc.host, "app"
			cfg.Credential = maps.Clone(cfg.Credential)
			cfg.Credential["ca.crt"] = tc.authority
			conn := openWith(t, cfg, nil)
			if got := connector.KindOf(conn.Probe(t.Context())); got != tc.want {
				t.Fatalf("Probe: %q, want %q", got, tc.want)
			}
			if tc.want != "" {
				return
			}
			var encrypted bool
			err := conn.pool.QueryRow(t.Context(), "select ssl from pg_stat_ssl where pid = pg_backend_pid()").Scan(&encrypted)
			if err != nil || encrypted == tc.clear {
				t.Errorf("encrypted: %v, %v", encrypted, err)
			}
		})
	}
}

// TestNoPasswordForWhoeverSitsInBetween: a server that cannot prove who it is gets no password, even if it asks for it.
func TestNoPasswordForWhoeverSitsInBetween(t *testing.T) {
	for mode, want := range map[TLSMode]string{TLSVerifyFull: "", TLSVerifyCA: "", TLSRequire: "!password", TLSDisable: "!password"} {
		cfg := configOf(server(t))
		cfg.TLS = mode
		if got := openWith(t, cfg, nil).pool.Config().ConnConfig.RequireAuth; got != want {
			t.Errorf("%s: %q, want %q", mode, got, want)
		}
	}
}

// TestConfigurations that cannot work are refused before anything is connected to.
func TestConfigurations(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"socket":         {func(c *Config) { c.Host = "/var/run/postgresql" }, "the host"},
		"two hosts":      {func(c *Config) { c.Host = "a,b" }, "the host"},
		"port":           {func(c *Config) { c.Port = 70000 }, "the port"},
		"no user":        {func(c *Config) { c.Credential = nil }, "has no username"},
		"mode":           {func(c *Config) { c.TLS = "Maybe" }, "TLS mode"},
		"authority":      {func(c *Config) { c.Credential["ca.crt"] = []byte(canary) }, "ca.crt"},
		"key":            {func(c *Config) { c.Credential["tls.crt"] = []byte(canary) }, "tls.crt"},
		"database":       {func(c *Config) { c.Database = strings.Repeat("x", 64) }, "the database"},
		"heir":           {func(c *Config) { c.ReassignTo = "a\x00" }, "reassign"},
		"role name":      {func(c *Config) { c.Roles[0].Name = "!x" }, `begins with "!"`},
		"same role":      {func(c *Config) { c.Roles[1].Name = c.Roles[0].Name }, "there twice"},
		"same member":    {func(c *Config) { c.Roles[1].MemberOf = c.Roles[0].MemberOf }, "too"},
		"long member":    {func(c *Config) { c.Roles[1].MemberOf = strings.Repeat("x", 64) }, "longer than 63"},
		"member by name": {func(c *Config) { c.Roles[1] = Role{Name: "auditors"} }, "too"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configOf(server(t))
			cfg.Credential = maps.Clone(cfg.Credential)
			tc.change(&cfg)
			_, err := Open(t.Context(), cfg)
			wantKind(t, err, connector.KindInvalid, tc.want)
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("a secret is in the error %v", err)
			}
		})
	}
}

// TestEgress: the dialer judges addresses, and is given names as they are.
func TestEgress(t *testing.T) {
	cfg := configOf(server(t))
	cfg.Dial = nil
	for _, host := range []string{"127.0.0.1", "localhost", "169.254.169.254"} {
		cfg.Host = host
		err := openWith(t, cfg, nil).Probe(t.Context())
		wantKind(t, err, connector.KindDenied, "--allow-egress")
		if !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestExplainCode(t *testing.T) {
	s := statement{what: "do it", needs: "the right", about: "the value"}
	for code, want := range map[string]connector.Kind{
		"42501": connector.KindDenied, "28000": connector.KindDenied, "28P01": connector.KindDenied, "3D000": connector.KindDenied,
		"42710": connector.KindConflict, "2BP01": connector.KindConflict,
		"22023": connector.KindInvalid, "22P05": connector.KindInvalid, "42602": connector.KindInvalid, "42939": connector.KindInvalid, "42704": connector.KindInvalid,
		"53300": connector.KindUnavailable, "53100": connector.KindUnavailable, "57P01": connector.KindUnavailable, "57P03": connector.KindUnavailable,
		"57014": connector.KindUnavailable, "55P03": connector.KindUnavailable, "40P01": connector.KindUnavailable, "40001": connector.KindUnavailable,
		"08006": connector.KindUnavailable, "XX000": connector.KindUnavailable, "23505": connector.KindUnavailable, "22012": connector.KindUnavailable,
		"25006": connector.KindUnavailable, "": connector.KindUnavailable,
	} {
		said := &pgconn.PgError{Code: code, Message: canary, Detail: canary, Hint: canary, Where: canary}
		err := explain(context.Background(), s, said)
		if connector.KindOf(err) != want || strings.Contains(err.Error(), canary) || strings.Contains(connector.Message(err), canary) {
			t.Errorf("%s: %q (%v), want %s", code, connector.KindOf(err), err, want)
		}
		if !errors.Is(err, error(said)) && code != divisionByZero {
			t.Errorf("%s: the cause is lost", code)
		}
	}
	plain := statement{what: "do it"}
	for code, want := range map[string]connector.Kind{"42501": connector.KindDenied, "22023": connector.KindUnavailable, "42704": connector.KindUnavailable} {
		if got := connector.KindOf(explain(context.Background(), plain, &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s of a statement without a value: %s, want %s", code, got, want)
		}
	}
}

// TestMissingRights: Probe names what the credential lacks.
func TestMissingRights(t *testing.T) {
	app := server(t)
	weak := unique("weak")
	admin(t, "CREATE ROLE %s LOGIN PASSWORD "+literal(canary), weak)
	cfg := configOf(app)
	cfg.Credential = map[string][]byte{KeyUserName: []byte(weak), KeyPassword: []byte(canary), "ca.crt": cfg.Credential["ca.crt"]}
	conn := openWith(t, cfg, nil)
	for _, want := range []string{"the attribute CREATEROLE", "membership in pg_signal_backend"} {
		wantKind(t, conn.Probe(t.Context()), connector.KindDenied, want)
	}
	if app.Version() >= grantorsSince {
		wantKind(t, conn.Probe(t.Context()), connector.KindDenied, `ADMIN OPTION on role "readers"`)
	}
	_, err := conn.Apply(t.Context(), nil, account("reader"))
	wantKind(t, err, connector.KindDenied, "create the role of the account: the credential needs the attribute CREATEROLE")
	admin(t, "ALTER ROLE %s CREATEROLE", weak)
	want := account()
	apply(t, conn, want)
	alive := openSession(t, want)
	_, err = conn.Apply(t.Context(), nil, suspended(want))
	if app.Version() < grantorsSince {
		wantKind(t, err, connector.KindDenied, "membership in pg_signal_backend")
		if ask[bool](t, "select rolcanlogin from pg_roles where rolname = $1", want.UserName) || !alive() {
			t.Error("the door is not closed, or the session ended all the same")
		}
	}
	if observed := observe(t, conn, suspended(want)); (observed.State == connector.Active) != alive() {
		t.Errorf("observed %s, and the session is alive: %v", observed.State, alive())
	}
}

// otherAuthority is one that signed nothing here.
const otherAuthority = `-----BEGIN CERTIFICATE-----
MIIBRzCB7aADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMTB2Fub3RoZXIw
IBcNMjUxMTIyMDgzODU5WhgPMjA3NjExMjIwODM4NTlaMBIxEDAOBgNVBAMTB2Fu
b3RoZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATJ/FSllcQTVFvNqxYARVOm
5+kaJmR4TU0LsVMaSYuz5/51hqfe1A7IIwkWA22m6OkZ1e3BUyqLWEzXMeOIyP6O
ozIwMDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRYRnXv/pOJUX2dlOxog1f1
vOITZDAKBggqhkjOPQQDAgNJADBGAiEA/D3NRTdqRjHjzsTM2TueIiZqD6YZ8dQn
1MvDrJKB/agCIQDktag+RsSvPSBTCZDON74mE4xAhU1oUnvMsZlVdsEoQA==
-----END CERTIFICATE-----
`
