// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func (b *broken) Keeps(attribute string) bool {
	if b.keeps != nil {
		return b.keeps(attribute)
	}
	return b.Memory.Keeps(attribute)
}

func (b *broken) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	if b.find != nil {
		return b.find(ctx, key, value)
	}
	return b.Memory.Find(ctx, key, value)
}

func (b *broken) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	if b.adopt != nil {
		return b.adopt(ctx, found, owner)
	}
	return b.Memory.Adopt(ctx, found, owner)
}

func (b *broken) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	if b.list != nil {
		return b.list(ctx)
	}
	return b.Memory.List(ctx)
}

func (b *broken) Revoke(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
	if b.revoke != nil {
		return b.revoke(ctx, acct)
	}
	return b.Memory.Revoke(ctx, acct)
}

// applying returns an Apply that changes behind the back of the good one what it has stored.
func applying(b *broken, change func(want connector.Account, stored *connector.Account)) {
	b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
		a, err := b.Memory.Apply(ctx, observed, want)
		if err == nil && a.ExternalID != "" {
			change(want, &a)
			b.Put(a)
		}
		return a, err
	}
}

func profileDefects() map[string]defect {
	return map[string]defect{
		"every attribute is said to be kept": {func(b *broken) {
			b.keeps = func(string) bool { return true }
		}, []string{"Profile"}},
		"no attribute is said to be kept": {func(b *broken) {
			b.keeps = func(string) bool { return false }
		}, []string{"Profile"}},
		"attributes are never changed": {func(b *broken) {
			rewriting(b, func(current, want *connector.Account) {
				if current != nil {
					want.Profile = nil
				}
			})
		}, []string{"Profile", "Drift"}},
		"attributes are never taken away": {func(b *broken) {
			rewriting(b, func(_, want *connector.Account) {
				if want.Profile["title"] == "" {
					want.Profile = nil
				}
			})
		}, []string{"Profile"}},
		"attributes that are not named are wiped": {func(b *broken) {
			applying(b, func(want connector.Account, stored *connector.Account) {
				if want.Profile == nil {
					stored.Profile = nil
				}
			})
		}, []string{"Profile"}},
	}
}

// finding returns a Find that goes on from what the good one returns.
func finding(b *broken, change func(key connector.Key, value string, found []connector.Account) ([]connector.Account, error)) {
	b.find = func(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
		found, err := b.Memory.Find(ctx, key, value)
		if err != nil {
			return found, err
		}
		return change(key, value, found)
	}
}

func findingDefects() map[string]defect {
	return map[string]defect{
		"marked accounts are found": {func(b *broken) {
			finding(b, func(key connector.Key, value string, found []connector.Account) ([]connector.Account, error) {
				matches, _ := matcher(key, value)
				for _, a := range b.Accounts() {
					if a.Owner != "" && matches(a) {
						found = append(found, a)
					}
				}
				return found, nil
			})
		}, []string{"FindOnlyUnmarked", "Adopt"}},
		"marked accounts are found as unmarked": {func(b *broken) {
			finding(b, func(key connector.Key, value string, found []connector.Account) ([]connector.Account, error) {
				matches, _ := matcher(key, value)
				for _, a := range b.Accounts() {
					if a.Owner != "" && matches(a) {
						found = append(found, with(a, func(a *connector.Account) { a.Owner = "" }))
					}
				}
				return found, nil
			})
		}, []string{"FindOnlyUnmarked", "Adopt"}},
		"found by a part of the value": {func(b *broken) {
			b.find = func(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
				for _, a := range b.Accounts() {
					if a.Owner == "" && strings.HasPrefix(valueOf(key, a), value) {
						return []connector.Account{a}, nil
					}
				}
				return b.Memory.Find(ctx, key, value)
			}
		}, []string{"Find"}},
		"a star finds all": {func(b *broken) {
			finding(b, func(_ connector.Key, value string, found []connector.Account) ([]connector.Account, error) {
				for _, a := range b.Accounts() {
					if value == "*" {
						found = append(found, a)
					}
				}
				return found, nil
			})
		}, []string{"Find"}},
		"finding touches": {func(b *broken) {
			finding(b, func(_ connector.Key, _ string, found []connector.Account) ([]connector.Account, error) {
				for _, a := range found {
					a.Profile["last seen"] = "now"
					b.Put(a)
				}
				return found, nil
			})
		}, []string{"Find"}},
		"unknown keys find nothing": {func(b *broken) {
			b.find = func(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
				found, err := b.Memory.Find(ctx, key, value)
				if connector.KindOf(err) == connector.KindInvalid {
					return nil, nil
				}
				return found, err
			}
		}, []string{"Find"}},
		"the first of two is taken": {func(b *broken) {
			finding(b, func(_ connector.Key, _ string, found []connector.Account) ([]connector.Account, error) {
				return found[:min(len(found), 1)], nil
			})
		}, []string{"FindShared"}},
	}
}

// adopting returns an Adopt that changes what is found before it goes on to the good one.
func adopting(b *broken, change func(current *connector.Account, owner string)) {
	b.adopt = func(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
		if current, exists := b.Accounts()[found.ExternalID]; exists && ctx.Err() == nil {
			change(&current, owner)
			b.Put(current)
		}
		return b.Memory.Adopt(ctx, found, owner)
	}
}

func adoptingDefects() map[string]defect {
	return map[string]defect{
		"adopting takes roles away": {func(b *broken) {
			adopting(b, func(current *connector.Account, _ string) { current.Roles = nil })
		}, []string{"Adopt"}},
		"adopting changes the login name": {func(b *broken) {
			adopting(b, func(current *connector.Account, _ string) { current.UserName = strings.ToLower(current.UserName) })
		}, []string{"Adopt"}},
		"adopting overwrites a mark": {func(b *broken) {
			adopting(b, func(current *connector.Account, owner string) { current.Owner = owner })
		}, []string{"Adopt", "AdoptAtOnce"}},
		"adopting makes what is gone": {func(b *broken) {
			b.adopt = func(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
				if _, exists := b.Accounts()[found.ExternalID]; !exists {
					b.Put(found)
				}
				return b.Memory.Adopt(ctx, found, owner)
			}
		}, []string{"Adopt"}},
		"adopting again is a conflict": {func(b *broken) {
			b.adopt = func(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
				if b.Accounts()[found.ExternalID].Owner == owner {
					return connector.Account{}, connector.Conflictf("adopted already")
				}
				return b.Memory.Adopt(ctx, found, owner)
			}
		}, []string{"Adopt", "FaultsAdopt"}},
		"adopting always writes": {func(b *broken) {
			b.adopt = func(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
				a, err := b.Memory.Adopt(ctx, found, owner)
				if err == nil {
					b.put(a)
				}
				return a, err
			}
		}, []string{"Adopt"}},
		"adopting says so and does nothing": {func(b *broken) {
			b.adopt = func(_ context.Context, found connector.Account, owner string) (connector.Account, error) {
				found.Owner = owner
				return found, nil
			}
		}, []string{"Adopt", "AdoptAtOnce"}},
	}
}

// listing returns a List that passes on what keep says, as often as it says.
func listing(b *broken, times func(i int, a connector.Account) int) {
	b.list = func(ctx context.Context) iter.Seq2[connector.Account, error] {
		return func(yield func(connector.Account, error) bool) {
			i := -1
			for a, err := range b.Memory.List(ctx) {
				i++
				n := 1
				if err == nil {
					n = times(i, a)
				}
				for range n {
					if !yield(a, err) {
						return
					}
				}
			}
		}
	}
}

func listingDefects() map[string]defect {
	return map[string]defect{
		"only the first page is listed": {func(b *broken) {
			listing(b, func(i int, _ connector.Account) int { return min(max(0, pageSize-i), 1) })
		}, []string{"List"}},
		"the end of a page is listed twice": {func(b *broken) {
			listing(b, func(i int, _ connector.Account) int { return 1 + (i+1)%pageSize/(pageSize-1) })
		}, []string{"List"}},
		"only ours are listed": {func(b *broken) {
			listing(b, func(_ int, a connector.Account) int { return min(len(a.Owner), 1) })
		}, []string{"List"}},
		"only those of others are listed": {func(b *broken) {
			listing(b, func(_ int, a connector.Account) int { return 1 - min(len(a.Owner), 1) })
		}, []string{"List"}},
		"listing touches": {func(b *broken) {
			listing(b, func(_ int, a connector.Account) int { b.put(a); return 1 })
		}, []string{"List"}},
		"a list that breaks off just ends": {func(b *broken) {
			b.list = func(ctx context.Context) iter.Seq2[connector.Account, error] {
				return func(yield func(connector.Account, error) bool) {
					for a, err := range b.Memory.List(ctx) {
						if err != nil || !yield(a, nil) {
							return
						}
					}
				}
			}
		}, []string{"ListCutShort", "Ended", "Failing", "Cancelled", "FaultsList"}},
	}
}

func revokingDefects() map[string]defect {
	return map[string]defect{
		"revoking says so and does nothing": {func(b *broken) {
			b.revoke = func(context.Context, connector.Account) (connector.Revocation, error) {
				return connector.Revocation{Sessions: connector.Revoked, Tokens: connector.Revoked}, nil
			}
		}, []string{"Revoke", "Failing", "Ended"}},
		"revoking leaves the tokens": {func(b *broken) {
			b.revoke = func(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
				revocation, err := b.Memory.Revoke(ctx, acct)
				b.IssueToken(acct.UserName)
				return revocation, err
			}
		}, []string{"Revoke"}},
		"revoking ends what everybody has opened": {func(b *broken) {
			b.revoke = func(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
				for _, a := range b.Accounts() {
					if _, err := b.Memory.Revoke(ctx, a); err != nil {
						return connector.Revocation{}, err
					}
				}
				return b.Memory.Revoke(ctx, acct)
			}
		}, []string{"Revoke"}},
		"revoking for nobody is an error": {func(b *broken) {
			b.revoke = func(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
				if !slices.ContainsFunc(slices.Collect(values(b)), func(a connector.Account) bool { return a.Owner == acct.Owner }) {
					return connector.Revocation{}, connector.Conflictf("there is no account")
				}
				return b.Memory.Revoke(ctx, acct)
			}
		}, []string{"Revoke"}},
		"revoking always writes": {func(b *broken) {
			b.revoke = func(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
				for a := range values(b) {
					if a.Owner == acct.Owner {
						b.put(a)
					}
				}
				return b.Memory.Revoke(ctx, acct)
			}
		}, []string{"Revoke"}},
		"revoking says nothing": {func(b *broken) {
			b.revoke = func(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
				_, err := b.Memory.Revoke(ctx, acct)
				return connector.Revocation{}, err
			}
		}, []string{"Revoke"}},
	}
}

func values(b *broken) iter.Seq[connector.Account] { return maps.Values(b.Accounts()) }
