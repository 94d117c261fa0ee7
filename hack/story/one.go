// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// Join posts a user and waits until there is an account in the application. It returns the id, the login name, and the time from the 201 until
// the account was there.
func (s *Site) Join(ctx context.Context, p idp.Person) (id, login string, took time.Duration, err error) {
	answer, err := s.idp.Post(ctx, idp.OktaUser(p))
	answered := time.Now()
	if err == nil && answer.Status != http.StatusCreated {
		err = fmt.Errorf("post user: got %s, want status 201", answer)
	}
	if err != nil {
		return "", "", 0, err
	}
	if login, err = s.WaitAccount(ctx, answer.ID()); err != nil {
		return "", "", 0, err
	}
	return answer.ID(), login, time.Since(answered), nil
}

// Activate activates or deactivates a user, and returns when the answer was there.
func (s *Site) Activate(ctx context.Context, id string, active bool) (answered time.Time, err error) {
	answer, err := s.idp.Patch(ctx, id, idp.EntraPatch("active", active))
	answered = time.Now()
	if err == nil && answer.Status != http.StatusOK {
		err = fmt.Errorf("activate user %t: got %s, want status 200", active, answer)
	}
	return answered, err
}
