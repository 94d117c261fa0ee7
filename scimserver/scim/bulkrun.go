// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"net/url"
	"slices"
	"strings"
)

// BulkAnswer is the answer to a BulkCall.
type BulkAnswer struct {
	// Status is that of a success.
	Status int
	// ID is the id of the resource, after a POST that succeeded.
	ID string
	// Location and Version are those of the resource; empty if there are none.
	Location, Version string
	// Err is why the call failed; nil if it did not.
	Err *Error
	// Uncalled is what Execute refused by itself, as far as it could be read; nil if there was a call.
	Uncalled *BulkCall
}

// BulkResult is the result of one operation (RFC 7644 §3.7.3).
type BulkResult struct {
	BulkAnswer
	// Method and BulkID are those of the operation; empty if it had none, or a
	// method that there is not.
	Method, BulkID string
	// Path is that of the resource below the base URL, escaped; empty for a POST and
	// where the path has a reference that was not resolved.
	Path string
}

// Execute does what the operations ask for, one call after the other, and returns
// the results of those that were processed, in the order of the request.
//
// Operations are processed in their order, but a POST that an operation refers to is
// processed before it (RFC 7644 §3.7.2). Where POSTs refer to each other in a circle
// (§3.7.1), one is called without these references, and they are added to it by a
// PATCH as soon as all of the circle are created; both calls have one result. An
// operation that refers to what is not there and will not come, since no POST has
// that bulkId or since it failed, fails with 409 invalidValue without a call; a POST
// that was called before that was known fails in the same way and has a Location.
//
// After as many errors as failOnErrors says no operation is begun; those that were
// not are not in the results.
func (b BulkRequest) Execute(do func(BulkCall) BulkAnswer) []BulkResult {
	run := &bulkRun{
		BulkRequest: b, do: do,
		posts: map[string]int{}, ids: map[string]string{},
		begun: make([]bool, len(b.operations)), results: make([]*BulkResult, len(b.operations)),
	}
	for i, op := range b.operations {
		if op.Method == methodPost {
			run.posts[op.bulkID] = i
		}
	}
	for i := range b.operations {
		run.process(i)
	}
	var out []BulkResult
	for _, result := range run.results {
		if result != nil {
			out = append(out, *result)
		}
	}
	return out
}

// bulkRun is a bulk request that is being executed.
type bulkRun struct {
	BulkRequest
	do func(BulkCall) BulkAnswer

	posts   map[string]int    // by bulkId
	ids     map[string]string // of what was created, by bulkId
	begun   []bool            // of each operation
	results []*BulkResult     // of each operation, nil until it ended
	partial []partialBulk
	errors  int
}

// partialBulk is a POST that succeeded without some references.
type partialBulk struct {
	index   int
	rest    map[string]any // what is to be added
	created BulkAnswer
}

func (run *bulkRun) process(i int) {
	op := &run.operations[i]
	if op.Method == methodPost {
		run.create(i)
		run.complete()
		return
	}
	run.createReferenced(op)
	// A change must find the whole resource, not one half of it.
	run.complete()
	if run.stopped() {
		return
	}
	run.finish(i, run.call(op))
}

// create processes a POST once, after those that it refers to, but for those that wait for it.
func (run *bulkRun) create(i int) {
	if run.begun[i] || run.stopped() {
		return
	}
	run.begun[i] = true
	op := &run.operations[i]
	run.createReferenced(op)
	if run.stopped() {
		return
	}
	circular := run.pending(op)
	if len(circular) == 0 {
		run.finish(i, run.call(op))
		return
	}
	run.createWithout(i, circular)
}

// createReferenced processes what op refers to, unless op cannot be done anyway.
func (run *bulkRun) createReferenced(op *bulkOperation) {
	if op.problem != nil || run.unresolvable(op) {
		return
	}
	var referenced []int
	for _, bulkID := range op.references {
		referenced = append(referenced, run.posts[bulkID])
	}
	slices.Sort(referenced)
	for _, i := range referenced {
		run.create(i)
	}
}

// unresolvable reports whether op refers to what will never be there.
func (run *bulkRun) unresolvable(op *bulkOperation) bool {
	return slices.ContainsFunc(op.references, func(bulkID string) bool {
		i, known := run.posts[bulkID]
		return !known || run.results[i] != nil && run.ids[bulkID] == ""
	})
}

// pending are the references of op to POSTs that wait for op.
func (run *bulkRun) pending(op *bulkOperation) map[string]bool {
	out := map[string]bool{}
	if op.problem != nil || run.unresolvable(op) {
		return nil
	}
	for _, bulkID := range op.references {
		if run.ids[bulkID] == "" {
			out[bulkID] = true
		}
	}
	return out
}

// createWithout processes a POST that is part of a circle.
func (run *bulkRun) createWithout(i int, circular map[string]bool) {
	op := run.operations[i]
	kept, rest := leaveOut(op.Data, circular)
	op.Data = kept
	answer := run.call(&op)
	switch {
	case answer.Err == nil:
		run.partial = append(run.partial, partialBulk{index: i, rest: rest, created: answer})
		return
	case answer.Err.Status == 400:
		answer.Err = bulkConflict("cannot be created before what it refers to in a circle: " + answer.Err.Detail)
	}
	run.finish(i, answer)
}

// complete adds what was left out of what was created. No POST is under way.
func (run *bulkRun) complete() {
	for _, p := range run.partial {
		op := &run.operations[p.index]
		answer := p.created
		if run.missing(op) {
			answer.Err = bulkConflict("was created, but not its references to what could not be created")
		} else {
			added := run.do(op.addition(p.created.ID, p.rest, run.identify))
			if added.Version != "" {
				answer.Version = added.Version
			}
			if added.Err != nil {
				partly := *added.Err
				partly.Detail = "was created, but not its references in a circle: " + partly.Detail
				answer.Err = &partly
			}
		}
		run.finish(p.index, answer)
	}
	run.partial = nil
}

// missing reports whether something that op refers to was not created.
func (run *bulkRun) missing(op *bulkOperation) bool {
	return slices.ContainsFunc(op.references, func(bulkID string) bool { return run.ids[bulkID] == "" })
}

// call is the answer to op, whose references are resolved or left out, unless it can never be.
func (run *bulkRun) call(op *bulkOperation) BulkAnswer {
	switch {
	case op.problem != nil:
		return BulkAnswer{Err: op.problem, Uncalled: &op.BulkCall}
	case run.unresolvable(op):
		return BulkAnswer{Err: bulkConflict("refers to a bulkId of which nothing was created"), Uncalled: &op.BulkCall}
	}
	answer := run.do(op.resolved(run.identify))
	if op.Method == methodPost && answer.Err == nil {
		run.ids[op.bulkID] = answer.ID
	}
	return answer
}

func (run *bulkRun) identify(bulkID string) (string, bool) {
	id, ok := run.ids[bulkID]
	return id, ok
}

func (run *bulkRun) finish(i int, answer BulkAnswer) {
	op := &run.operations[i]
	result := &BulkResult{BulkAnswer: answer, Method: op.Method, BulkID: op.bulkID}
	if id := resolveText(op.ID, run.identify); id != "" && !strings.HasPrefix(id, bulkPrefix) {
		result.Path = op.Endpoint + "/" + url.PathEscape(id)
	}
	run.results[i] = result
	if answer.Err != nil {
		run.errors++
	}
}

// stopped reports whether there were as many errors as the client accepts.
func (run *bulkRun) stopped() bool { return run.failOnErrors > 0 && run.errors >= run.failOnErrors }

// bulkConflict is the answer of RFC 7644 §3.7.1 to references that cannot be resolved.
func bulkConflict(detail string) *Error { return Errorf(409, ErrorInvalidValue, "%s", detail) }
