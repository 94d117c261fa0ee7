// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// stepTimeout bounds one step, which takes about a second.
const stepTimeout = time.Minute

// Audience is told what happens.
type Audience interface {
	// Heading begins a step.
	Heading(number int, title, why string)
	// Exchange is a request of the identity provider and its answer.
	Exchange(r idp.Request, answer idp.Response)
	// Settled is called when all of a step held, before Proved. An error of it ends the story.
	Settled(ctx context.Context) error
	// Proved ends a step.
	Proved(r Result)
}

// Result is one proof.
type Result struct {
	// Title of the step, and Proof, the claim that held.
	Title, Proof string
	// Status of the answer to the request that counts.
	Status int
	// Took is the time from that answer, as the client has it, until the application agreed.
	Took time.Duration
}

// player plays the identity provider and asks the application.
type player struct {
	*Site
	audience Audience
	// known are the ids of people and groups, by the names that the outline uses.
	known  map[string]string
	people map[string]*person
}

// person is somebody with an account.
type person struct {
	login  string
	active bool
	has    []v1alpha1.RoleName
}

// Play plays the whole story and returns what was proved. It stops at the first step that does not hold; its error says which one, what the
// application shows then, and what scim-controller said.
func Play(ctx context.Context, s *Site, audience Audience) ([]Result, error) {
	p := &player{Site: s, audience: audience, known: map[string]string{}, people: map[string]*person{}}
	var results []Result
	for i, step := range Outline(s.app.Roles()[0], s.app.Roles()[1]) {
		result, err := p.play(ctx, i+1, step)
		if err != nil {
			return results, s.Explain(fmt.Errorf("step %d (%s): %w", i+1, step.Title, err))
		}
		results = append(results, result)
	}
	return results, nil
}

// play plays one step. Every wait in it is bounded by stepTimeout.
func (p *player) play(ctx context.Context, number int, step Step) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	p.audience.Heading(number, step.Title, step.Why)
	r := Result{Title: step.Title, Proof: step.Proof}
	session, err := p.open(ctx, step.Wants)
	if err != nil {
		return r, err
	}
	answered, err := p.send(ctx, step.Calls, &r.Status)
	if err != nil {
		return r, err
	}
	if err := p.prove(ctx, step, session, answered, &r); err != nil {
		return r, err
	}
	if err := p.others(ctx, step.Wants.Of); err != nil {
		return r, err
	}
	if err := p.audience.Settled(ctx); err != nil {
		return r, err
	}
	p.audience.Proved(r)
	return r, nil
}

// send sends the requests of a step, and returns when the last one was answered, and its status.
func (p *player) send(ctx context.Context, calls func(map[string]string) []Call, status *int) (answered time.Time, err error) {
	for _, call := range calls(p.known) {
		answer, err := p.idp.Do(ctx, call.Request)
		answered = time.Now()
		if err != nil {
			return answered, err
		}
		p.audience.Exchange(call.Request, answer)
		if *status = answer.Status; answer.Status != call.Status {
			return answered, fmt.Errorf("%s %s: got %s, want status %d", call.Method, call.Path, answer, call.Status)
		}
		found := answer.Body["totalResults"]
		if call.Method == http.MethodGet && found != float64(call.Found) {
			return answered, fmt.Errorf("GET %s: got totalResults %v, want %d", call.Path, found, call.Found)
		}
		if call.Remember != "" {
			p.known[call.Remember] = answer.ID()
		}
	}
	return answered, nil
}

// prove waits until what a step wants is true.
func (p *player) prove(ctx context.Context, step Step, session session, answered time.Time, r *Result) error {
	w := step.Wants
	if w.New {
		p.people[w.Of] = &person{}
	}
	who := p.people[w.Of]
	who.active, who.has = w.State == v1alpha1.AccountActive, w.Has
	switch {
	case w.New:
		return p.proveNew(ctx, w, answered, r)
	case w.Renamed:
		return p.proveRenamed(ctx, step, answered, r)
	case w.State == v1alpha1.AccountSuspended:
		return p.proveSuspended(ctx, w, session, answered, r)
	case w.State == v1alpha1.AccountDeleted:
		return p.proveDeleted(ctx, w, answered, r)
	default:
		err := p.proveActive(ctx, w, r)
		r.Took = time.Since(answered)
		return err
	}
}

// proveActive wants a login that works, and the roles.
func (p *player) proveActive(ctx context.Context, w Wants, r *Result) error {
	login := p.people[w.Of].login
	welcomed, err := p.WaitLogin(ctx, p.known[w.Of], login)
	if err != nil {
		return err
	}
	if welcomed {
		r.Proof += ", after a new welcome"
	}
	for want, roles := range map[bool][]v1alpha1.RoleName{true: w.Has, false: w.Lacks} {
		for _, role := range roles {
			if err := p.waitRole(ctx, login, role, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *player) proveNew(ctx context.Context, w Wants, answered time.Time, r *Result) (err error) {
	who := p.people[w.Of]
	if who.login, err = p.WaitAccount(ctx, p.known[w.Of]); err != nil {
		return err
	}
	r.Took = time.Since(answered)
	if err := p.Welcome(ctx, who.login); err != nil {
		return err
	}
	return p.proveActive(ctx, w, r)
}

func (p *player) proveSuspended(ctx context.Context, w Wants, s session, answered time.Time, r *Result) error {
	if err := p.WaitRefused(ctx, p.people[w.Of].login); err != nil {
		return err
	}
	r.Took = time.Since(answered)
	note, err := p.ended(ctx, p.known[w.Of], s)
	r.Proof += note
	return err
}

// others wants that nobody else notices anything, at the first try.
func (p *player) others(ctx context.Context, but string) error {
	for name, other := range p.people {
		if name == but || !other.active {
			continue
		}
		if err := p.app.Login(ctx, other.login); err != nil {
			return fmt.Errorf("the login of %s, whom this is not about: %w", name, err)
		}
		for _, role := range other.has {
			if err := p.checkRole(ctx, other.login, role, true); err != nil {
				return fmt.Errorf("%s, whom this is not about: %w", name, err)
			}
		}
	}
	return nil
}

// logins are all login names that accounts had, and parts of them by which people could be recognised.
func (s *Site) logins() []string {
	var names []string
	for login := range s.seen {
		local, _, _ := strings.Cut(login, "@")
		names = append(names, login, local)
	}
	return names
}
