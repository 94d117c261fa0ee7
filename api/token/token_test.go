// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNewParses(t *testing.T) {
	tok, err := New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(tok.Reveal())
	if err != nil || got != tok {
		t.Fatalf("Parse(New()) = %v, %v: a new token must parse to itself", got, err)
	}
	if len(tok.Reveal()) != tokenLen {
		t.Errorf("length %d, want %d", len(tok.Reveal()), tokenLen)
	}
	if len(tok.KeyID()) != keyIDLen || len(tok.SHA256()) != 64 {
		t.Errorf("KeyID %q SHA256 %q have the wrong length", tok.KeyID(), tok.SHA256())
	}
}

func TestNewUsesAllBits(t *testing.T) {
	low, _ := New(bytes.NewReader(make([]byte, keyIDEntropy+secretBytes)))
	high, _ := New(bytes.NewReader(bytes.Repeat([]byte{0xff}, keyIDEntropy+secretBytes)))
	n := func(tok Token) string { return tok.Reveal()[secretStart:secretEnd] }
	if n(low) != strings.Repeat("0", secretLen) {
		t.Errorf("secret of zero bits is %q", n(low))
	}
	if !strings.HasPrefix(n(high), "y") {
		t.Errorf("secret of one bits starts with %q: 2^256-1 needs all 43 digits and must not be cut", n(high)[:1])
	}
}

func TestNewFailsWithoutRandomness(t *testing.T) {
	if tok, err := New(bytes.NewReader(nil)); err == nil || tok != (Token{}) {
		t.Fatalf("New without randomness = %v, %v, want an error and no token", tok.Reveal(), err)
	}
}

func TestParseRefuses(t *testing.T) {
	tok, _ := New(rand.Reader)
	good := tok.Reveal()
	for reason, bad := range map[string]string{
		"empty":                     "",
		"spaces":                    "   ",
		"prefix only":               prefix,
		"another prefix":            "glsoat_" + good[len(prefix):],
		"cut":                       good[:len(good)-1],
		"longer":                    good + "0",
		"leading space":             " " + good[:len(good)-1],
		"one character of secret":   flip(good, secretStart),
		"one character of key id":   flip(good, len(prefix)),
		"one character of checksum": flip(good, len(good)-1),
		"separator":                 flip(good, secretEnd),
		"NUL":                       good[:secretStart] + "\x00" + good[secretStart+1:],
	} {
		if _, err := Parse(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Parse = %v, want ErrMalformed", reason, err)
		}
	}
}

func flip(s string, at int) string {
	c := byte('x')
	if s[at] == c {
		c = 'y'
	}
	return s[:at] + string(c) + s[at+1:]
}

func TestNeverPrinted(t *testing.T) {
	tok, _ := New(rand.Reader)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", tok, "in", struct{ T Token }{tok})
	asJSON, _ := json.Marshal(map[string]any{"t": tok})
	for _, out := range []string{
		fmt.Sprint(tok), fmt.Sprintf("%v %+v %#v %s %q %x %d", tok, tok, tok, tok, tok, tok, tok),
		fmt.Sprintf("%+v", struct{ T Token }{tok}), log.String(), string(asJSON),
	} {
		if strings.Contains(out, tok.Reveal()[secretStart:secretEnd]) {
			t.Errorf("the token shows in %q", out)
		}
	}
}

func FuzzParse(f *testing.F) {
	tok, _ := New(rand.Reader)
	f.Add(tok.Reveal())
	f.Add("scimop__")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := Parse(s)
		if err == nil && tok.Reveal() != s {
			t.Errorf("Parse(%q) accepted another string", s)
		}
	})
}
