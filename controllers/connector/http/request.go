// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// oddWait is when to try again what the application answers in a way that nobody expected.
const oddWait = time.Minute

// request is a compiled template.
type request struct {
	what, field                 string
	method                      string
	literals                    []string
	placeholders                []*program
	query, headers              []named
	body                        *program
	encoding                    Encoding
	success, notFound, conflict *program
}

func canonical(header string) string { return http.CanonicalHeaderKey(header) }

// text evaluates an expression that yields a text. absent says whether it yields nothing.
func (p *program) text(s *scope) (text string, absent bool, err error) {
	v, err := language.Eval(p.cel, s)
	if language.IsAbsent(err) {
		return "", true, nil
	}
	if err == nil {
		text, err = textOf(v, maxText)
	}
	return text, false, err
}

// condition evaluates one. What is absent is false.
func (p *program) condition(s *scope) (bool, error) {
	v, err := language.Eval(p.cel, s)
	if language.IsAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return language.Bool(v)
}

// errHeader is why a value cannot be in a header.
var errHeader = errors.New("a value with line breaks or control characters cannot be in a header")

// errUnwritable is in every error of a request that could not be written: nothing was sent.
var errUnwritable = errors.New("the request cannot be written")

// unfit says that a request cannot be made for an account. The cause holds no value, but an account may be a matter of what it is called.
func unfit(field string, err error) error {
	cause := errors.Join(errUnwritable, err)
	var said *language.EvalError
	if errors.As(err, &said) || errors.Is(err, errSegment) || errors.Is(err, errHeader) {
		return connector.Invalidf("%s: %s", field, err.Error()).Because(cause)
	}
	return connector.Invalidf("%s cannot be written for this account", field).Because(cause)
}

// render writes the request for what the scope holds. Whatever that is, the request goes to the application, has as many segments as its
// template, and no other headers.
func (r *request) render(s *scope) (outbound.Request, error) {
	out := outbound.Request{What: r.what, Method: r.method, Query: url.Values{}, Header: http.Header{}}
	var err error
	if out.Path, err = r.path(s); err != nil {
		return out, err
	}
	for _, q := range r.query {
		if text, absent, err := q.text(s); err != nil {
			return out, unfit(q.field, err)
		} else if !absent {
			out.Query.Set(q.name, text)
		}
	}
	for _, h := range r.headers {
		text, absent, err := h.text(s)
		switch {
		case err != nil:
			return out, unfit(h.field, err)
		case !httpguts.ValidHeaderFieldValue(text):
			return out, unfit(h.field, errHeader)
		case !absent:
			out.Header.Set(h.name, text)
		}
	}
	return out, r.writeBody(s, &out)
}

func (r *request) path(s *scope) (string, error) {
	var path strings.Builder
	path.WriteString(r.literals[0])
	for i, placeholder := range r.placeholders {
		text, absent, err := placeholder.text(s)
		if err == nil && absent {
			err = language.Failed(language.ProblemAbsent)
		}
		if err == nil {
			text, err = escapeSegment(text)
		}
		if err != nil {
			return "", unfit(placeholder.field, err)
		}
		path.WriteString(text)
		path.WriteString(r.literals[i+1])
	}
	return path.String(), nil
}

func (r *request) writeBody(s *scope, out *outbound.Request) error {
	if r.body == nil {
		return nil
	}
	v, err := language.Eval(r.body.cel, s)
	if err == nil {
		out.Body, out.ContentType, err = encode(v, r.encoding)
	}
	if err != nil {
		return unfit(r.body.field, err)
	}
	return nil
}

// verdict is what a response means.
type verdict int

const (
	succeeded verdict = iota
	notFound
)

// judge says what a response means. Everything but success and not found is an error of a kind.
func (r *request) judge(s *scope, response outbound.Response) (verdict, error) {
	s.response = newAnswer(response.Status, response.Header, response.Body)
	missing, err := r.holds(s, r.notFound, response.Status == http.StatusNotFound)
	if err != nil || missing {
		return notFound, err
	}
	conflicts, err := r.holds(s, r.conflict, response.Status == http.StatusConflict)
	if err != nil {
		return succeeded, err
	}
	if conflicts {
		return succeeded, connector.Conflictf("%s: the application says that it conflicts with something (%d)", r.what, response.Status)
	}
	good, err := r.holds(s, r.success, response.Status >= 200 && response.Status < 300)
	if err != nil || good {
		return succeeded, err
	}
	if err := response.Err(r.what); err != nil {
		return succeeded, err
	}
	return succeeded, connector.Unavailablef(oddWait, "%s: the application answers %d, but %s.success does not hold", r.what, response.Status, r.field)
}

// holds evaluates a condition of the request, or takes what holds without one.
func (r *request) holds(s *scope, p *program, otherwise bool) (bool, error) {
	if p == nil {
		return otherwise, nil
	}
	is, err := p.condition(s)
	if err != nil {
		return false, unexpected(r.what, p.field, err)
	}
	return is, nil
}

// unexpected says that an answer is not what an expression takes it for. It is never "there is no such account".
func unexpected(what, field string, err error) error {
	return connector.Unavailablef(oddWait, "%s: the answer is not what %s takes it for: %s", what, field, problem(err)).Because(err)
}

// problem is one of few words.
func problem(err error) language.Problem {
	var failed *language.EvalError
	if errors.As(err, &failed) {
		return failed.Problem
	}
	return language.ProblemOther
}
