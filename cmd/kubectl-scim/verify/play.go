// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// Finding is what came of one check.
type Finding struct {
	// Provider who would send this, or "Proxy" for what only a proxy would change.
	Provider string `json:"provider"`
	// Check in words.
	Check string `json:"check"`
	// Problem is empty if all is well.
	Problem string `json:"problem,omitempty"`
}

// play is one visit: it remembers what it made, to take it away again.
type play struct {
	base      string
	client    *idp.Client
	stranger  *idp.Client // the same without a credential
	findings  []Finding
	provider  string
	user      string // id of the last user that was made
	group     string
	leftovers []string // paths
}

// exchange is a request and what must come back.
type exchange struct {
	check   string
	request idp.Request
	want    int
	// and is what else must be so; it returns a problem, or nothing.
	and func(idp.Response) string
}

// Play plays all providers against the directory with that SCIM base URL, which must be empty, and leaves nothing in it. It never fails: what goes wrong is
// a finding.
func Play(ctx context.Context, base, token string) []Finding {
	p := &play{base: base, client: idp.New(base, token), stranger: idp.New(base, "")}
	defer func() { p.findings = append(p.findings, p.clean(ctx)...) }()
	for _, scene := range []func(context.Context) bool{p.proxy, p.okta, p.entra, p.oneLogin} {
		if !scene(ctx) {
			break
		}
	}
	return p.findings
}

// ask makes one exchange, and says whether it went well.
func (p *play) ask(ctx context.Context, x exchange) bool { return p.askAs(ctx, p.client, x) }

func (p *play) askAs(ctx context.Context, client *idp.Client, x exchange) bool {
	answer, err := client.Do(ctx, x.request)
	problem := diagnose(x, answer, err)
	if problem == "" && x.and != nil {
		problem = x.and(answer)
	}
	p.findings = append(p.findings, Finding{Provider: p.provider, Check: x.check, Problem: problem})
	p.remember(x.request, answer)
	return problem == ""
}

// remember keeps the id of what was made.
func (p *play) remember(r idp.Request, answer idp.Response) {
	if r.Method != http.MethodPost || answer.Status != http.StatusCreated {
		return
	}
	if strings.HasPrefix(r.Path, "/Users") {
		p.user = answer.ID()
	} else {
		p.group = answer.ID()
	}
	p.leftovers = append(p.leftovers, r.Path+"/"+answer.ID())
}

// all makes exchanges until one that the others depend on fails.
func (p *play) all(ctx context.Context, exchanges ...exchange) bool {
	for _, x := range exchanges {
		if !p.ask(ctx, x) {
			return false
		}
	}
	return true
}

// clean takes away what was made. What a provider has deleted itself is gone already.
func (p *play) clean(ctx context.Context) (findings []Finding) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	for _, path := range p.leftovers {
		answer, err := p.client.Do(ctx, idp.Request{Method: http.MethodDelete, Path: path})
		if err != nil || answer.Status != http.StatusNoContent && answer.Status != http.StatusNotFound {
			findings = append(findings, Finding{Provider: "Proxy", Check: "clean up", Problem: "a user or group of the scratch directory was not deleted: " +
				diagnose(exchange{request: idp.Request{Method: http.MethodDelete, Path: path}, want: http.StatusNoContent}, answer, err)})
		}
	}
	return findings
}

// somebody is nobody whom there is.
func somebody(provider string) idp.Person {
	id := uuid.NewString()
	return idp.Person{UserName: "verify-" + id + "@example.com", ExternalID: "verify-" + id, GivenName: "Verify", FamilyName: provider}
}

func get(path string) idp.Request { return idp.Request{Method: http.MethodGet, Path: path} }

func post(path string, body any) idp.Request {
	return idp.Request{Method: http.MethodPost, Path: path, Body: body}
}

func put(path string, body any) idp.Request {
	return idp.Request{Method: http.MethodPut, Path: path, Body: body}
}

func patch(path string, body any) idp.Request {
	return idp.Request{Method: http.MethodPatch, Path: path, Body: body}
}

func remove(path string) idp.Request { return idp.Request{Method: http.MethodDelete, Path: path} }

// empty wants a list of nobody.
func empty(answer idp.Response) string {
	if total, is := answer.Body["totalResults"].(float64); !is || total != 0 {
		return "somebody is found who was never made: the answer is that to another request, perhaps from a cache"
	}
	return ""
}

// one wants a list of one.
func one(answer idp.Response) string {
	if len(answer.Resources()) != 1 {
		return "what was made a moment ago is not found: the answer may come from a cache, or the query is changed on the way"
	}
	return ""
}

// active wants a user to be so.
func active(want bool) func(idp.Response) string {
	return func(answer idp.Response) string {
		if answer.Body["active"] != want {
			return "the answer does not show what was sent: it may come from a cache"
		}
		return ""
	}
}
