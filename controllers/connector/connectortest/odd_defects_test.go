// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// refusing makes names with a NUL impossible, and does something else beside.
func refusing(b *broken, beside func(want connector.Account)) {
	b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
		if strings.Contains(want.UserName, "\x00") && want.State == connector.Active {
			beside(want)
			return want, connector.Invalidf("the name cannot be")
		}
		return b.Memory.Apply(ctx, observed, want)
	}
}

func oddDefects() map[string]defect {
	return map[string]defect{
		"what is Invalid is half made": {func(b *broken) {
			refusing(b, func(want connector.Account) {
				b.put(with(want, func(a *connector.Account) { a.ExternalID = "half-" + want.Owner }))
			})
		}, []string{"OddNames"}},
		"a bad name cannot be looked for": {func(b *broken) {
			refusing(b, func(connector.Account) {})
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				if strings.Contains(want.UserName, "\x00") {
					return nil, connector.Invalidf("the name cannot be")
				}
				return b.Memory.Observe(ctx, want)
			}
		}, []string{"OddNames"}},
		"a bad name cannot be suspended": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if strings.Contains(want.UserName, "\x00") {
					return want, connector.Invalidf("the name cannot be")
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"OddNames"}},
		"a bad name cannot be deleted": {func(b *broken) {
			b.delete = func(ctx context.Context, observed connector.Account) error {
				if strings.Contains(observed.UserName, "..") {
					return nil
				}
				return b.Memory.Delete(ctx, observed)
			}
		}, []string{"OddNames"}},
		"a star in a name is everybody": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				before, after, isPattern := strings.Cut(want.UserName, "*")
				for _, a := range b.Accounts() {
					if isPattern && want.State == connector.Suspended && strings.HasPrefix(a.UserName, before) && strings.HasSuffix(a.UserName, after) {
						b.Put(suspended(a))
					}
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"OddNames"}},
		"attributes are trimmed": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) {
				want.Profile = map[string]string{"title": strings.TrimSpace(want.Profile["title"])}
			})
		}, []string{"OddValues"}},
		"an attribute that is Invalid is refused too late": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				a, err := b.Memory.Apply(ctx, observed, want)
				if err == nil && strings.Contains(want.Profile["title"], "\x00") {
					return a, connector.Invalidf("the title cannot be")
				}
				return a, err
			}
		}, []string{"OddValues"}},
		"queries are put together": {func(b *broken) {
			finding(b, func(_ connector.Key, value string, found []connector.Account) ([]connector.Account, error) {
				for a := range values(b) {
					if strings.Contains(value, `" or `) {
						found = append(found, a)
					}
				}
				return found, nil
			})
		}, []string{"Find"}},
	}
}
