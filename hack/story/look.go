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
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
)

const (
	// lookInterval is how often the application is asked again, and so how exact a measurement is.
	lookInterval = 2 * time.Millisecond
	// coldness is for how long a login must be refused, once the account is said to be in sync, until its holder is welcomed anew: an
	// application that takes passwords away from whom it suspends does not give them back.
	coldness = time.Second
)

// until repeats check until it returns nil. Its error says what was waited for, and what check said last.
func until(ctx context.Context, what string, check func(ctx context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, lookInterval, true, func(ctx context.Context) (bool, error) {
		if err := check(ctx); ctx.Err() == nil || last == nil {
			last = err
		}
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait until %s: %w; at last: %w", what, err, last)
	}
	return nil
}

// WaitAccount waits until there is an account for the user with that id, in our cluster and in the application, and returns its login name.
func (s *Site) WaitAccount(ctx context.Context, id string) (login string, err error) {
	err = until(ctx, "the application has the account", func(ctx context.Context) error {
		account, err := s.Account(ctx, id)
		if err != nil {
			return err
		}
		login = account.Spec.UserName
		return s.exists(ctx, login, true)
	})
	return login, err
}

// Welcome gives the holder of a new account what else it takes to log in.
func (s *Site) Welcome(ctx context.Context, login string) error {
	if err := s.app.Welcome(ctx, login); err != nil {
		return fmt.Errorf("welcome the holder of a new account: %w", err)
	}
	return nil
}

// WaitLogin waits until a login works. One that stays refused although the account of the user with that id is active and in sync takes another
// welcome, which it reports.
func (s *Site) WaitLogin(ctx context.Context, id, login string) (welcomed bool, err error) {
	var cold time.Time
	err = until(ctx, "the login works", func(ctx context.Context) error {
		err := s.app.Login(ctx, login)
		if welcomed = false; !errors.Is(err, apps.ErrRefused) {
			return err
		}
		if notYet := s.inSync(ctx, id, v1alpha1.AccountActive); notYet != nil {
			cold = time.Time{}
			return fmt.Errorf("%w, and %w", err, notYet)
		}
		if cold.IsZero() {
			cold = time.Now()
		}
		if welcomed = time.Since(cold) > coldness; welcomed {
			return nil
		}
		return err
	})
	if err != nil || !welcomed {
		return false, err
	}
	if err := s.Welcome(ctx, login); err != nil {
		return true, err
	}
	return true, until(ctx, "the login works after a welcome", func(ctx context.Context) error { return s.app.Login(ctx, login) })
}

// WaitRefused waits until the application itself refuses a login.
func (s *Site) WaitRefused(ctx context.Context, login string) error {
	return until(ctx, "the application refuses the login", func(ctx context.Context) error {
		err := s.app.Login(ctx, login)
		switch {
		case err == nil:
			return errors.New("the login works")
		case errors.Is(err, apps.ErrRefused):
			return nil
		}
		return fmt.Errorf("nobody can tell: %w", err)
	})
}

// waitRole waits until somebody may, or may not, do what a role is for.
func (s *Site) waitRole(ctx context.Context, login string, role v1alpha1.RoleName, want bool) error {
	what := fmt.Sprintf("what the role %q is for is allowed: %t", role, want)
	return until(ctx, what, func(ctx context.Context) error { return s.checkRole(ctx, login, role, want) })
}

func (s *Site) checkRole(ctx context.Context, login string, role v1alpha1.RoleName, want bool) error {
	has, err := s.app.HasRole(ctx, login, role)
	if err == nil && has != want {
		err = fmt.Errorf("the application says %t when asked for the role %q, want %t", has, role, want)
	}
	return err
}

// waitExists waits until there is, or is not, an account of that name in the application.
func (s *Site) waitExists(ctx context.Context, login string, want bool) error {
	what := fmt.Sprintf("an account is in the application: %t", want)
	return until(ctx, what, func(ctx context.Context) error { return s.exists(ctx, login, want) })
}

func (s *Site) exists(ctx context.Context, login string, want bool) error {
	exists, err := s.app.Exists(ctx, login)
	if err == nil && exists != want {
		err = fmt.Errorf("the application says %t when asked whether there is the account, want %t", exists, want)
	}
	return err
}

// inSync returns an error unless the ScimAccount says that the account is as it shall be, in that state.
func (s *Site) inSync(ctx context.Context, id string, state v1alpha1.AccountState) error {
	account, err := s.Account(ctx, id)
	if err != nil {
		return err
	}
	if ready := currentReady(account); ready == nil || ready.Status != metav1.ConditionTrue || account.Spec.State != state || account.Status.State != state {
		return fmt.Errorf("%s, want %s", describe(account), state)
	}
	return nil
}

// currentReady is the Ready condition of the account if it is about its present generation, or nil.
func currentReady(account *v1alpha1.ScimAccount) *metav1.Condition {
	ready := meta.FindStatusCondition(account.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != account.Generation {
		return nil
	}
	return ready
}

// describe says in one line what an account shall be and what it is.
func describe(account *v1alpha1.ScimAccount) string {
	text := fmt.Sprintf("ScimAccount %s shall be %s with %v and is %s with %v", account.Name,
		account.Spec.State, account.Spec.Roles, account.Status.State, account.Status.Roles)
	for _, c := range account.Status.Conditions {
		text += fmt.Sprintf("; %s %s: %s: %s (of generation %d, now %d)", c.Type, c.Status, c.Reason, c.Message, c.ObservedGeneration, account.Generation)
	}
	return text
}
