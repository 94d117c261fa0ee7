// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// stepTimeout bounds one step, which takes about a second.
const stepTimeout = 30 * time.Second

// play is an identity provider on a stage.
type play struct {
	objects

	client   *idp.Client
	bindings *stack.Bindings
	number   int
	results  []result
	// answered is when the last answer had come in.
	answered time.Time
}

func newPlay(ctx context.Context, out *screen, s *stack.Stack, kubectl string) (*play, error) {
	token, err := s.Acme(ctx)
	if err != nil {
		return nil, err
	}
	bindings, err := s.WatchBindings(ctx, stack.SampleTarget)
	if err != nil {
		return nil, err
	}
	objects, err := newObjects(out, s, kubectl)
	if err != nil {
		return nil, err
	}
	base := s.Servers[0].BaseURL(stack.SampleNamespace, stack.SampleDirectory)
	return &play{objects: objects, client: idp.New(base, token), bindings: bindings}, nil
}

// step is one act: requests, what they must change, and how that is told.
type step struct {
	title, why string
	// act sends the requests and returns the status of the one that counts.
	act func(ctx context.Context) (int, error)
	// changes are the users whose access must change; keeps those whose access must not.
	changes, keeps map[string]bool
	// proof is the claim that is made when all of it held.
	proof string
}

// do plays one step. Every wait in it is bounded by stepTimeout.
func (p *play) do(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	p.number++
	p.out.heading(p.number, s.title, s.why)
	r, err := p.prove(ctx, s)
	if err == nil {
		err = p.showObjects(ctx)
	}
	if err != nil {
		return fmt.Errorf("step %d (%s): %w", p.number, s.title, err)
	}
	p.out.proof(r)
	p.results = append(p.results, r)
	return nil
}

// prove sends the requests of a step and waits until its changes are there.
func (p *play) prove(ctx context.Context, s step) (result, error) {
	for user, may := range s.changes {
		if err := p.expect(ctx, user, !may); err != nil {
			return result{}, fmt.Errorf("before the step: %w", err)
		}
	}
	status, err := s.act(ctx)
	if err != nil {
		return result{}, err
	}
	r := result{step: s.title, status: fmt.Sprint(status), proof: s.proof, measured: len(s.changes) > 0}
	if err := p.measure(ctx, s.changes, &r); err != nil {
		return result{}, err
	}
	for user, may := range s.keeps {
		if err := p.expect(ctx, user, may); err != nil {
			return result{}, err
		}
	}
	return r, nil
}

// measure waits first for the RoleBindings, by the watch, and then for the reviews, and notes the slowest of each.
func (p *play) measure(ctx context.Context, changes map[string]bool, r *result) error {
	answered := p.answered
	for user, may := range changes {
		at, err := p.bindings.Wait(ctx, user, may)
		if err != nil {
			return fmt.Errorf("%s: %w", user, err)
		}
		r.binding = max(r.binding, at.Sub(answered))
	}
	for user, may := range changes {
		if err := p.stack.WaitMayReadPods(ctx, user, stack.SampleTarget, may); err != nil {
			return fmt.Errorf("%s: %w", user, err)
		}
	}
	r.review = max(r.binding, time.Since(answered))
	return nil
}

func (p *play) expect(ctx context.Context, user string, want bool) error {
	may, err := p.stack.MayReadPods(ctx, user, stack.SampleTarget)
	if err == nil && may != want {
		err = fmt.Errorf("the API server says %t when asked whether %s may get pods in %s, want %t", may, user, stack.SampleTarget, want)
	}
	return err
}

// send sends one request, shows it and its answer, and wants that status.
func (p *play) send(ctx context.Context, who string, r idp.Request, want int) (idp.Response, error) {
	answer, err := p.client.Do(ctx, r)
	p.answered = time.Now()
	if err != nil {
		return answer, err
	}
	p.out.exchange(who, r, answer)
	if answer.Status != want {
		return answer, fmt.Errorf("%s %s: got %s, want status %d", r.Method, r.Path, answer, want)
	}
	return answer, nil
}

// find sends a look-up and wants that many results.
func (p *play) find(ctx context.Context, who, path string, want int) error {
	answer, err := p.send(ctx, who, idp.Request{Method: "GET", Path: path}, 200)
	if err != nil {
		return err
	}
	if total := answer.Body["totalResults"]; total != float64(want) {
		return fmt.Errorf("GET %s: got totalResults %v, want %d", path, total, want)
	}
	return nil
}

// showObjects prints what kubectl shows of people, accounts and access.
func (p *play) showObjects(ctx context.Context) error {
	err := p.show(ctx,
		[]string{"get", "scimusers", "-n", stack.SampleNamespace},
		[]string{"get", "scimaccounts", "-n", stack.SampleNamespace},
		[]string{"get", "rolebindings", "-n", stack.SampleTarget, "-o", "wide"},
	)
	p.out.line("")
	return err
}

// last wants exactly these users in the RoleBindings.
func (p *play) last(ctx context.Context, want ...string) error {
	got, err := p.stack.BoundUsers(ctx, stack.SampleTarget)
	if err != nil {
		return err
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("at the end: got RoleBindings of %q, want those of %q", got, want)
	}
	return nil
}
