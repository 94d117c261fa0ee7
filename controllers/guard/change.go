// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Standing is what an account can do. An account that is not active can do nothing, whatever its roles are.
type Standing struct {
	Active bool
	Roles  []v1alpha1.RoleName
}

// StandingOf is what an account can do that is as spec says. It shares the roles.
func StandingOf(spec *v1alpha1.ScimAccountSpec) Standing {
	return Standing{Active: spec.State == v1alpha1.AccountActive, Roles: spec.Roles}
}

// roles are those that count.
func (s Standing) roles() []v1alpha1.RoleName {
	if !s.Active {
		return nil
	}
	return s.Roles
}

func (s Standing) clone() Standing { return Standing{Active: s.Active, Roles: slices.Clone(s.Roles)} }

func (s Standing) equal(o Standing) bool {
	return s.Active == o.Active && slices.Equal(s.Roles, o.Roles)
}

// Change is a change of one account that assignment wants.
type Change struct {
	// Namespace and Account name the ScimAccount, which need not exist yet; User, Application and Directory name the others.
	Namespace, Account, User, UserName, Application, Directory string
	// Kind of the change, for spec.held.
	Kind v1alpha1.ChangeKind
	// Before is what the account can do now, nothing if there is none, and After what it could do then.
	Before, After Standing
	// Loses says that it takes access away that can be given back, Deletes that it deletes the account downstream.
	Loses, Deletes bool
	// Unconditional goes at once, counts nowhere, and no invariant holds it: the kill switch.
	Unconditional bool
	// Digest of what the account would be.
	Digest string
	// Held is what spec.held of the present account says, nil if nothing.
	Held *v1alpha1.HeldChange
	// Grants are the names of the matching grants after the change, and GrantsBefore those before, for invariants.
	Grants, GrantsBefore []string
}

// Account is an account as an invariant sees it.
type Account struct {
	UserName string
	State    v1alpha1.AccountState
	Roles    []v1alpha1.RoleName
	Grants   []string
}

// Invariant is one of spec.invariants of a ScimApplication, ready to be asked.
type Invariant struct {
	// Name of the invariant.
	Name string
	// Holds reports whether all is well with that account and that many active accounts of each role. It must not keep active.
	Holds func(account Account, active map[string]int64) (bool, error)
}

// Rules are what a change is judged by.
type Rules struct {
	// Application of the account.
	Application *v1alpha1.ScimApplication
	// Directory of the application; nil if it is gone, and then its guard holds nothing.
	Directory *v1alpha1.ScimDirectory
	// Invariants of the application.
	Invariants []Invariant
}

// Verdict is the answer. Held is what spec.held has to say; nil lets the change go.
type Verdict struct {
	Held *v1alpha1.HeldChange
	// LostAccessAt and DeletedAt have to be written together with the change. Nil means that spec keeps what it has there: an earlier
	// removal counts until its window is over, whatever became of the account since.
	LostAccessAt, DeletedAt *metav1.MicroTime
}

// The defaults of the API, for objects that did not come through an API server.
const (
	defaultWindow       = 60 * time.Minute
	defaultReversible   = 100
	defaultIrreversible = 25
	// longestWindow is the most that the API allows.
	longestWindow = 24 * time.Hour
)

// Window is the longer of the windows of the two guards, so the time for which a tombstone has to stay. Either may be nil.
func Window(app *v1alpha1.ScimApplication, dir *v1alpha1.ScimDirectory) time.Duration {
	longest := time.Duration(0)
	if app != nil {
		longest = windowOf(&app.Spec.RemovalGuard)
	}
	if dir != nil {
		longest = max(longest, windowOf(&dir.Spec.RemovalGuard))
	}
	return longest
}

// TombstoneUntil is until when a ScimAccount whose state is Deleted has to stay, because it is all that says that somebody counts.
// It is in the past, or the zero time, when nothing needs it.
func TombstoneUntil(spec *v1alpha1.ScimAccountSpec, app *v1alpha1.ScimApplication, dir *v1alpha1.ScimDirectory) time.Time {
	last := max(micros(spec.LostAccessAt), micros(spec.DeletedAt))
	if last == 0 {
		return time.Time{}
	}
	return time.UnixMicro(last).Add(Window(app, dir))
}

func windowOf(g *v1alpha1.RemovalGuard) time.Duration {
	if g.WindowMinutes == 0 {
		return defaultWindow
	}
	return time.Duration(g.WindowMinutes) * time.Minute
}

// expedites reports whether the removals of that userName go through at once.
func expedites(g *v1alpha1.RemovalGuard, userName string) bool {
	return slices.ContainsFunc(g.Expedite, func(name string) bool { return strings.EqualFold(name, userName) })
}

// kind of a removal. Each has a limit of its own.
type kind int

const (
	reversible kind = iota
	irreversible
	kinds
)

// counts reports whether c counts as that.
func (c *Change) counts(k kind) bool {
	if k == irreversible {
		return c.Deletes
	}
	return c.Loses
}

// limitOf returns the limit of that kind.
func limitOf(g *v1alpha1.RemovalGuard, k kind) v1alpha1.RemovalLimit {
	limit, fallback := g.Reversible, int32(defaultReversible)
	if k == irreversible {
		limit, fallback = g.Irreversible, defaultIrreversible
	}
	if limit.Count == 0 {
		limit.Count = fallback
	}
	return limit
}

// allowed is how many people may lose access in a window, when so many had it.
func allowed(limit v1alpha1.RemovalLimit, people int) int {
	most := int(limit.Count)
	if limit.Percent > 0 {
		most = min(most, (people*int(limit.Percent)+99)/100)
	}
	return max(1, most)
}

func micros(t *metav1.MicroTime) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func microTime(at int64) *metav1.MicroTime {
	t := metav1.NewMicroTime(time.UnixMicro(at).UTC())
	return &t
}
