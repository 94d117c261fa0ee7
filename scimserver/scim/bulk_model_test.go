// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// toy is a server of groups that keeps their members and nothing else.
type toy struct {
	groups  map[string]map[string]bool
	posted  map[string]int // how often, by displayName
	refused map[string]bool
	calls   int
}

func newToy() *toy {
	return &toy{groups: map[string]map[string]bool{}, posted: map[string]int{}, refused: map[string]bool{}}
}

// do serves one call. A member must be there, so an id that is still a reference, or comes too early, is refused.
func (s *toy) do(t testing.TB, c BulkCall) BulkAnswer {
	t.Helper()
	s.calls++
	text, err := json.Marshal(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text)+c.ID, bulkPrefix) {
		t.Errorf("a reference was sent: %s %s", c.ID, text)
	}
	id, given := c.ID, c.Data["members"]
	if c.Method == methodPost {
		id, _ = c.Data["displayName"].(string)
		id = "id-" + id
		s.posted[id]++
		if s.refused[id] {
			return BulkAnswer{Err: Errorf(409, ErrorUniqueness, "taken")}
		}
		s.groups[id] = map[string]bool{}
	}
	if c.Method == methodPatch {
		given = c.Data["Operations"].([]any)[0].(map[string]any)["value"].(map[string]any)["members"]
	}
	if s.groups[id] == nil {
		return BulkAnswer{Err: Errorf(404, "", "gone")}
	}
	for _, m := range given.([]any) {
		member := m.(map[string]any)["value"].(string)
		if s.groups[member] == nil {
			t.Errorf("%s was sent as a member before it was there", member)
		}
		s.groups[id][member] = true
	}
	return BulkAnswer{Status: 200, ID: id, Location: "at " + id}
}

// graph is a random bulk request: POSTs of groups that refer to any of each other, and PATCHes that add to one.
type graph struct {
	operations []string
	methods    []string
	members    map[string]map[string]bool // wanted of each group, by number
}

func randomGraph(r *rand.Rand) graph {
	n := 1 + r.IntN(8)
	g := graph{members: map[string]map[string]bool{}}
	some := func() (references []string) {
		for i := range n {
			if r.IntN(3) == 0 {
				references = append(references, fmt.Sprint(i))
			}
		}
		return references
	}
	add := func(group string, members []string) (values []string) {
		for _, m := range members {
			g.members[group][m] = true
			values = append(values, fmt.Sprintf(`{"value":"bulkId:%s"}`, m))
		}
		return values
	}
	for i := range n {
		name := fmt.Sprint(i)
		g.members[name] = map[string]bool{}
		values := strings.Join(add(name, some()), ",")
		g.operations = append(g.operations, fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":%q,"data":{"displayName":%q,"members":[%s]}}`, name, name, values))
	}
	for range r.IntN(3) {
		name := fmt.Sprint(r.IntN(n))
		values := strings.Join(add(name, some()), ",")
		g.operations = append(g.operations, fmt.Sprintf(`{"method":"PATCH","path":"/Groups/bulkId:%s","data":{"Operations":[{"op":"add","value":{"members":[%s]}}]}}`, name, values))
	}
	r.Shuffle(len(g.operations), func(i, j int) { g.operations[i], g.operations[j] = g.operations[j], g.operations[i] })
	for _, op := range g.operations {
		g.methods = append(g.methods, strings.Split(op, `"`)[3])
	}
	return g
}

// TestBulkResolvesEverything: whatever refers to whatever, in whatever order, every group ends with the members that it was
// to have, after one POST each and at most one PATCH for each circle's member.
func TestBulkResolvesEverything(t *testing.T) {
	for seed := range uint64(2000) {
		g, s := randomGraph(rand.New(rand.NewPCG(seed, 1))), newToy()
		body := operations(g.operations...)
		results := bulkOf(t, body).Execute(func(c BulkCall) BulkAnswer { return s.do(t, c) })
		g.checkOrder(t, results)
		for i, result := range results {
			if result.Err != nil {
				t.Errorf("operation %d: %v", i, result.Err)
			}
		}
		for name, want := range g.members {
			got := map[string]bool{}
			for id := range s.groups["id-"+name] {
				got[strings.TrimPrefix(id, "id-")] = true
			}
			if !maps.Equal(want, got) || s.posted["id-"+name] != 1 {
				t.Errorf("group %s: %d POSTs, members %v, want %v", name, s.posted["id-"+name], got, want)
			}
		}
		if most := len(g.operations) + len(g.members); s.calls > most {
			t.Errorf("%d calls, want %d at most", s.calls, most)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, body)
		}
	}
}

// checkOrder wants a result for every operation, in the order of the request.
func (g graph) checkOrder(t *testing.T, results []BulkResult) {
	t.Helper()
	if len(results) != len(g.operations) {
		t.Fatalf("%d results of %d operations", len(results), len(g.operations))
	}
	for i, result := range results {
		if result.Method != g.methods[i] || result.BulkID != "" && !strings.Contains(g.operations[i], fmt.Sprintf(`"bulkId":%q`, result.BulkID)) {
			t.Fatalf("result %d is of %s %q, want that of %s", i, result.Method, result.BulkID, g.operations[i])
		}
	}
}

// TestBulkTellsWhatWasDone: when some POSTs fail, a result tells the truth about its operation, and no other is touched that
// does not refer to one that failed.
func TestBulkTellsWhatWasDone(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		g, s := randomGraph(r), newToy()
		for name := range g.members {
			s.refused["id-"+name] = r.IntN(4) == 0
		}
		body := operations(g.operations...)
		results := bulkOf(t, body).Execute(func(c BulkCall) BulkAnswer { return s.do(t, c) })
		g.checkOrder(t, results)
		for _, result := range results {
			if result.Method == methodPost {
				g.checkTruth(t, s, result)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, body)
		}
	}
}

func (g graph) checkTruth(t *testing.T, s *toy, result BulkResult) {
	t.Helper()
	_, created := s.groups["id-"+result.BulkID]
	if said := result.Location != ""; said != created {
		t.Errorf("%s: it is said to be there: %t, and is: %t", result.BulkID, said, created)
	}
	if s.posted["id-"+result.BulkID] > 1 {
		t.Errorf("%s: posted %d times", result.BulkID, s.posted["id-"+result.BulkID])
	}
	if s.refused["id-"+result.BulkID] && result.Err == nil || result.Err == nil && !created {
		t.Errorf("%s: got success", result.BulkID)
	}
	if result.Err != nil && !g.reachesAny(result.BulkID, s.refused) {
		t.Errorf("%s: got %v, and nothing that it refers to failed", result.BulkID, result.Err)
	}
	for member := range s.groups["id-"+result.BulkID] {
		if s.groups[member] == nil {
			t.Errorf("%s: member %s is not there", result.BulkID, member)
		}
	}
}

// reachesAny reports whether from a group, over what it refers to, one of these is reached.
func (g graph) reachesAny(from string, ids map[string]bool) bool {
	seen, next := map[string]bool{}, []string{from}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if ids["id-"+name] {
			return true
		}
		if !seen[name] {
			seen[name] = true
			next = slices.AppendSeq(next, maps.Keys(g.members[name]))
		}
	}
	return false
}

func FuzzBulk(f *testing.F) {
	for _, body := range []string{
		operations(postGroup("a", "bulkId:b"), postGroup("b", "bulkId:a"), `{"method":"DELETE","path":"/Groups/bulkId:a","version":"W/\"1\""}`),
		operations(`{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\"]"}]}}`, postGroup("a")),
		`{"failOnErrors":1,"Operations":[{"method":"POST"},{"method":"PUT","path":"/Users/1?x"}]}`,
		operations(`{"method":"POST","path":"/Users","bulkId":"a","data":{"` + EnterpriseUserURN + `":{"manager":{"value":"bulkId:a"}}}}`),
		`{"Operations":[{"method":"DELETE","path":"/Users/%2e"},{"method":"DELETE","path":"//Users//1//"}]}`,
	} {
		f.Add([]byte(body), uint64(0))
	}
	f.Fuzz(func(t *testing.T, body []byte, failing uint64) {
		raw, err := Decode(body)
		if err != nil {
			return
		}
		before, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		request, err := ParseBulkRequest(Dialect{}, raw)
		if err != nil {
			checkBulkError(t, err)
			return
		}
		calls := 0
		results := request.Execute(func(c BulkCall) BulkAnswer {
			checkBulkCall(t, c)
			calls++
			if failing>>(calls%64)&1 == 1 {
				return BulkAnswer{Err: Errorf(409, "", "failed")}
			}
			return BulkAnswer{Status: 200, ID: fmt.Sprint(calls), Location: "at"}
		})
		if total := len(request.operations); len(results) > total || request.failOnErrors == 0 && len(results) < total || calls > 2*total {
			t.Fatalf("%d operations, %d results, %d calls", total, len(results), calls)
		}
		if _, err := json.Marshal(BulkResponse("https://x", results)); err != nil {
			t.Fatal(err)
		}
		if after, err := json.Marshal(raw); err != nil || string(after) != string(before) {
			t.Fatalf("the request was changed: %s, then %s", before, after)
		}
	})
}

func checkBulkError(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); !ok || e.Status != 400 && e.Status != 413 {
		t.Fatalf("got %v, want a SCIM error of 400 or 413", err)
	}
}

// checkBulkCall wants what a single request could be, and nothing of it that two readers of a path understand differently.
func checkBulkCall(t *testing.T, c BulkCall) {
	t.Helper()
	segments := strings.Split(strings.TrimPrefix(c.Endpoint, "/"), "/")
	if len(segments) != 1 || segments[0] == "" || segments[0] == "." || segments[0] == ".." || strings.Contains(c.ID, "/") || c.ID == "." || c.ID == ".." {
		t.Fatalf("path %q %q", c.Endpoint, c.ID)
	}
	if (c.ID == "") != (c.Method == methodPost) || (c.Data == nil) != (c.Method == methodDelete) || c.Version != "" && c.Method == methodPost {
		t.Fatalf("%s of %q with data %v and version %q", c.Method, c.ID, c.Data, c.Version)
	}
}
