// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// StartScimmy starts a server made of SCIMMY and express.
func StartScimmy(ctx context.Context, o apps.Options) (*Scimmy, error) {
	s, err := start(ctx, o, program{file: "scimmy.mjs", title: "SCIMMY 1.3.5", scimPath: "/scim/v2"})
	if err != nil {
		return nil, err
	}
	return &Scimmy{s}, nil
}

// Scimmy is a server made of SCIMMY and express.
type Scimmy struct{ *Server }

// HasRole asks the application whether it would let somebody in to what a role is for.
func (s *Scimmy) HasRole(ctx context.Context, userName, role string) (bool, error) {
	query := url.Values{"userName": {userName}, "role": {role}}
	response, err := s.request(ctx, http.MethodGet, s.Root+"/app/login?"+query.Encode(), "Bearer "+s.admin, nil)
	if err != nil {
		return false, err
	}
	_ = response.Body.Close()
	switch response.StatusCode {
	case http.StatusNoContent:
		return true, nil
	case http.StatusForbidden:
		return false, nil
	}
	return false, fmt.Errorf("ask for a login: status %d", response.StatusCode)
}

// Forget takes away all users but so many that were made last, since SCIMMY becomes slow where there are hundreds.
func (s *Scimmy) Forget(ctx context.Context, keep int) error {
	response, err := s.request(ctx, http.MethodPost, s.Root+"/app/forget?keep="+strconv.Itoa(keep), "Bearer "+s.admin, nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("forget users: status %d", response.StatusCode)
	}
	return nil
}
