// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package token is the format of the bearer tokens that identity providers present.
//
//	scimop_<key id>_<secret>_<checksum>
//	       8 base62 43 base62 6 base62, 66 characters in all
//
// The prefix and the checksum let secret scanners find a leaked token and let scim-server refuse a mistyped one without
// looking anything up. The secret carries 256 random bits, so its SHA-256 may be published and needs no salt and no slow hash.
// The controller makes tokens and the server checks them; the format is the only thing that both must know.
// The package imports nothing but the standard library.
package token

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/big"
	"strings"
)

const (
	prefix       = "scimop_"
	keyIDLen     = 8
	secretLen    = 43 // 62^43 > 2^256
	checksumLen  = 6  // 62^6 > 2^32
	secretBytes  = 32
	secretStart  = len(prefix) + keyIDLen + 1
	secretEnd    = secretStart + secretLen
	tokenLen     = secretEnd + 1 + checksumLen
	redacted     = "[token]"
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	keyIDEntropy = 6
)

// ErrMalformed is returned for a string that is not a token: its length, alphabet, prefix or checksum is wrong.
var ErrMalformed = errors.New("malformed token")

// Token is a bearer token or a password. It prints as a placeholder wherever it is formatted, logged or marshalled; only Reveal shows it.
type Token struct{ text, keyID string }

// New makes a token of 256 bits from random. It fails only when random does.
func New(random io.Reader) (Token, error) {
	buf := make([]byte, keyIDEntropy+secretBytes)
	if _, err := io.ReadFull(random, buf); err != nil {
		return Token{}, fmt.Errorf("read random bytes: %w", err)
	}
	keyID := base62(new(big.Int).SetBytes(buf[:keyIDEntropy]), keyIDLen)
	secret := base62(new(big.Int).SetBytes(buf[keyIDEntropy:]), secretLen)
	body := prefix + keyID + "_" + secret
	return Token{text: body + "_" + checksum(body), keyID: keyID}, nil
}

// Parse returns the token that s is, or ErrMalformed. It checks shape and checksum, not whether anybody accepts the token.
func Parse(s string) (Token, error) {
	if len(s) != tokenLen || !strings.HasPrefix(s, prefix) || s[secretStart-1] != '_' || s[secretEnd] != '_' {
		return Token{}, ErrMalformed
	}
	if !isBase62(s[len(prefix):secretStart-1]) || !isBase62(s[secretStart:secretEnd]) || s[secretEnd+1:] != checksum(s[:secretEnd]) {
		return Token{}, ErrMalformed
	}
	return Token{text: s, keyID: s[len(prefix) : secretStart-1]}, nil
}

// The length of a credential that was made elsewhere.
const (
	MinForeignLen = 32
	MaxForeignLen = 1024
)

// Foreign returns the credential that s is, although it was not made here: MinForeignLen to MaxForeignLen printable ASCII characters without
// spaces. A string with our prefix is one of ours or nothing. Otherwise it is ErrMalformed.
func Foreign(s string) (Token, error) {
	if strings.HasPrefix(s, prefix) {
		return Parse(s)
	}
	if len(s) < MinForeignLen || len(s) > MaxForeignLen || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Token{}, ErrMalformed
	}
	t := Token{text: s}
	t.keyID = ForeignKeyID(t.SHA256())
	return t, nil
}

// foreignDigits of the hash are in a key id: enough to tell credentials apart, and too few to help anybody who guesses at 32 characters.
const foreignDigits = 12

// foreignPrefix has a character that no key id of ours has.
const foreignPrefix = "x-"

// ForeignKeyID returns the key id of a credential that was made elsewhere, from its SHA-256 in lower-case hexadecimal.
func ForeignKeyID(sha256 string) string { return foreignPrefix + sha256[:foreignDigits] }

// IsForeignKeyID says whether a key id is that of a credential that was made elsewhere.
func IsForeignKeyID(keyID string) bool { return strings.HasPrefix(keyID, foreignPrefix) }

// Reveal returns the token itself.
func (t Token) Reveal() string { return t.text }

// KeyID returns the public name of the token, which may be logged. It is empty for the zero Token.
func (t Token) KeyID() string { return t.keyID }

// Sum256 returns the SHA-256 of the whole token.
func (t Token) Sum256() [sha256.Size]byte { return sha256.Sum256([]byte(t.text)) }

// SHA256 returns Sum256 in lower-case hexadecimal, as ScimToken.status publishes it.
func (t Token) SHA256() string {
	sum := t.Sum256()
	return hex.EncodeToString(sum[:])
}

// String returns a placeholder.
func (t Token) String() string { return redacted }

// GoString returns a placeholder.
func (t Token) GoString() string { return redacted }

// Format writes a placeholder, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns a placeholder, so that no encoder shows the token.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a placeholder.
func (t Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// checksum does not use base62, since it is what a stranger costs who makes tokens up.
func checksum(body string) string {
	var out [checksumLen]byte
	rest := crc32.ChecksumIEEE([]byte(body))
	for i := range out {
		out[checksumLen-1-i] = alphabet[rest%uint32(len(alphabet))]
		rest /= uint32(len(alphabet))
	}
	return string(out[:])
}

// base62 writes n with exactly width digits, most significant first; higher digits than fit are dropped.
func base62(n *big.Int, width int) string {
	out := make([]byte, width)
	base, digit, rest := big.NewInt(int64(len(alphabet))), new(big.Int), new(big.Int).Set(n)
	for i := width - 1; i >= 0; i-- {
		rest.DivMod(rest, base, digit)
		out[i] = alphabet[digit.Int64()]
	}
	return string(out)
}

func isBase62(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
