// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// MaxTokenBytes bounds a token; a longer one is refused unread.
	MaxTokenBytes = 4 << 10
	// leeway is by how much the clocks of issuer and server may differ.
	leeway = time.Minute
	// keyIDPrefix begins the names of clients, which ScimTokens cannot have.
	keyIDPrefix = "jwt-"
	keyIDBytes  = 6
)

// Verifier checks tokens. The zero value is ready, and it is safe for concurrent use.
type Verifier struct {
	policies policies
	decoys   decoys
}

// Verify checks a token for a directory, as scim-server's cache has it, and returns the public name of the client that it was given to: "jwt-"
// and 12 hexadecimal digits, the same for every token of that client from that issuer. Every error wraps [ErrRefused]; none quotes the token.
func (v *Verifier) Verify(_ context.Context, dir *v1alpha1.ScimDirectory, raw string, now time.Time) (keyID string, err error) {
	if !isCompact(raw) {
		return "", refusedForm
	}
	p := v.policies.of(dir)
	head, err := readHeader(raw)
	if err != nil {
		return "", err
	}
	payload, err := v.authentic(p, raw, head)
	if err != nil {
		return "", err
	}
	return p.accept(payload, now)
}

// isCompact reports whether raw can be a JWS in compact form (RFC 7515 §7.1): not too long, two dots, and base64url between them. It comes before
// everything that allocates (CVE-2025-30204, CVE-2025-27144).
func isCompact(raw string) bool {
	if len(raw) > MaxTokenBytes || strings.Count(raw, ".") != 2 {
		return false
	}
	for i := range len(raw) {
		switch c := raw[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// authentic returns the payload of a token that a key of the issuer signed.
func (v *Verifier) authentic(p *policy, raw string, head header) ([]byte, error) {
	key, why := p.key(head)
	if key == nil {
		key = v.decoys.of(head.algorithm)
	}
	if key == nil {
		return nil, refusedAlgorithm
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(head.algorithm)})
	if err != nil {
		return nil, refusedForm
	}
	payload, err := signed.Verify(key.Public())
	switch {
	case why != "":
		return nil, why
	case err != nil:
		return nil, refusedSignature
	}
	return payload, nil
}

// accept checks what an authentic token says.
func (p *policy) accept(payload []byte, now time.Time) (keyID string, err error) {
	var registered josejwt.Claims
	var claims claims
	if json.Unmarshal(payload, &registered) != nil || json.Unmarshal(payload, &claims) != nil {
		return "", refusedForm
	}
	if err := p.checkRegistered(registered, now); err != nil {
		return "", err
	}
	for i := range p.required {
		if !claims.satisfies(&p.required[i]) {
			return "", refusedClaim
		}
	}
	client, ok := claims.text(p.pin)
	if p.pin == "" || !ok {
		return "", refusedClaim
	}
	sum := sha256.Sum256([]byte(p.issuer + "\n" + p.pin + "\n" + client))
	return keyIDPrefix + hex.EncodeToString(sum[:keyIDBytes]), nil
}

func (p *policy) checkRegistered(c josejwt.Claims, now time.Time) error {
	// go-jose takes nothing that is expected for everything.
	if p.issuer == "" || c.Issuer != p.issuer {
		return refusedIssuer
	}
	if len(p.audiences) == 0 {
		return refusedAudience
	}
	err := c.ValidateWithLeeway(josejwt.Expected{Issuer: p.issuer, AnyAudience: p.audiences, Time: now}, leeway)
	if errors.Is(err, josejwt.ErrInvalidAudience) {
		return refusedAudience
	}
	if err != nil || c.Expiry == nil || c.IssuedAt == nil {
		return refusedTime
	}
	if life := c.Expiry.Time().Sub(c.IssuedAt.Time()); life <= 0 || life > p.maxLifetime {
		return refusedTime
	}
	return nil
}
