// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"net/url"
	"reflect"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// maxPages bounds a list, so that one that never ends does.
const maxPages = 10_000

// lookup is a compiled request for accounts.
type lookup struct {
	*request
	items      *program
	next       *program
	pagination Pagination
}

// each yields every item of every page, until more says that it has seen enough. There is none if the application says "not found".
func (c *core) each(ctx context.Context, l *lookup, s scope, more func(item any) (bool, error)) error {
	s.page = page{number: l.pagination.First, size: l.pagination.Size}
	at := place{}
	var before any
	for range maxPages {
		items, err := c.page(ctx, l, &s, at)
		if err != nil {
			return err
		}
		if len(items) > 0 {
			if before != nil && reflect.DeepEqual(before, items[0]) {
				return connector.Unavailablef(oddWait, "%s: two pages of the list are the same; see %s.pagination", l.what, l.field)
			}
			before = items[0]
		}
		for _, item := range items {
			if goOn, err := more(item); err != nil || !goOn {
				return err
			}
		}
		another := false
		if at, another, err = c.turn(l, &s, len(items), at); err != nil || !another {
			return err
		}
	}
	return connector.Unavailablef(oddWait, "%s: the list has more than %d pages", l.what, maxPages)
}

// place is where a link points to, of which nothing is but the path behind our URL and the query.
type place struct {
	linked bool
	path   string
	query  url.Values
}

func (c *core) page(ctx context.Context, l *lookup, s *scope, at place) ([]any, error) {
	request, err := l.render(s)
	if err != nil {
		return nil, err
	}
	if at.linked {
		request.Path, request.Query = at.path, at.query
	}
	response, err := c.client.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	is, err := l.judge(s, response)
	if err != nil || is == notFound {
		return nil, err
	}
	return l.itemsOf(s)
}

// itemsOf takes the accounts out of an answer. An account is an object, and an answer that has none in the place of one is wrong.
func (l *lookup) itemsOf(s *scope) ([]any, error) {
	if l.items == nil {
		if _, ok := s.response.body.(map[string]any); !ok {
			return nil, unexpected(l.what, l.field, language.Failed(language.ProblemResult))
		}
		return []any{s.response.body}, nil
	}
	v, err := language.Eval(l.items.cel, s)
	var items []any
	if err == nil {
		items, err = nativeList(v)
	}
	if err != nil {
		return nil, unexpected(l.what, l.items.field, err)
	}
	return items, nil
}

// nativeList makes Go values of a list, so that its items can be variables again.
func nativeList(v ref.Val) ([]any, error) {
	if _, ok := v.Type().(*types.Type); !ok || v.Type() != types.ListType {
		return nil, language.Failed(language.ProblemResult)
	}
	var items []any
	for element := range language.Elements(v) {
		item, err := plainOf(element)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// turn goes to the next page. another says whether there is one.
func (c *core) turn(l *lookup, s *scope, items int, at place) (next place, another bool, err error) {
	switch l.pagination.Type {
	case PaginationPage:
		s.page.number++
		return at, items > 0, nil
	case PaginationOffset:
		s.page.offset += items
		return at, items > 0, nil
	case PaginationLink:
		return c.follow(l, nextOf(s.response.headers["link"]))
	case PaginationCursor, PaginationNextURL:
		text, _, err := l.next.text(s)
		if err != nil {
			return at, false, unexpected(l.what, l.next.field, err)
		}
		if l.pagination.Type == PaginationNextURL {
			return c.follow(l, text)
		}
		s.page.cursor = text
		return at, text != "", nil
	case PaginationNone:
	}
	return at, false, nil
}

// follow takes a link to another page, if it points to where the credential may be sent: the same origin, behind the same path.
func (c *core) follow(l *lookup, link string) (place, bool, error) {
	if link == "" {
		return place{}, false, nil
	}
	path, query, ok := within(c.base, link)
	if !ok {
		return place{}, false, connector.Deniedf("%s: the next page is said to be outside the URL of the application, which is not followed", l.what)
	}
	return place{linked: true, path: path, query: query}, true, nil
}

// within returns the path behind base and the query of a link, if it has the same origin and a path behind that of base.
func within(base *url.URL, link string) (path string, query url.Values, ok bool) {
	target, err := base.Parse(link)
	if err != nil || target.User != nil || target.Opaque != "" || target.Scheme != base.Scheme || origin(target) != origin(base) {
		return "", nil, false
	}
	path, ok = strings.CutPrefix(target.EscapedPath(), strings.TrimRight(base.EscapedPath(), "/"))
	if !ok || path != "" && path[0] != '/' {
		return "", nil, false
	}
	query, err = url.ParseQuery(target.RawQuery)
	return path, query, err == nil
}

// origin is the host and the port, as they are connected to.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// nextOf finds the target with rel=next in a header Link (RFC 8288); "" if there is none.
func nextOf(header string) string {
	for header != "" {
		_, rest, found := strings.Cut(header, "<")
		target, parameters, closed := strings.Cut(rest, ">")
		if !found || !closed {
			return ""
		}
		parameters, header = cutLink(parameters)
		for parameter := range strings.SplitSeq(parameters, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if strings.EqualFold(strings.TrimSpace(name), "rel") && hasWord(strings.Trim(strings.TrimSpace(value), `"`), "next") {
				return target
			}
		}
	}
	return ""
}

// cutLink separates the parameters of one link from the links behind it: at the first comma that is in no quotes.
func cutLink(text string) (parameters, rest string) {
	quoted := false
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

func hasWord(words, word string) bool {
	for each := range strings.FieldsSeq(words) {
		if strings.EqualFold(each, word) {
			return true
		}
	}
	return false
}
