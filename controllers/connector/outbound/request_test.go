// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestSizes(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		message string
	}{
		"LargestBody": {handler: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, maxBody) }},
		"LargerBody":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, maxBody+1) }, "larger than 8 MiB"},
		"EndlessBody": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, zeros{}) }, "larger than 8 MiB"},
		"Bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			bomb := gzip.NewWriter(w)
			_, _ = io.CopyN(bomb, zeros{}, 1<<30)
		}, "larger than 8 MiB"},
		"LargeHeader": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", maxHeader+1))
		}, "does not answer"},
		"ManyHeaders": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 10_000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), "x")
			}
		}, "does not answer"},
		"CutShort": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "some")
		}, "does not answer"},
		"NoGzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "this is none")
		}, "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, tc.handler)
			server.Config.ErrorLog = quiet()
			answer, err := get(t, plain(t, server.URL))
			if tc.message == "" {
				if err != nil || len(answer.Body) != maxBody {
					t.Errorf("%d bytes, %v", len(answer.Body), err)
				}
				return
			}
			wantKind(t, err, connector.KindUnavailable, tc.message)
		})
	}
	t.Run("OwnLimit", func(t *testing.T) {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, 256<<10+1) })
		_, err := get(t, open(t, Config{URL: server.URL, AllowPlaintext: true, MaxAnswer: 256 << 10}))
		if wantKind(t, err, connector.KindUnavailable, "larger than 256 KiB"); !errors.Is(err, ErrTooLarge) {
			t.Errorf("error %v, want ErrTooLarge in it", err)
		}
	})
	t.Run("EndlessHeader", func(t *testing.T) {
		_, err := get(t, plain(t, raw(t, func(c net.Conn, _ <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			_, _ = io.Copy(c, zeros{})
		})))
		wantKind(t, err, connector.KindUnavailable, "does not answer")
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestSegment(t *testing.T) {
	for value, want := range map[string]string{
		"": "", ".": "", "..": "", "../../admin": "", `..\admin`: "", "a/..": "", "a/./b": "", "/..": "", "..;x": "", "...": "...", "a..b": "a..b", ".a": ".a",
		"jane": "jane", "a/b": "a%2Fb", "a%2f..%2fb": "a%252f..%252fb", "?x=1#y": "%3Fx=1%23y", "a b": "a%20b", "ü": "%C3%BC", "a\r\nb": "a%0D%0Ab", ";x": "%3Bx",
	} {
		got, err := Segment(value)
		if want == "" {
			wantKind(t, err, connector.KindInvalid, "")
			continue
		}
		if got != want || err != nil {
			t.Errorf("Segment(%q) = %q, %v, want %q", value, got, err, want)
		}
	}
}

func TestTarget(t *testing.T) {
	client := open(t, Config{URL: "https://app.example.com/api%2Fv1/"})
	const base = "https://app.example.com/api%2Fv1"
	for path, want := range map[string]string{
		"": base, "/": base + "/", "/a": base + "/a", "/a/": base + "/a/", "/a%2Fb": base + "/a%2Fb", "/a%2fb": base + "/a%2fb", "/a%20b;c": base + "/a%20b;c",
		"a": "", "//a": "", "/a//b": "", "/..": "", "/a/../b": "", "/a/%2e%2E/b": "", "/a%2f..%2fb": "", "/a%2f..%2fb c": "", "/a%5c..%5cb": "", "/./a": "", "/..;x/a": "",
		"/a?b": "", "/a#b": "", "/a b": "", "/a%zz": "", "/ü": "", "/a\x00": "", "@evil.example.com": "", ":8443/": "", "/a%": "",
	} {
		got, err := client.target(Request{What: "look", Path: path})
		if want == "" {
			wantKind(t, err, connector.KindInvalid, "path")
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("target(%q) = %v, %v, want %s", path, got, err, want)
		}
	}
}

// FuzzTarget holds that no path leads out of the base, as different as servers may read it.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"", "/", "/a", "//x", "/a%2f..%2fb", "/%2e%2e/x", "/..;/x", "/\\..\\x", "/%5c%2e%2e", "?x", "/a b", "/%", "/\u00fc", "@host/", "/a%2f%2fb"} {
		f.Add(seed, "value", "/base%2F1")
	}
	f.Fuzz(func(t *testing.T, p, value, basePath string) {
		if client, err := Open(Config{URL: "https://app.example.com" + basePath}); err == nil && client.base.Host == "app.example.com" {
			staysBelow(t, client, p, value)
		}
	})
}

func staysBelow(t *testing.T, client *Client, p, value string) {
	base := strings.TrimRight(client.base.EscapedPath(), "/")
	if segment, err := Segment(value); err == nil {
		if strings.ContainsAny(segment, "/?#\\") {
			t.Errorf("Segment(%q) = %q", value, segment)
		}
		if _, err := client.target(Request{Path: "/" + segment}); err != nil {
			t.Errorf("the segment %q cannot be used: %v", segment, err)
		}
	}
	target, err := client.target(Request{Path: p, Query: url.Values{"q": {value}}})
	if err != nil {
		return
	}
	read, err := url.Parse(target.String())
	if err != nil || read.Scheme != "https" || read.Host != "app.example.com" || read.User != nil || read.Fragment != "" {
		t.Fatalf("target is %s, %v", target, err)
	}
	if read.EscapedPath() != base+p || read.Query().Get("q") != value || len(read.Query()) != 1 {
		t.Errorf("target is %s", target)
	}
	for _, suffix := range []string{p, strings.ReplaceAll(p, "%5c", "/"), strings.ReplaceAll(p, `\`, "/")} {
		unescaped, err := url.PathUnescape(suffix)
		if cleaned := path.Clean("/base" + unescaped); err != nil || cleaned != "/base" && !strings.HasPrefix(cleaned, "/base/") {
			t.Errorf("%q leads to %q", p, cleaned)
		}
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	client := open(t, Config{URL: "https://app.example.com"})
	for name, r := range map[string]Request{
		"Method":      {Method: "G T"},
		"HeaderName":  {Method: "GET", Header: http.Header{"X Y": {"z"}}},
		"HeaderValue": {Method: "GET", Header: http.Header{"X": {"a\r\nY: b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Do(t.Context(), r)
			wantKind(t, err, connector.KindInvalid, "cannot be sent")
		})
	}
}

func TestErr(t *testing.T) {
	for status, kind := range map[int]connector.Kind{
		200: "", 201: "", 204: "", 299: "",
		301: connector.KindUnavailable, 304: connector.KindUnavailable, 308: connector.KindUnavailable,
		400: connector.KindInvalid, 404: connector.KindInvalid, 410: connector.KindInvalid, 412: connector.KindInvalid, 413: connector.KindInvalid, 422: connector.KindInvalid,
		401: connector.KindDenied, 403: connector.KindDenied, 407: connector.KindDenied,
		408: connector.KindUnavailable, 425: connector.KindUnavailable, 429: connector.KindUnavailable,
		409: connector.KindConflict,
		500: connector.KindUnavailable, 501: connector.KindUnavailable, 502: connector.KindUnavailable, 503: connector.KindUnavailable, 504: connector.KindUnavailable, 599: connector.KindUnavailable,
	} {
		err := Response{Status: status, Header: http.Header{}, Body: []byte("do not tell")}.Err("look")
		if got := connector.KindOf(err); got != kind {
			t.Errorf("%d is %q, want %q", status, got, kind)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "look: ") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	date := func(in time.Duration) string { return time.Now().Add(in).UTC().Format(http.TimeFormat) }
	for name, tc := range map[string]struct {
		value    string
		min, max time.Duration
	}{
		"None":       {"", 0, 0},
		"Seconds":    {"120", 2 * time.Minute, 2 * time.Minute},
		"Zero":       {"0", 0, 0},
		"Negative":   {"-5", 0, 0},
		"Day":        {"86400", maxRetryAfter, maxRetryAfter},
		"Huge":       {"9223372036854775807", maxRetryAfter, maxRetryAfter},
		"Overflow":   {"99999999999999999999999", 0, 0},
		"Fraction":   {"1.5", 0, 0},
		"Text":       {"soon", 0, 0},
		"Date":       {date(2 * time.Minute), time.Minute, 2 * time.Minute},
		"Past":       {date(-time.Hour), 0, 0},
		"FarDate":    {date(24 * time.Hour), maxRetryAfter, maxRetryAfter},
		"BrokenDate": {"Mon, 99 Foo 2026 00:00:00 GMT", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			answer := Response{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {tc.value}}}
			if got := connector.RetryAfter(answer.Err("look")); got < tc.min || got > tc.max {
				t.Errorf("%s, want %s to %s", got, tc.min, tc.max)
			}
		})
	}
}
