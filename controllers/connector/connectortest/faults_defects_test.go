// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// lost says whether an error is that of a fault.
func lost(err error) bool { return connector.KindOf(err) == connector.KindUnavailable }

// troubled returns an Apply that does something else when the good one meets a fault.
func troubled(b *broken, trouble func(observed *connector.Account, want connector.Account, err error) (connector.Account, error)) {
	b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
		a, err := b.Memory.Apply(ctx, observed, want)
		if lost(err) {
			return trouble(observed, want, err)
		}
		return a, err
	}
}

func faultyLookDefects() map[string]defect {
	observing := func(b *broken, trouble func(err error) error) {
		b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
			a, err := b.Memory.Observe(ctx, want)
			if lost(err) {
				return nil, trouble(err)
			}
			return a, err
		}
	}
	return map[string]defect{
		"what cannot be reached is not there": {func(b *broken) {
			observing(b, func(error) error { return connector.ErrNotFound })
		}, []string{"FaultsObserve"}},
		"trouble is taken for a refusal": {func(b *broken) {
			observing(b, func(err error) error { return connector.Deniedf("the credential is refused").Because(err) })
		}, []string{"FaultsObserve"}},
		"in trouble somebody else is seen": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				a, err := b.Memory.Observe(ctx, want)
				if lost(err) {
					return &connector.Account{Owner: "suite/somebody-else", UserName: want.UserName}, nil
				}
				return a, err
			}
		}, []string{"FaultsObserve"}},
		"the first error is remembered for ever": {func(b *broken) {
			var remembered atomic.Pointer[error]
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				if before := remembered.Load(); before != nil {
					return nil, *before
				}
				a, err := b.Memory.Observe(ctx, want)
				if lost(err) {
					remembered.Store(&err)
				}
				return a, err
			}
		}, []string{"FaultsObserve"}},
		"it waits for ever": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				return b.Memory.Observe(context.WithoutCancel(ctx), want)
			}
		}, []string{"FaultsObserve"}},
	}
}

func faultyChangeDefects() map[string]defect {
	changes := []string{"FaultsCreate", "FaultsChange", "FaultsSuspend", "FaultsRestore", "FaultsRename"}
	return map[string]defect{
		"a lost answer counts as a good one": {func(b *broken) {
			troubled(b, func(_ *connector.Account, want connector.Account, _ error) (connector.Account, error) {
				return want, nil
			})
		}, changes},
		"trouble is taken for a bad account": {func(b *broken) {
			troubled(b, func(_ *connector.Account, want connector.Account, err error) (connector.Account, error) {
				return want, connector.Invalidf("this account cannot be").Because(err)
			})
		}, changes},
		"errors tell what the application said": {func(b *broken) {
			troubled(b, func(_ *connector.Account, want connector.Account, err error) (connector.Account, error) {
				return want, fmt.Errorf("%w: %w", err, errors.Unwrap(err))
			})
		}, changes},
		"after a lost answer it is made again": {func(b *broken) {
			troubled(b, func(observed *connector.Account, want connector.Account, err error) (connector.Account, error) {
				if observed == nil {
					b.put(with(want, func(a *connector.Account) { a.ExternalID = "again-" + want.Owner }))
				}
				return want, err
			})
		}, []string{"FaultsCreate"}},
		"what a lost answer has made is somebody else's": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if observed == nil && b.Get(want.UserName) != nil {
					return want, connector.Conflictf("there is an account of that name")
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"FaultsCreate", "ApplyTwice"}},
		"a rename that was lost makes a second account": {func(b *broken) {
			troubled(b, func(observed *connector.Account, want connector.Account, err error) (connector.Account, error) {
				if observed != nil && observed.UserName != want.UserName {
					b.put(with(want, func(a *connector.Account) { a.ExternalID, a.Owner = "renamed-"+want.Owner, "" }))
				}
				return want, err
			})
		}, []string{"FaultsRename"}},
		"a slow application is one that is down": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				ctx, cancel := context.WithTimeout(ctx, 100*time.Microsecond)
				defer cancel()
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"FaultsCreate"}},
		"deleting counts as done in any case": {func(b *broken) {
			b.delete = func(ctx context.Context, observed connector.Account) error {
				if err := b.Memory.Delete(ctx, observed); !lost(err) {
					return err
				}
				return nil
			}
		}, []string{"FaultsDelete", "Failing"}},
	}
}

func faultyCapabilityDefects() map[string]defect {
	return map[string]defect{
		"a list that breaks off begins again": {func(b *broken) {
			b.list = func(ctx context.Context) iter.Seq2[connector.Account, error] {
				return func(yield func(connector.Account, error) bool) {
					for range 2 {
						if again := b.listOnce(ctx, yield); !again {
							return
						}
						b.TruncateList(-1)
					}
				}
			}
		}, []string{"FaultsList"}},
		"in trouble nobody is found": {func(b *broken) {
			b.find = func(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
				found, err := b.Memory.Find(ctx, key, value)
				if lost(err) {
					return nil, nil
				}
				return found, err
			}
		}, []string{"FaultsFind", "Failing"}},
		"in trouble somebody is found": {func(b *broken) {
			b.find = func(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
				found, err := b.Memory.Find(ctx, key, value)
				if lost(err) {
					return []connector.Account{{ExternalID: "1", UserName: "somebody"}}, nil
				}
				return found, err
			}
		}, []string{"FaultsFind"}},
		"adopting counts as done in any case": {func(b *broken) {
			b.adopt = func(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
				a, err := b.Memory.Adopt(ctx, found, owner)
				if lost(err) {
					return with(found, func(a *connector.Account) { a.Owner = owner }), nil
				}
				return a, err
			}
		}, []string{"FaultsAdopt", "Failing"}},
		"revoking counts as done in any case": {func(b *broken) {
			b.revoke = func(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
				_, err := b.Memory.Revoke(ctx, acct)
				if !lost(err) {
					return connector.Revocation{Sessions: connector.Revoked, Tokens: connector.Revoked}, err
				}
				return connector.Revocation{Sessions: connector.Revoked, Tokens: connector.Revoked}, nil
			}
		}, []string{"FaultsRevoke", "Failing"}},
	}
}

// listOnce passes a list on and says whether it broke off.
func (b *broken) listOnce(ctx context.Context, yield func(connector.Account, error) bool) (brokeOff bool) {
	for a, err := range b.Memory.List(ctx) {
		if err != nil {
			return true
		}
		if !yield(a, nil) {
			return false
		}
	}
	return false
}

func manyDefects() map[string]defect {
	return map[string]defect{
		"every look takes many calls": {func(b *broken) {
			b.observe = func(ctx context.Context, want connector.Account) (*connector.Account, error) {
				for range 3 {
					if _, err := b.Memory.Observe(ctx, want); err != nil {
						return nil, err
					}
				}
				return b.Memory.Observe(ctx, want)
			}
		}, []string{"SuspendMany"}},
		"connections are never given back": {func(b *broken) {
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				b.begin(&Call{Verb: VerbProbe})
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"SuspendMany"}},
		"a suspension among many is forgotten": {func(b *broken) {
			var suspended atomic.Int64
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if want.State == connector.Suspended && suspended.Add(1) == 100 {
					return want, nil
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"SuspendMany"}},
		"too many at once is an error": {func(b *broken) {
			var atOnce atomic.Int64
			b.apply = func(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
				if want.State == connector.Suspended && atOnce.Add(1) > 50 {
					return want, connector.Unavailablef(0, "every connection is taken")
				}
				return b.Memory.Apply(ctx, observed, want)
			}
		}, []string{"SuspendMany"}},
	}
}
