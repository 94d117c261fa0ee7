// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/people"
)

// pageSize is what Okta and Entra ask for.
const pageSize = 100

// kind is one kind of request.
type kind struct {
	name string
	// status is that of every answer.
	status int
	// scans says that a server without an index looks at every user.
	scans bool
	// own says that each worker has a user of its own, so that there cannot be more workers than users.
	own bool
	// optional says that the server may not know this kind yet.
	optional bool
	// source makes the requests of one worker.
	source func(worker int) source
	// check looks at one answer.
	check func(found answer) error
}

// source appends the next request to buffer; last is the body of the answer before.
type source func(buffer, last []byte) []byte

// answer is what the checks look at.
type answer struct {
	ID           string `json:"id"`
	TotalResults int    `json:"totalResults"`
}

// population is the users that there are: the ids of the first ones in order, and how many they are all in all.
type population struct {
	ids   []string
	total int
}

// named checks that a list has all whose displayName contains text: those of the first ones, and perhaps some who came later.
func (p population) named(text string) func(answer) error {
	least := 0
	for i := range p.ids {
		if strings.Contains(people.Person(i).DisplayName(), text) {
			least++
		}
	}
	return func(a answer) error {
		if most := least + p.total - len(p.ids); a.TotalResults < least || a.TotalResults > most {
			return fmt.Errorf("totalResults: got %d, want %d to %d", a.TotalResults, least, most)
		}
		return nil
	}
}

// newcomers makes people that do not exist. They are far beyond those that are written.
type newcomers struct{ last atomic.Int64 }

const firstNewcomer = 10_000_000

func (n *newcomers) next() people.Person { return people.Person(firstNewcomer + n.last.Add(1)) }

// kinds are all that is measured, in this order: those that write come last, since they make more users.
func kinds(t target, p population, arrivals *newcomers) []kind {
	return append(append(reads(t, p), lists(t, p)...), writes(t, p, arrivals)...)
}

// reads find one user or none.
func reads(t target, p population) []kind {
	filter := func(attribute string, value func(people.Person) string) func(int) source {
		return gets(t, func() string { return find(attribute, value(people.Person(rand.IntN(len(p.ids))))) })
	}
	return []kind{
		{
			name: "GET by id", status: http.StatusOK,
			source: gets(t, func() string { return idp.UserPath(p.ids[rand.IntN(len(p.ids))]) }),
			check:  func(a answer) error { return expect("id", a.ID != "", true) },
		},
		{name: "`userName eq`, hit", status: http.StatusOK, source: filter("userName", people.Person.UserName), check: total(1)},
		{
			name: "`userName eq`, miss", status: http.StatusOK, check: total(0),
			source: gets(t, func() string { return find("userName", uuid.NewString()+"@acme.test") }),
		},
		{name: "`externalId eq`, hit", status: http.StatusOK, scans: true, source: filter("externalId", people.Person.ExternalID), check: total(1)},
		{name: "`emails.value eq`, hit", status: http.StatusOK, scans: true, source: filter("emails.value", people.Person.Email), check: total(1)},
	}
}

// lists return many users.
func lists(t target, p population) []kind {
	page := func(name string, start int) kind {
		path := fmt.Sprintf("/Users?startIndex=%d&count=%d", max(1, start), pageSize)
		return kind{name: name, status: http.StatusOK, source: gets(t, func() string { return path }), check: total(p.total)}
	}
	scan := func(name, text string) kind {
		path := "/Users?count=" + strconv.Itoa(pageSize) + "&filter=" + url.QueryEscape(`displayName co "`+text+`"`)
		return kind{name: name, status: http.StatusOK, scans: true, source: gets(t, func() string { return path }), check: p.named(text)}
	}
	return []kind{
		page("page of 100, first", 1),
		page("page of 100, middle", p.total/2),
		page("page of 100, last", p.total-pageSize+1),
		{name: "page of 100, walk by cursor", status: http.StatusOK, optional: true, source: walk(t), check: total(p.total)},
		scan("`displayName co \"x\"`, first 100", "x"),
		scan("`displayName co`, none", "qqq"),
	}
}

// writes change users.
func writes(t target, p population, arrivals *newcomers) []kind {
	return []kind{
		{
			name: "PATCH of one attribute", status: http.StatusOK, own: true, source: patches(t, p.ids),
			check: func(a answer) error { return expect("id", a.ID != "", true) },
		},
		{
			name: "POST", status: http.StatusCreated, check: func(a answer) error { return expect("id", a.ID != "", true) },
			source: func(int) source {
				return func(buffer, _ []byte) []byte {
					return t.request(buffer, http.MethodPost, "/Users", arrivals.next().Body())
				}
			},
		},
	}
}

func gets(t target, path func() string) func(int) source {
	return func(int) source {
		return func(buffer, _ []byte) []byte { return t.request(buffer, http.MethodGet, path(), nil) }
	}
}

func find(attribute, value string) string {
	return "/Users?count=" + strconv.Itoa(pageSize) + "&filter=" + url.QueryEscape(attribute+` eq "`+value+`"`)
}

// patches have each worker change users of its own, so that no two workers meet, and never to what they are.
func patches(t target, ids []string) func(int) source {
	return func(worker int) source {
		number := 0
		return func(buffer, _ []byte) []byte {
			number++
			body, err := json.Marshal(idp.EntraPatch("title", fmt.Sprintf("Engineer %d of %d", number, worker)))
			if err != nil {
				panic(fmt.Sprintf("strings can be encoded: %v", err))
			}
			return t.request(buffer, http.MethodPatch, idp.UserPath(ids[worker]), body)
		}
	}
}

// walk follows the cursors (RFC 9865), each worker its own, and begins again at the end.
func walk(t target) func(int) source {
	return func(int) source {
		return func(buffer, last []byte) []byte {
			return t.request(buffer, http.MethodGet, "/Users?count="+strconv.Itoa(pageSize)+"&cursor="+url.QueryEscape(nextCursor(last)), nil)
		}
	}
}

// nextCursor is that of a page, or empty. A cursor has nothing that JSON escapes.
func nextCursor(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte(`"nextCursor":"`))
	cursor, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(cursor)
}

func total(want int) func(answer) error {
	return func(a answer) error { return expect("totalResults", a.TotalResults, want) }
}

func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}
