// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// errNoFilter says that the application does not know a filter.
var errNoFilter = errors.New("no such filter")

// query is what a walk reads.
type query struct {
	what, path string
	filter     string
	// excluded are attributes that are not needed.
	excluded string
	// cursor says that cursors are used where the application has them: what is long is not to be read by index, which misses what moves.
	cursor bool
}

// page is one answer to a query.
type page struct {
	resources []resource
	// total is how many there are, -1 if the application does not say.
	total int
	// next is the cursor of the next page, empty if there is none.
	next string
}

// walk yields every resource that the query has, each once. An error ends it, also that a list ends before it is complete. What the filter
// means is for the application to say: whoever uses one looks at what comes.
func (c *Connector) walk(ctx context.Context, q query) iter.Seq2[resource, error] {
	return func(yield func(resource, error) bool) {
		known, err := c.discover(ctx)
		w := &walker{c: c, q: q, size: known.pageSize, byCursor: q.cursor && known.cursor, seen: map[string]bool{}}
		for err == nil {
			var fresh []resource
			if fresh, err = w.next(ctx); err != nil {
				break
			}
			for _, r := range fresh {
				if !yield(r, nil) {
					return
				}
			}
			if w.done {
				return
			}
		}
		yield(nil, err)
	}
}

// walker is a walk under way.
type walker struct {
	c        *Connector
	q        query
	size     int
	byCursor bool
	cursor   string
	seen     map[string]bool
	// most and total are how many there were, at most and last.
	most, total int
	// start is the index that was asked for last.
	start int
	done  bool
}

// next reads the next page and returns what is new in it.
func (w *walker) next(ctx context.Context) ([]resource, error) {
	p, err := w.read(ctx)
	if err != nil {
		return nil, err
	}
	var fresh []resource
	for _, r := range p.resources {
		id := r.text(attrID)
		if id == "" || w.q.path == usersPath && r.text(attrUserName) == "" {
			return nil, notSCIM(w.q.what)
		}
		if !w.seen[id] {
			w.seen[id] = true
			fresh = append(fresh, r)
		}
	}
	return fresh, w.advance(p, len(fresh))
}

// advance decides where the next page begins, and whether there is one.
func (w *walker) advance(p page, fresh int) error {
	w.most, w.total = max(w.most, p.total), p.total
	// What was deleted meanwhile and had been seen does not make up for what is still to come.
	atEnd := len(w.seen) >= w.most || w.start+len(p.resources) > p.total
	complete := p.total >= 0 && len(w.seen) >= p.total && atEnd
	switch {
	case p.next != "":
		if p.next == w.cursor {
			return truncated(w.q.what)
		}
		w.byCursor, w.cursor = true, p.next
	case complete, w.byCursor && (p.total < 0 || len(w.seen) >= p.total):
		w.done = true
	case w.byCursor || fresh == 0:
		return truncated(w.q.what)
	}
	return nil
}

func truncated(what string) *connector.Error {
	return connector.Unavailablef(0, "%s: the application's list ends before it is complete", what)
}

// startIndex is where the next page begins. Where the list became shorter meanwhile, what follows has moved to the front.
func (w *walker) startIndex() int { return max(1, len(w.seen)+1-(w.most-w.total)) }

func (w *walker) read(ctx context.Context) (page, error) {
	parameters := url.Values{"count": {strconv.Itoa(w.size)}}
	if w.q.filter != "" {
		parameters.Set("filter", w.q.filter)
	}
	if w.q.excluded != "" {
		parameters.Set("excludedAttributes", w.q.excluded)
	}
	if w.byCursor {
		parameters.Set("cursor", w.cursor)
	} else {
		w.start = w.startIndex()
		parameters.Set("startIndex", strconv.Itoa(w.start))
	}
	answer, err := w.c.send(ctx, call{what: w.q.what, method: http.MethodGet, path: w.q.path, query: parameters})
	if err != nil {
		return page{}, err
	}
	return readPage(w.q, answer)
}

// readPage reads the answer to a query.
//
//	answer                                  means
//	200 with a list                         that list
//	404 with an error of SCIM, and a filter nothing matches
//	400, 403, 501 and a filter              errNoFilter
//	200 with anything else                  Unavailable
func readPage(q query, answer outbound.Response) (page, error) {
	body, ok := decode(answer.Body)
	switch {
	case answer.Status == http.StatusNotFound && q.filter != "" && isError(body):
		return page{}, nil
	case q.filter != "" && slices.Contains([]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotImplemented}, answer.Status):
		return page{}, errNoFilter
	case answer.Status == http.StatusNotFound:
		return page{}, notSCIM(q.what)
	}
	if err := answer.Err(q.what); err != nil {
		return page{}, err
	}
	if !ok || !isList(body) {
		return page{}, notSCIM(q.what)
	}
	p := page{resources: body.entries("Resources"), total: -1, next: body.text("nextCursor")}
	if total, isNumber := body.get("totalResults").(json.Number); isNumber {
		if n, err := strconv.Atoi(total.String()); err == nil && n >= 0 {
			p.total = n
		}
	}
	return p, nil
}

// isList tells a list from anything else that an application, or what stands before it, may answer with.
func isList(body resource) bool {
	_, hasResources := body.get("Resources").([]any)
	return hasResources || body.text("totalResults") == "0"
}

func isError(body resource) bool {
	schemas, _ := body.get(attrSchemas).([]any)
	return slices.ContainsFunc(schemas, func(urn any) bool { return strings.HasSuffix(strings.ToLower(textOf(urn)), ":error") })
}

func positive(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// equals is a filter for one value. Strings are as in JSON (RFC 7644 section 3.4.2.2).
func equals(attribute, value string) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", connector.Invalidf("a value cannot be part of a filter").Because(err)
	}
	return attribute + " eq " + strings.TrimSuffix(text.String(), "\n"), nil
}
