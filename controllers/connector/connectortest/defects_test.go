// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// broken is a connector with one verb replaced.
type broken struct {
	*Memory
	observe func(context.Context, connector.Account) (*connector.Account, error)
	apply   func(context.Context, *connector.Account, connector.Account) (connector.Account, error)
	delete  func(context.Context, connector.Account) error
	keeps   func(string) bool
	find    func(context.Context, connector.Key, string) ([]connector.Account, error)
	adopt   func(context.Context, connector.Account, string) (connector.Account, error)
	list    func(context.Context) iter.Seq2[connector.Account, error]
	revoke  func(context.Context, connector.Account) (connector.Revocation, error)
}

func (b *broken) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	if b.observe != nil {
		return b.observe(ctx, want)
	}
	return b.Memory.Observe(ctx, want)
}

func (b *broken) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	if b.apply != nil {
		return b.apply(ctx, observed, want)
	}
	return b.Memory.Apply(ctx, observed, want)
}

func (b *broken) Delete(ctx context.Context, observed connector.Account) error {
	if b.delete != nil {
		return b.delete(ctx, observed)
	}
	return b.Memory.Delete(ctx, observed)
}

// put stores a as a careless connector would, counted as its write.
func (b *broken) put(a connector.Account) connector.Account {
	b.Put(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	return a
}

// rewriting returns an Apply that changes what is wanted before it does it.
func rewriting(b *broken, rewrite func(observed *connector.Account, want *connector.Account)) {
	b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
		current, err := b.Memory.Observe(ctx, want)
		if err != nil && !errors.Is(err, connector.ErrNotFound) {
			return connector.Account{}, err
		}
		rewrite(current, &want)
		return b.Memory.Apply(ctx, observed, want)
	}
}

// defect is a connector that breaks one promise, with the checks that must notice.
type defect struct {
	damage func(*broken)
	caught []string
}

// defects returns one or more for every check.
func defects() map[string]defect {
	all := map[string]defect{}
	for _, some := range []map[string]defect{observingDefects(), suspendingDefects(), rolesDefects(), ownershipDefects(), effectsDefects(),
		profileDefects(), findingDefects(), adoptingDefects(), listingDefects(), revokingDefects(),
		faultyLookDefects(), faultyChangeDefects(), faultyCapabilityDefects(), manyDefects(), oddDefects()} {
		maps.Copy(all, some)
	}
	return all
}

func observingDefects() map[string]defect {
	return map[string]defect{
		"nothing observed is (nil, nil)": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				a, err := b.Memory.Observe(ctx, want)
				if errors.Is(err, connector.ErrNotFound) {
					return nil, nil
				}
				return a, err
			}
		}, []string{"ObserveNothing", "DeleteTwice"}},
		"observe repeats what was wanted": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				if _, err := b.Memory.Observe(ctx, want); err != nil {
					return nil, err
				}
				return &want, nil
			}
		}, []string{"Drift", "Reactivate", "Rename", "EmptyRoles", "Foreign"}},
		"errors have no kind": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				a, err := b.Memory.Observe(ctx, want)
				if err != nil && !errors.Is(err, connector.ErrNotFound) && ctx.Err() == nil {
					return nil, errors.New("something went wrong")
				}
				return a, err
			}
		}, []string{"Failing"}},
		"errors tell the secret": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				a, err := b.Memory.Observe(ctx, want)
				if connector.KindOf(err) == connector.KindDenied {
					return nil, fmt.Errorf("log in with %s: %w", canary, err)
				}
				return a, err
			}
		}, []string{"Failing"}},
	}
}

func suspendingDefects() map[string]defect {
	return map[string]defect{
		"suspended is ignored": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) { want.State = connector.Active })
		}, []string{"Suspend", "SuspendNobody"}},
		"suspended creates": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if want.State == connector.Suspended {
					if _, err := b.Memory.Apply(ctx, observed, with(want, func(a *connector.Account) { a.State = connector.Active })); err != nil {
						return want, err
					}
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"SuspendNobody", "SuspendIsNeverRefused"}},
		"suspended deletes": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if want.State == connector.Suspended {
					return want, b.Memory.Delete(ctx, want)
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"Suspend"}},
		"suspended for ever": {func(b *broken) {
			rewriting(b, func(current, want *connector.Account) {
				if current != nil && current.State == connector.Suspended {
					want.State = connector.Suspended
				}
			})
		}, []string{"Reactivate"}},
		"suspending is refused for an unknown role": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if slices.Contains(want.Roles, "no-such-role") {
					return want, connector.Invalidf("role is unknown")
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"SuspendIsNeverRefused"}},
	}
}

func rolesDefects() map[string]defect {
	return map[string]defect{
		"roles are only added": {func(b *broken) {
			rewriting(b, func(current, want *connector.Account) {
				if current != nil && want.Roles != nil {
					want.Roles = append(slices.Clone(current.Roles), want.Roles...)
				}
			})
		}, []string{"RoleChange", "EmptyRoles", "Drift"}},
		"roles of a neighbour are changed": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				for _, other := range b.Accounts() {
					if other.Owner != want.Owner && want.Roles != nil {
						other.Roles = want.Roles
						b.Put(other)
					}
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"RoleChange", "Foreign"}},
		"nil roles remove all": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) { want.Roles = append([]string{}, want.Roles...) })
		}, []string{"NilRoles"}},
		"empty roles change nothing": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) {
				if len(want.Roles) == 0 {
					want.Roles = nil
				}
			})
		}, []string{"EmptyRoles"}},
		"unknown roles are accepted": {func(b *broken) {
			b.roles = append(slices.Clone(b.roles), "no-such-role", "!admin", "")
		}, []string{"UnknownRole"}},
		"known roles are given before the unknown one is refused": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				known := slices.DeleteFunc(slices.Clone(want.Roles), func(role string) bool { return !slices.Contains(b.roles, role) })
				if len(known) < len(want.Roles) && want.State == connector.Active {
					if _, err := b.Memory.Apply(ctx, observed, with(want, func(a *connector.Account) { a.Roles = known })); err != nil {
						return want, err
					}
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"UnknownRole"}},
	}
}

func ownershipDefects() map[string]defect {
	return map[string]defect{
		"the name never changes": {func(b *broken) {
			rewriting(b, func(current, want *connector.Account) {
				if current != nil {
					want.UserName = current.UserName
				}
			})
		}, []string{"Rename", "Drift"}},
		"foreign accounts are taken over": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if found := b.Get(want.UserName); found != nil && found.Owner != want.Owner {
					found.Owner = want.Owner
					b.put(*found)
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"Foreign"}},
		"deletes by name": {func(b *broken) {
			b.delete = func(ctx context.Context, observed connector.Account) error {
				if found := b.Get(observed.UserName); found != nil {
					return b.Memory.Delete(ctx, with(observed, func(a *connector.Account) { a.Owner = found.Owner }))
				}
				return nil
			}
		}, []string{"DeleteOnlyOwn", "Foreign"}},
		"deleting what is gone is an error": {func(b *broken) {
			b.delete = func(ctx context.Context, observed connector.Account) error {
				if _, err := b.Memory.Observe(ctx, observed); err != nil {
					return err
				}
				return b.Memory.Delete(ctx, observed)
			}
		}, []string{"DeleteTwice"}},
		"delete does nothing": {func(b *broken) {
			b.delete = func(context.Context, connector.Account) error { return nil }
		}, []string{"DeleteTwice"}},
		"long names are cut": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) { want.UserName = want.UserName[:min(len(want.UserName), 63)] })
		}, []string{"OddNames"}},
		"names are trimmed": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) { want.UserName = strings.TrimSpace(want.UserName) })
		}, []string{"OddNames"}},
		"errors tell the user name": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				a, err := b.Memory.Apply(ctx, observed, want)
				if err != nil {
					return a, fmt.Errorf("apply %s: %w", want.UserName, err)
				}
				return a, nil
			}
		}, []string{"UnknownRole", "Foreign", "Failing"}},
	}
}

func effectsDefects() map[string]defect {
	return map[string]defect{
		"apply always writes": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				a, err := b.Memory.Apply(ctx, observed, want)
				if err == nil && a.ExternalID != "" {
					b.put(a)
				}
				return a, err
			}
		}, []string{"ApplyTwice", "NilRoles"}},
		"a stale look makes a second account": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				existed := b.Get(want.UserName) != nil
				a, err := b.Memory.Apply(ctx, observed, want)
				if err == nil && observed == nil && existed {
					return b.put(with(a, func(a *connector.Account) { a.ExternalID += "again" })), nil
				}
				return a, err
			}
		}, []string{"ApplyTwice"}},
		"apply returns what was wanted, does nothing": {func(b *broken) {
			b.apply = func(_ context.Context, _ *connector.Account, want connector.Account) (connector.Account, error) {
				return want, nil
			}
		}, []string{"ApplyThenInSync", "Drift", "RoleChange", "UnknownRole", "ManyAtOnce"}},
		"renaming is a second account": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if b.Get(want.UserName) == nil && want.State == connector.Active {
					return b.put(with(want, func(a *connector.Account) { a.ExternalID = want.UserName })), nil
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"Rename"}},
		"every second change is lost": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if observed == nil || want.State == connector.Suspended {
					return b.Memory.Apply(ctx, observed, want)
				}
				return want, nil
			}
		}, []string{"TwoAtOnce", "ManyAtOnce", "RoleChange"}},
		"the context is ignored": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				b.mu.Lock()
				hanging := b.reached != nil
				b.mu.Unlock()
				if hanging {
					return b.Memory.Apply(ctx, observed, want)
				}
				return b.Memory.Apply(context.WithoutCancel(ctx), observed, want)
			}
		}, []string{"Ended"}},
		"the context's error is hidden": {func(b *broken) {
			b.delete = func(ctx context.Context, observed connector.Account) error {
				if err := b.Memory.Delete(ctx, observed); connector.KindOf(err) == connector.KindUnknown {
					return connector.Unavailablef(0, "try again")
				}
				return b.Memory.Delete(ctx, observed)
			}
		}, []string{"Ended", "Cancelled"}},
	}
}
