// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// refusedWait is when to try again what only people can change.
const refusedWait = time.Minute

var (
	// errStale ends a plan that was made for something that is not so any more: look again.
	errStale = errors.New("the entry is not as it was")
	// errTaken ends a plan that would put an entry where there is one.
	errTaken = errors.New("there is an entry of that name")
)

// answerOf is the result code of an answer of the server. Beyond those of servers the library has codes of its own.
func answerOf(err error) (code uint16, answered bool) {
	var answer *ldapv3.Error
	if !errors.As(err, &answer) || answer.ResultCode >= ldapv3.ErrorNetwork {
		return 0, false
	}
	return answer.ResultCode, true
}

// isAnswer reports whether the error of a request came from that answer.
func isAnswer(err error, code uint16) bool {
	is, answered := answerOf(err)
	return answered && is == code
}

// isBroken reports whether the session that err comes from may not be used again.
func isBroken(err error) bool {
	_, answered := answerOf(err)
	return err != nil && !answered
}

// explain turns a failure into an error of a kind. What the server says is never quoted: it may hold names.
//
//	answer                                                      kind
//	none, in time                                               Unavailable
//	3, 4, 11 (limits), 51 busy, 52 unavailable, 80 other        Unavailable
//	1, 2, 10 (referral), 53 unwillingToPerform, and the rest    Unavailable, in a minute
//	7, 8, 13, 48, 49 (our login), 50 (our rights), 32 elsewhere Denied
//	17, 18, 19, 20, 21, 34, 64, 65, 66, 67, 69, 71              Invalid
func explain(ctx context.Context, what string, err error) error {
	var certificate *tls.CertificateVerificationError
	answer, answered := answerOf(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case ctx.Err() != nil:
		return connector.Unavailablef(0, "%s: the directory does not answer in time", what).Because(ctx.Err())
	case answered:
		return explainAnswer(what, answer).Because(err)
	case errors.Is(err, egress.ErrForbidden):
		return connector.Deniedf("%s: the address is not one that connectors may connect to; see --allow-egress of scim-controller", what).Because(err)
	case errors.As(err, &certificate):
		return connector.Deniedf("%s: the directory's certificate is not trusted; put its authority into the Secret's ca.crt", what).Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return connector.Unavailablef(0, "%s: the directory does not answer in time", what).Because(err)
	case errors.Is(err, errTooLarge):
		return connector.Unavailablef(refusedWait, "%s: the directory's answer is too large", what).Because(err)
	}
	return connector.Unavailablef(0, "%s: the directory does not answer", what).Because(err)
}

func explainAnswer(what string, code uint16) *connector.Error {
	name := ldapv3.LDAPResultCodeMap[code]
	switch code {
	case ldapv3.LDAPResultInvalidCredentials, ldapv3.LDAPResultInappropriateAuthentication, ldapv3.LDAPResultAuthMethodNotSupported,
		ldapv3.LDAPResultStrongAuthRequired, ldapv3.LDAPResultConfidentialityRequired:
		return connector.Deniedf("%s: the directory refuses our login (%d %s)", what, code, name)
	case ldapv3.LDAPResultInsufficientAccessRights:
		return connector.Deniedf("%s: our rights are not sufficient (%d %s)", what, code, name)
	case ldapv3.LDAPResultNoSuchObject:
		return connector.Deniedf("%s: the place is not there, or hidden from us (%d %s)", what, code, name)
	case ldapv3.LDAPResultTimeLimitExceeded, ldapv3.LDAPResultSizeLimitExceeded, ldapv3.LDAPResultAdminLimitExceeded:
		return connector.Unavailablef(refusedWait, "%s: the directory's limits for us cut the answer short (%d %s)", what, code, name)
	case ldapv3.LDAPResultBusy, ldapv3.LDAPResultUnavailable, ldapv3.LDAPResultOther:
		return connector.Unavailablef(0, "%s: the directory cannot do it now (%d %s)", what, code, name)
	case ldapv3.LDAPResultReferral:
		return connector.Unavailablef(refusedWait, "%s: the directory refers to another, which is not followed (%d %s)", what, code, name)
	case ldapv3.LDAPResultNotAllowedOnNonLeaf:
		return connector.Invalidf("%s: there are entries below it (%d %s)", what, code, name)
	case ldapv3.LDAPResultUndefinedAttributeType, ldapv3.LDAPResultInappropriateMatching, ldapv3.LDAPResultConstraintViolation,
		ldapv3.LDAPResultAttributeOrValueExists, ldapv3.LDAPResultInvalidAttributeSyntax, ldapv3.LDAPResultInvalidDNSyntax,
		ldapv3.LDAPResultNamingViolation, ldapv3.LDAPResultObjectClassViolation, ldapv3.LDAPResultNotAllowedOnRDN,
		ldapv3.LDAPResultObjectClassModsProhibited, ldapv3.LDAPResultAffectsMultipleDSAs:
		return connector.Invalidf("%s: the directory's schema does not accept it (%d %s)", what, code, name)
	}
	return connector.Unavailablef(refusedWait, "%s: the directory does not do it (%d %s)", what, code, name)
}
