// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"
	"time"
)

func codecOf(t testing.TB, key string) *CursorCodec {
	t.Helper()
	c, err := NewCursorCodec([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

var cursorKey = strings.Repeat("k", 32)

func position() Position {
	return Position{
		LastCreated: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), LastID: "2819c223-7f76-453a-919d-413861904646",
		LastKey: "\x00bjensen", LastType: "Group", QueryHash: [32]byte{1, 2, 31: 3}, Count: 100, IssuedAt: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
	}
}

func TestCursorRoundTrip(t *testing.T) {
	c := codecOf(t, cursorKey)
	for name, p := range map[string]Position{
		"usual": position(),
		"zero":  {},
		"edges": {
			LastCreated: time.Unix(-1, 999_999_999).UTC(), LastID: strings.Repeat("x", 255), Count: math.MaxInt,
			LastKey: "\x00" + strings.Repeat("\xff", DefaultLimits().SortKeyBytes), LastType: strings.Repeat("y", 64), IssuedAt: time.Unix(1<<40, 0).UTC(),
		},
	} {
		cursor := c.Encode(p)
		got, err := c.Decode(cursor)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		diff(t, name, p.LastID, got.LastID)
		if !got.LastCreated.Equal(p.LastCreated) || got.IssuedAt.Unix() != p.IssuedAt.Unix() || got.LastKey != p.LastKey || got.LastType != p.LastType ||
			got.Count != p.Count || got.QueryHash != p.QueryHash {
			t.Errorf("%s: got %+v, want %+v", name, got, p)
		}
		const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
		if strings.Trim(cursor, unreserved) != "" || len(cursor) > DefaultLimits().CursorBytes {
			t.Errorf("%s: %q has %d characters, not all unreserved", name, cursor, len(cursor))
		}
		if same := codecOf(t, cursorKey).Encode(p); same != cursor {
			t.Errorf("%s: another server makes another cursor", name)
		}
	}
}

// TestCursorBytes pins the layout, which servers of two releases share: to change it
// is to change cursorVersion.
func TestCursorBytes(t *testing.T) {
	raw, err := base64.RawURLEncoding.DecodeString(codecOf(t, cursorKey).Encode(position()))
	if err != nil {
		t.Fatal(err)
	}
	want := "\x02\x00\x00\x00\x00\x69\x57\x35\xa5\x00\x00\x00\x06\x00\x00\x00\x00\x69\x81\x73\xf2\x00\x00\x00\x00\x00\x00\x00\x64" +
		"\x01\x02" + strings.Repeat("\x00", 29) + "\x03" + "\x24" + "2819c223-7f76-453a-919d-413861904646" + "\x05Group" + "\x00bjensen"
	diff(t, "layout", []byte(want), raw[:len(raw)-32])
}

func TestCursorForged(t *testing.T) {
	c := codecOf(t, cursorKey)
	cursor := c.Encode(position())
	forged := map[string]string{
		"empty": "", "word": "x", "another key": codecOf(t, strings.Repeat("x", 32)).Encode(position()), "longer": cursor + "AAAA",
		"line feed": cursor[:8] + "\n" + cursor[8:], "padding": cursor + "=", "standard alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(cursor) + "+",
		"too long": strings.Repeat("A", DefaultLimits().CursorBytes+1), "sum only": base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
		"nothing signed": base64.RawURLEncoding.EncodeToString(c.sum(nil)),
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := []byte(string(raw))
		changed[i] ^= 1
		forged["a bit changed"] = base64.RawURLEncoding.EncodeToString(changed)
		if _, err := c.Decode(forged["a bit changed"]); typeOf(t, err) != ErrorInvalidCursor {
			t.Fatalf("byte %d: %v, want invalidCursor", i, err)
		}
	}
	for i := range cursor {
		forged["shorter"] = cursor[:i]
		if _, err := c.Decode(cursor[:i]); typeOf(t, err) != ErrorInvalidCursor {
			t.Fatalf("%d characters: %v, want invalidCursor", i, err)
		}
	}
	// A last character with bits that no byte needs, for each length that has some.
	for _, id := range []string{"", "x", "xx"} {
		text := c.Encode(Position{LastID: id})
		last := strings.IndexByte(base64URL, text[len(text)-1])
		if len(text)%4 != 0 {
			forged["loose bits "+id] = text[:len(text)-1] + base64URL[last+1:last+2]
		}
	}
	// Authentic, but not of this layout.
	for name, signed := range map[string]string{"version": "\x01" + string(raw[1:len(raw)-32]), "short": "\x02", "id": string(raw[:61]) + "\xff\xff", "type": string(raw[:61]) + "\x01a", "typeCut": string(raw[:61]) + "\x01a\x02b"} {
		forged[name] = base64.RawURLEncoding.EncodeToString(append([]byte(signed), c.sum([]byte(signed))...))
	}
	for name, text := range forged {
		p, err := c.Decode(text)
		if typeOf(t, err) != ErrorInvalidCursor || p != (Position{}) {
			t.Errorf("%s: %+v, %v, want invalidCursor", name, p, err)
		}
	}
}

func TestNewCursorCodec(t *testing.T) {
	if _, err := NewCursorCodec(make([]byte, 31)); err == nil || strings.Contains(err.Error(), "\x00") {
		t.Errorf("a key of 31 bytes: %v", err)
	}
	key := []byte(cursorKey)
	c, err := NewCursorCodec(key)
	if err != nil {
		t.Fatal(err)
	}
	cursor := c.Encode(position())
	clear(key)
	if _, err := c.Decode(cursor); err != nil {
		t.Errorf("the codec uses the caller's key: %v", err)
	}
}

func TestPositionCheck(t *testing.T) {
	query := func(text string) ListQuery { return listQuery(t, text) }
	q := query("cursor&filter=userName+sw+%22j%22&sortBy=userName&count=10")
	issued := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := Position{QueryHash: q.Hash("acme", "/Users"), Count: q.Count, IssuedAt: issued}
	for name, tc := range map[string]struct {
		q     ListQuery
		after time.Duration
		scope []string
		err   ErrorType
	}{
		"same":            {q, time.Minute, []string{"acme", "/Users"}, ""},
		"at the end":      {q, time.Hour, []string{"acme", "/Users"}, ""},
		"late":            {q, time.Hour + time.Second, []string{"acme", "/Users"}, ErrorExpiredCursor},
		"another clock":   {q, -time.Minute, []string{"acme", "/Users"}, ""},
		"other directory": {q, 0, []string{"evil", "/Users"}, ErrorInvalidCursor},
		"other split":     {q, 0, []string{"acm", "e/Users"}, ErrorInvalidCursor},
		"other endpoint":  {q, 0, []string{"acme", "/Groups"}, ErrorInvalidCursor},
		"other filter":    {query("cursor&filter=userName+sw+%22k%22&sortBy=userName&count=10"), 0, []string{"acme", "/Users"}, ErrorInvalidCursor},
		"no filter":       {query("cursor&sortBy=userName&count=10"), 0, []string{"acme", "/Users"}, ErrorInvalidCursor},
		"other order":     {query("cursor&filter=userName+sw+%22j%22&sortBy=userName&sortOrder=descending&count=10"), 0, []string{"acme", "/Users"}, ErrorInvalidCursor},
		"other count":     {query("cursor&filter=userName+sw+%22j%22&sortBy=userName&count=11"), 0, []string{"acme", "/Users"}, ErrorInvalidCount},
		"no count":        {query("cursor&filter=userName+sw+%22j%22&sortBy=userName"), 0, []string{"acme", "/Users"}, ErrorInvalidCount},
		"as a search":     {searchQuery(t, `{"cursor":"x","filter":"userName sw \"j\"","sortBy":"userName","count":10}`), 0, []string{"acme", "/Users"}, ""},
	} {
		if err := p.Check(tc.q, issued.Add(tc.after), time.Hour, tc.scope...); typeOf(t, err) != tc.err {
			t.Errorf("%s: %v, want %q", name, err, tc.err)
		}
	}
}
