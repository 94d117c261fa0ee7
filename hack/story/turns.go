// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// session reports whether what was opened still works. It is nil where nothing was opened.
type session func(ctx context.Context) bool

// open opens a session if the step wants one and the application has any.
func (p *player) open(ctx context.Context, w Wants) (session, error) {
	if !w.Session {
		return nil, nil
	}
	alive, err := p.app.Open(ctx, p.people[w.Of].login)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	if !alive(ctx) {
		return nil, errors.New("the session that was just opened does not work")
	}
	return alive, nil
}

// ended compares what the ScimAccount says about the sessions with the one that was open.
func (p *player) ended(ctx context.Context, id string, alive session) (note string, err error) {
	var said v1alpha1.RevocationState
	err = until(ctx, "the ScimAccount says what became of the sessions", func(ctx context.Context) error {
		account, err := p.Account(ctx, id)
		if err != nil {
			return err
		}
		if account.Status.Revocation == nil {
			return errors.New(describe(account))
		}
		said = account.Status.Revocation.Sessions
		return p.inSync(ctx, id, v1alpha1.AccountSuspended)
	})
	switch {
	case err != nil:
		return "", err
	case alive == nil:
		return fmt.Sprintf("; sessions: %s", said), nil
	case said == v1alpha1.RevocationNotSupported:
		return fmt.Sprintf("; the open session works: %t (sessions: %s)", alive(ctx), said), nil
	}
	err = until(ctx, fmt.Sprintf("the open session ends, since the ScimAccount says that sessions are %s", said), func(ctx context.Context) error {
		if alive(ctx) {
			return errors.New("it works")
		}
		return nil
	})
	return fmt.Sprintf("; the open session is dead (sessions: %s)", said), err
}

// proveRenamed wants that the new login name works and the old one does not; or, of an application that cannot rename, that the ScimAccount
// says so and the account stays usable, and has the identity provider take it back.
func (p *player) proveRenamed(ctx context.Context, step Step, answered time.Time, r *Result) error {
	w, who := step.Wants, p.people[step.Wants.Of]
	login, refusal, err := p.outcome(ctx, p.known[w.Of], who.login)
	r.Took = time.Since(answered)
	switch {
	case err != nil:
		return err
	case refusal != "":
		r.Proof = "cannot be renamed, keeps the login: " + refusal
		return errors.Join(p.proveActive(ctx, w, r), p.undo(ctx, step), p.proveActive(ctx, w, r))
	case login == who.login:
		r.Proof = "the login name is made of something else, and stays"
		return p.proveActive(ctx, w, r)
	}
	old := who.login
	who.login = login
	return errors.Join(p.waitExists(ctx, old, false), p.WaitRefused(ctx, old), p.proveActive(ctx, w, r))
}

// proveDeleted wants no account, a login that is refused, and a ScimAccount that says so or is gone.
func (p *player) proveDeleted(ctx context.Context, w Wants, answered time.Time, r *Result) error {
	login := p.people[w.Of].login
	if err := p.waitExists(ctx, login, false); err != nil {
		return err
	}
	r.Took = time.Since(answered)
	if err := p.WaitRefused(ctx, login); err != nil {
		return err
	}
	return until(ctx, "the ScimAccount says Deleted", func(ctx context.Context) error {
		return client.IgnoreNotFound(p.inSync(ctx, p.known[w.Of], v1alpha1.AccountDeleted))
	})
}

// undo has the identity provider take a step back.
func (p *player) undo(ctx context.Context, step Step) error {
	var status int
	if _, err := p.send(ctx, step.Undo, &status); err != nil {
		return err
	}
	return until(ctx, "the ScimUser is ready", func(ctx context.Context) error { return p.userReady(ctx, p.known[step.Wants.Of]) })
}

// outcome waits until a new userName has arrived, or is refused, and returns the login name or the reason.
func (p *player) outcome(ctx context.Context, id, old string) (login, refusal string, err error) {
	err = until(ctx, "the new name is there, or is refused", func(ctx context.Context) error {
		account, err := p.Account(ctx, id)
		if err != nil {
			return err
		}
		if login = account.Spec.UserName; login == old {
			return p.userReady(ctx, id)
		}
		if ready := currentReady(account); ready != nil && (ready.Reason == v1alpha1.ReasonInvalid || ready.Reason == v1alpha1.ReasonConflict) {
			refusal = ready.Reason
			return nil
		}
		return p.exists(ctx, login, true)
	})
	return login, refusal, err
}

// userReady returns an error unless the accounts of the user are as they shall be.
func (p *player) userReady(ctx context.Context, id string) error {
	user := &v1alpha1.ScimUser{}
	if err := p.stack.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: id}, user); err != nil {
		return fmt.Errorf("read ScimUser: %w", err)
	}
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != user.Generation {
		return fmt.Errorf("the ScimUser is not ready for generation %d: %+v", user.Generation, ready)
	}
	return nil
}
