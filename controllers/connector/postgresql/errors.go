// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// SQLSTATEs of which the class alone does not say enough (PostgreSQL, appendix A).
const (
	divisionByZero         = "22012"
	insufficientPrivilege  = "42501"
	duplicateObject        = "42710"
	undefinedObject        = "42704"
	invalidName            = "42602"
	reservedName           = "42939"
	dependentObjects       = "2BP01"
	invalidCatalogName     = "3D000"
	invalidRoleSpec        = "0P000"
	featureNotSupported    = "0A000"
	classData              = "22"
	classAuthorization     = "28"
	refusedWait            = time.Minute
	changedWait            = time.Second
	theServerDoesNotAnswer = "the server does not answer"
)

// errChanged is in the error when something of the account was changed between our look and our transaction.
var errChanged = errors.New("changed meanwhile")

// explain turns a failure into an error of a kind. What the server says is never quoted: it holds names.
func explain(ctx context.Context, s statement, err error) error {
	var refused *pgconn.PgError
	if ctx.Err() != nil && !errors.As(err, &refused) {
		return ended(ctx, s, err)
	}
	if errors.As(err, &refused) {
		return explainCode(s, refused)
	}
	return explainConnection(s, err)
}

// ended is for what did not happen because the caller, or our own time limit, ended it.
func ended(ctx context.Context, s statement, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", s.what, context.Canceled)
	}
	return connector.Unavailablef(0, "%s: the server does not answer in time", s.what).Because(errors.Join(ctx.Err(), err))
}

func explainConnection(s statement, err error) error {
	var certificate *tls.CertificateVerificationError
	var connecting *pgconn.ConnectError
	switch {
	case errors.Is(err, egress.ErrForbidden):
		return connector.Deniedf("%s: the address is not one that connectors may connect to; see --allow-egress of scim-controller", s.what).Because(err)
	case errors.As(err, &certificate):
		return connector.Deniedf("%s: the server's certificate is not trusted, or not for this host; put its authority into the Secret's %s",
			s.what, outbound.KeyAuthorities).Because(err)
	case errors.As(err, &connecting):
		return connector.Unavailablef(0, "%s: the server cannot be reached, or not in the way that tlsMode asks for", s.what).Because(err)
	}
	return connector.Unavailablef(0, "%s: %s", s.what, theServerDoesNotAnswer).Because(err)
}

// explainCode says what an answer means.
//
//	SQLSTATE                     kind
//	42501                        Denied, with what is missing
//	28…, 3D000                   Denied: the credential or the database
//	42710                        Conflict: somebody else's role
//	2BP01                        Conflict: the role owns something
//	22…, 42602, 42939, 42704, 0A000 Invalid where the statement holds a value of the account
//	22012                        Unavailable: what our own conditions say (queries.go)
//	everything else              Unavailable: 08, 40, 53, 55, 57, 58, XX and whatever passes
func explainCode(s statement, refused *pgconn.PgError) error {
	switch code := refused.Code; {
	case code == insufficientPrivilege && s.needs != "":
		return connector.Deniedf("%s: the credential needs %s", s.what, s.needs).Because(refused)
	case code == insufficientPrivilege:
		return connector.Deniedf("%s: the credential may not", s.what).Because(refused)
	case strings.HasPrefix(code, classAuthorization):
		return connector.Deniedf("%s: the server refuses the credential (%s)", s.what, code).Because(refused)
	case code == invalidCatalogName:
		return connector.Deniedf("%s: the server has no such database", s.what).Because(refused)
	case code == duplicateObject:
		return connector.Conflictf("a role of this name is there and does not bear the account's mark").Because(refused)
	case code == dependentObjects:
		return connector.Conflictf("%s: something depends on the role of the account", s.what).Because(refused)
	case code == divisionByZero:
		return connector.Unavailablef(changedWait, "%s: the role of the account was changed meanwhile", s.what).Because(errChanged)
	case s.about != "" && isAboutValue(code):
		return connector.Invalidf("%s: the server does not take it (%s)", s.about, code).Because(refused)
	}
	return connector.Unavailablef(waitFor(refused.Code), "%s: the server cannot do it now (%s)", s.what, refused.Code).Because(refused)
}

func isAboutValue(code string) bool {
	switch code {
	case undefinedObject, invalidName, reservedName, invalidRoleSpec, featureNotSupported:
		return true
	}
	return strings.HasPrefix(code, classData)
}

// waitFor is the pause after errors that only people end: a standby, a full disk, too many connections.
func waitFor(code string) time.Duration {
	switch code {
	case "25006", "53100":
		return refusedWait
	}
	return 0
}
