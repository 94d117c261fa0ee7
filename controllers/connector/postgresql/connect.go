// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

const (
	applicationName = "scim-operator"
	connectTimeout  = 10 * time.Second
	// lockTimeout is how long a statement waits for somebody else's lock.
	lockTimeout = 5 * time.Second
	// idleTime is how long a connection is kept that nobody uses.
	idleTime = 2 * time.Minute
	// liveTime bounds the life of a connection, so that new addresses of the host are seen.
	liveTime = 30 * time.Minute
	// pingAfter is how long a connection may be idle and be trusted without a question.
	pingAfter = 5 * time.Second
	// maxMessage bounds what the server can make us read at once.
	maxMessage = 16 << 20
)

// hermetic names every setting that has a variable in the environment or a default in a file, so that none of them is taken from there. The values
// are the harmless ones, and what we want is put over them.
const hermetic = `host=localhost port=5432 dbname=postgres user=x password=x passfile='' servicefile='' connect_timeout=10 ` +
	`sslmode=disable sslkey='' sslcert='' sslrootcert='' sslpassword='' sslcertmode=allow sslsni=1 sslnegotiation=postgres ` +
	`target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth='' ` +
	`options='' timezone=UTC application_name=x`

// newPool returns the pool of a configuration. It makes no connection yet.
func newPool(ctx context.Context, cfg Config, tracer pgx.QueryTracer) (*pgxpool.Pool, error) {
	tlsConfig, err := tlsConfig(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.ParseConfig(hermetic)
	if err != nil {
		// A service is the one thing that cannot be overridden.
		return nil, connector.Invalidf("the environment of scim-controller has settings of PostgreSQL that cannot be ignored: remove PGSERVICE").Because(err)
	}
	pool.MaxConns = cfg.MaxConnections
	pool.MinConns, pool.MinIdleConns = 0, 0
	pool.MaxConnIdleTime, pool.MaxConnLifetime, pool.MaxConnLifetimeJitter = idleTime, liveTime, liveTime/10
	pool.HealthCheckPeriod, pool.PingTimeout = idleTime/4, connectTimeout
	pool.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > pingAfter }
	pool.AfterConnect = prepare
	address(pool.ConnConfig, cfg, tlsConfig)
	pool.ConnConfig.Tracer = tracer
	return pgxpool.NewWithConfig(ctx, pool)
}

// address puts what we want over everything that a connection is made with.
func address(conn *pgx.ConnConfig, cfg Config, tlsConfig *tls.Config) {
	conn.Host, conn.Port, conn.Database, conn.TLSConfig, conn.Fallbacks = cfg.Host, port(cfg), cfg.Database, tlsConfig, nil
	conn.User, conn.Password = string(cfg.Credential[KeyUserName]), string(cfg.Credential[KeyPassword])
	conn.ConnectTimeout, conn.MaxProtocolMessageBodyLen = connectTimeout, maxMessage
	conn.DialFunc = pgconn.DialFunc(cfg.Dial)
	if cfg.Dial == nil {
		conn.DialFunc = egress.Policy{}.DialContext
	}
	// The dialer resolves names itself, since it judges what they resolve to.
	conn.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	if cfg.TLS != TLSVerifyFull && cfg.TLS != TLSVerifyCA {
		// Whoever sits in between would ask for the password itself.
		conn.RequireAuth = "!password"
	}
	// One round trip for each batch: what is not prepared is sent whole.
	conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	conn.OnNotice = nil
	conn.RuntimeParams = map[string]string{
		"application_name":            applicationName,
		"client_encoding":             "UTF8",
		"standard_conforming_strings": "on",
		"timezone":                    "UTC",
		"datestyle":                   "ISO",
		// What others have put into the schemas of this database is never called by accident.
		"search_path":                         "pg_catalog, pg_temp",
		"plan_cache_mode":                     "force_generic_plan",
		"statement_timeout":                   milliseconds(cfg.StatementTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(cfg.StatementTimeout),
	}
}

// prepare prepares what is asked again and again. What the server does not understand, being too old, is left for Probe to say.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	for _, sql := range prepared() {
		_, err := conn.Prepare(ctx, sql, sql)
		if refused := new(pgconn.PgError); err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}

func port(cfg Config) uint16 {
	if cfg.Port < 1 || cfg.Port > math.MaxUint16 { // validate has refused it
		return defaultPort
	}
	return uint16(cfg.Port)
}

// tlsConfig returns nil for a connection in clear text.
func tlsConfig(cfg Config) (*tls.Config, error) {
	config, err := outbound.TLSConfig(cfg.Credential)
	if err != nil {
		return nil, err
	}
	config.ServerName = strings.TrimSuffix(cfg.Host, ".")
	// Only the full check is that of the standard library; what the others leave out of it is said below.
	config.InsecureSkipVerify = cfg.TLS != TLSVerifyFull
	if cfg.TLS == TLSVerifyCA {
		config.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, config.RootCAs) }
	}
	if cfg.TLS == TLSDisable {
		return nil, nil
	}
	return config, nil
}

// verifyChain checks everything but the name of the host.
func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, intermediate := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(intermediate)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}
