// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"fmt"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// invalidExpression says what is wrong with the first expression of spec that cannot be used, in the order of the fields.
func invalidExpression(programs *expression.Cache, spec *v1alpha1.ScimApplicationSpec) error {
	texts := []struct {
		field string
		text  v1alpha1.Expression
	}{{"userName", spec.Account.UserName}, {"displayName", spec.Account.DisplayName}, {"email", spec.Account.Email}}
	for _, e := range texts {
		if e.text == "" {
			continue
		}
		if _, err := programs.Text(e.text); err != nil {
			return fmt.Errorf("account.%s: %w", e.field, err)
		}
	}
	for _, a := range spec.Account.Attributes {
		if _, err := programs.Value(a.Value); err != nil {
			return fmt.Errorf("account.attributes[%s]: %w", a.Name, err)
		}
	}
	for _, i := range spec.Invariants {
		if _, err := programs.Invariant(i.Expression); err != nil {
			return fmt.Errorf("invariants[%s]: %w", i.Name, err)
		}
	}
	return nil
}
