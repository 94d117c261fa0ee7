// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Answer writes a wrong answer to a request. It is one of those that the functions of this package return.
type Answer func(w http.ResponseWriter, x *exchange)

// Refused answers with a status of 400 or more and a body that repeats all of the request, with the credential and the names in it: none
// of that may end in an error. Status 429 and 503 come with a Retry-After of a second.
func Refused(status int) Answer {
	return func(w http.ResponseWriter, x *exchange) {
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		say(w, status, "application/json", fmt.Appendf(nil, `{"status":"%d","detail":%q}`, status, x.repeated()))
	}
}

// Body answers with 200 and that body.
func Body(contentType, body string) Answer {
	return func(w http.ResponseWriter, _ *exchange) { say(w, http.StatusOK, contentType, []byte(body)) }
}

// Page answers with 200 and a page for people, as a portal before the system would, that repeats all of the request.
func Page() Answer {
	return func(w http.ResponseWriter, x *exchange) {
		say(w, http.StatusOK, "text/html; charset=utf-8", []byte("<!DOCTYPE html><html><body><h1>Log in</h1><pre>"+x.repeated()+"</pre></body></html>"))
	}
}

// Another answers with what the server said to the last different request of the same method: with another account. Where there was none,
// the connection breaks.
func Another() Answer {
	return func(w http.ResponseWriter, x *exchange) {
		if x.another == nil {
			panic(http.ErrAbortHandler)
		}
		truth(w, x.another)
	}
}

// HalfJSON answers with the first half of what the server says, as if that were all. It is for requests that the server gets.
func HalfJSON() Answer {
	return func(w http.ResponseWriter, x *exchange) {
		half := *x
		half.header = maps.Clone(x.header)
		half.said = x.said[:len(x.said)/2]
		truth(w, &half)
	}
}

// HalfBody answers with the first half of what the server says, and breaks the connection where the other half should come. An answer without
// a body is broken off before it begins. It is for requests that the server gets.
func HalfBody() Answer {
	return func(w http.ResponseWriter, x *exchange) {
		if len(x.said) > 0 {
			head(w, x, len(x.said))
			_, _ = w.Write(x.said[:len(x.said)/2])
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}
}

// Faults are all that can go wrong with the requests that match, by name; nil matches every one.
func (h *HTTP) Faults(matching func(*http.Request) bool) map[string]Fault {
	all := map[string]Fault{}
	always := func(name string, answer Answer) {
		all[name] = Fault{Inject: h.inject(httpPlan{answer: answer, matching: matching})}
	}
	once := func(name string, answer Answer, done bool) {
		all[name] = Fault{Once: true, Inject: h.inject(httpPlan{answer: answer, matching: matching, once: true, done: done})}
	}
	for _, status := range []int{429, 500, 502, 503} {
		always("only "+strconv.Itoa(status), Refused(status))
		once(strconv.Itoa(status)+" before it is done", Refused(status), false)
		once(strconv.Itoa(status)+" after it is done", Refused(status), true)
	}
	for name, answer := range map[string]Answer{
		"a page for people": Page(), "200 and nothing": Body("application/json", ""), "200 and {}": Body("application/json", "{}"),
		"200 and null": Body("application/json", "null"), "another's answer": Another(),
	} {
		once(name+", before it is done", answer, false)
		once(name+", after it is done", answer, true)
	}
	once("half of the JSON", HalfJSON(), true)
	once("half of the body", HalfBody(), true)
	return all
}

// Fault returns a fault of one's own. It strikes requests that match, all if matching is nil: once, or until it is lifted. With done, the
// server gets the request first and does what it says.
func (h *HTTP) Fault(answer Answer, matching func(*http.Request) bool, once, done bool) Fault {
	return Fault{Once: once, Inject: h.inject(httpPlan{answer: answer, matching: matching, once: once, done: done})}
}

// inject is the Fault.Inject of a plan.
func (h *HTTP) inject(wanted httpPlan) func(int) func() int {
	return func(after int) func() int {
		wanted.after = after
		h.follow(wanted)
		return func() int { return h.follow(httpPlan{}) }
	}
}

// repeated is all that a careless error could repeat.
func (x *exchange) repeated() string {
	said := x.request.Method + " " + x.request.RequestURI + "\n"
	for _, name := range slices.Sorted(maps.Keys(x.request.Header)) {
		for _, value := range x.request.Header[name] {
			said += name + ": " + value + "\n"
		}
	}
	return said + "\n" + string(x.body)
}

// truth answers as the server did.
func truth(w http.ResponseWriter, x *exchange) {
	head(w, x, len(x.said))
	_, _ = w.Write(x.said)
}

// head writes the server's status and header, with that length of the body where a body may be.
func head(w http.ResponseWriter, x *exchange, length int) {
	maps.Copy(w.Header(), x.header)
	w.Header().Del("Content-Length")
	if x.status != http.StatusNoContent && x.status != http.StatusNotModified && x.request.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(x.status)
}

func say(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
