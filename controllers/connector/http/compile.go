// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"maps"
	"slices"

	"github.com/google/cel-go/cel"
	"golang.org/x/net/http/httpguts"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// program is a compiled expression and the field that it stands in, for people.
type program struct {
	field string
	cel   cel.Program
}

// result is what an expression must yield.
type result struct {
	fits  func(*cel.Type) bool
	words string
}

func anyText() result {
	return result{language.OneOf(cel.StringType, cel.IntType, cel.UintType, cel.DoubleType, cel.BoolType), "string, int, double or bool"}
}

func aBool() result { return result{language.OneOf(cel.BoolType), "bool"} }

func aList() result {
	return result{func(t *cel.Type) bool { return t.Kind() == cel.ListKind || t.Kind() == cel.DynKind }, "list"}
}

func names() result {
	return result{language.OneOrMany(cel.StringType), "string or list(string)"}
}

func anything() result {
	return result{func(*cel.Type) bool { return true }, "anything"}
}

// compiler compiles what a configuration is made of, and remembers the first thing that is wrong.
type compiler struct {
	envs map[stage]*cel.Env
	err  error
}

func (c *compiler) env(s stage) (*cel.Env, error) {
	if env, ok := c.envs[s]; ok {
		return env, nil
	}
	env, err := newLanguage(s)
	if err == nil {
		c.envs[s] = env
	}
	return env, err
}

func (c *compiler) fail(field, format string, args ...any) {
	if c.err == nil {
		problem := connector.Invalidf(format, args...)
		problem.Message = field + ": " + problem.Message
		c.err = problem
	}
}

// expression compiles one that must be there.
func (c *compiler) expression(field string, s stage, text string, want result) *program {
	env, err := c.env(s)
	if err != nil {
		c.fail(field, "the language cannot be made")
		return nil
	}
	compiled, err := language.Compile(env, text, want.fits, want.words)
	if err != nil {
		c.fail(field, "%s", err.Error())
		return nil
	}
	return &program{field, compiled}
}

// optional compiles one that may be empty.
func (c *compiler) optional(field string, s stage, text string, want result) *program {
	if text == "" {
		return nil
	}
	return c.expression(field, s, text, want)
}

// named is an expression for a query parameter, a header or an attribute.
type named struct {
	name string
	*program
}

func (c *compiler) named(field string, s stage, texts map[string]string) []named {
	all := make([]named, 0, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, named{name, c.expression(field+"["+name+"]", s, texts[name], anyText())})
	}
	return all
}

// request compiles a template; nil stays nil. what says in an error what the request is for.
func (c *compiler) request(field, what string, s stage, r *Request) *request {
	if r == nil {
		return nil
	}
	compiled := &request{what: what, field: field, method: r.Method, encoding: r.Encoding}
	literals, expressions, err := splitPath(r.Path)
	if err != nil {
		c.fail(field+".path", "%s", err.Error())
	}
	compiled.literals = literals
	for _, e := range expressions {
		compiled.placeholders = append(compiled.placeholders, c.expression(field+".path", s, e, anyText()))
	}
	compiled.query = c.named(field+".query", s, r.Query)
	compiled.headers = c.named(field+".headers", s, r.Headers)
	c.checkHeaders(field+".headers", r.Headers)
	compiled.body = c.optional(field+".body", s, r.Body, anything())
	compiled.success = c.optional(field+".success", inResponse, r.Success, aBool())
	compiled.notFound = c.optional(field+".notFound", inResponse, r.NotFound, aBool())
	compiled.conflict = c.optional(field+".conflict", inResponse, r.Conflict, aBool())
	return compiled
}

// checkHeaders refuses those that are not the author's to write: who we are, and where a message ends.
func (c *compiler) checkHeaders(field string, headers map[string]string) {
	for name := range headers {
		if !httpguts.ValidHeaderFieldName(name) || slices.Contains(reservedHeaders(), canonical(name)) {
			c.fail(field, "%q cannot be set here", name)
		}
	}
}

func reservedHeaders() []string {
	return []string{
		"Authorization", "Proxy-Authorization", "Cookie", "Host", "Connection", "Content-Length", "Content-Type", "Accept", "Accept-Encoding",
		"Transfer-Encoding", "Te", "Trailer", "Upgrade", "User-Agent", "Expect",
	}
}

func (c *compiler) lookup(field, what string, s stage, l *Lookup) *lookup {
	if l == nil {
		return nil
	}
	compiled := &lookup{request: c.request(field, what, s, &l.Request), pagination: l.Pagination}
	compiled.items = c.optional(field+".items", inResponse, l.Items, aList())
	switch paged := l.Pagination.Type; {
	case paged != PaginationNone && l.Items == "":
		c.fail(field+".items", "pages have items")
	case paged == PaginationCursor || paged == PaginationNextURL:
		compiled.next = c.expression(field+".pagination.next", inResponse, l.Pagination.Next, anyText())
	}
	return compiled
}
