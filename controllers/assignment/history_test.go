// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// row is what the state table says, as people would write it down.
type row struct {
	state, roles string // roles: granted, kept or none
	reason       v1alpha1.StateReason
	deletes      string // the policies that delete: D is onDeactivation, L is onLostAccess
}

// table is by what the user is and whether a grant matches.
func table() map[string]row {
	return map[string]row{
		"Active, granted":    {"Active", "granted", v1alpha1.StateGranted, ""},
		"Active, none":       {"Suspended", "none", v1alpha1.StateAccessLost, "L"},
		"Suspended, granted": {"Suspended", "granted", v1alpha1.StateDeactivated, "D"},
		"Suspended, none":    {"Suspended", "kept", v1alpha1.StateDeactivated, "DL"},
		"Gone, none":         {"Suspended", "none", v1alpha1.StateUserDeleted, "DL"},
	}
}

// plain is the account of the person as the model has it: nothing of the code that it is compared with is used.
type plain struct {
	Exists, Attached      bool // Attached: it is that of the present ScimUser
	State, Reason         string
	Roles                 []string
	DeleteAfter, ErasedAt time.Time
}

// life is one person in one application, over the years.
type life struct {
	r                    random
	now                  time.Time
	user                 string // Active, Suspended, Gone
	incarnation          int
	annotation           string // absent, empty, set
	inGroup              bool
	windowFrom, windowTo int // hours
	lost, deactivation   string
	graceHours           int
	model                plain
	accounts             []*account
	programs             *expression.Cache
}

// step does one thing that people or time do.
func (l *life) step() (what string) {
	switch what = pick(l.r, "join", "leave", "deactivate", "reactivate", "delete", "create", "lock", "unlock", "window", "policy", "hours", "hours"); what {
	case "join", "leave":
		l.inGroup = what == "join"
	case "deactivate", "reactivate":
		if l.user != "Gone" {
			l.user = map[string]string{"deactivate": "Suspended", "reactivate": "Active"}[what]
		}
	case "delete":
		l.user, l.annotation, l.model.Attached = "Gone", "absent", false
	case "create":
		if l.user == "Gone" {
			l.user = "Active"
			l.incarnation++
		}
	case "lock", "unlock":
		if l.user != "Gone" {
			l.annotation = map[string]string{"lock": "set", "unlock": "empty"}[what]
		}
	case "window":
		l.windowFrom = int(l.now.Sub(noon())/time.Hour) + l.r.IntN(5) - 2
		l.windowTo = l.windowFrom + 1 + l.r.IntN(4)
	case "policy":
		l.lost, l.deactivation, l.graceHours = pick(l.r, "Suspend", "Delete", "Retain"), pick(l.r, "Suspend", "Delete"), l.r.IntN(4)
	default:
		l.now = l.now.Add(time.Duration(1+l.r.IntN(120)) * time.Minute)
	}
	return what
}

// granted are the roles that the person has by grants, and whether there is any grant.
func (l *life) granted() (roles []string, any bool) {
	if l.inGroup {
		roles = append(roles, "a")
	}
	if hours := l.now.Sub(noon()).Hours(); hours >= float64(l.windowFrom) && hours < float64(l.windowTo) {
		roles = append(roles, "b")
	}
	return roles, len(roles) > 0 && l.user != "Gone"
}

// predict moves the model.
func (l *life) predict() {
	m := &l.model
	roles, granted := l.granted()
	inherited := m.Exists && m.Reason == "Locked" && (l.annotation == "absent")
	locked := l.annotation == "set" || inherited
	makes := granted && (l.user == "Active" || l.deactivation != "Delete" || locked && m.Exists)
	alive := m.Exists && m.State != "Deleted"
	if !m.Exists && !makes {
		return
	}
	user := l.user
	if !m.Attached {
		if granted && (makes || alive) {
			m.Attached = true
		} else { // it waits, and what happens to another ScimUser is nothing to it
			user, granted, locked = "Gone", false, m.Reason == "Locked"
		}
	}
	if m.Exists && !alive && !makes && !locked {
		return // Deleted stays
	}
	m.Exists = true
	l.follow(user, granted, roles)
	if locked {
		m.State, m.Reason = "Suspended", "Locked"
	}
	if m.State == "Deleted" && m.ErasedAt.IsZero() {
		m.ErasedAt = l.now
	} else if m.State != "Deleted" {
		m.ErasedAt = time.Time{}
	}
}

// follow looks the account up in the table.
func (l *life) follow(user string, granted bool, roles []string) {
	m := &l.model
	row := table()[user+map[bool]string{true: ", granted", false: ", none"}[granted]]
	deletes := (l.deactivation == "Delete" && slices.Contains([]string{"D", "DL"}, row.deletes)) || (l.lost == "Delete" && slices.Contains([]string{"L", "DL"}, row.deletes))
	if user == "Active" && !granted && l.lost == "Retain" {
		m.Reason, m.DeleteAfter = "Retained", time.Time{}
		return
	}
	m.State, m.Reason = row.state, string(row.reason)
	switch row.roles {
	case "granted":
		m.Roles = roles
	case "none":
		m.Roles = nil
	}
	switch {
	case !deletes:
		m.DeleteAfter = time.Time{}
	case m.DeleteAfter.IsZero():
		m.DeleteAfter = l.now.Add(time.Duration(l.graceHours) * time.Hour)
	}
	if deletes && !l.now.Before(m.DeleteAfter) {
		m.State, m.Roles = "Deleted", nil
	}
}

// id is the name of the present ScimUser.
func (l *life) id(incarnation int) string { return fmt.Sprintf("id%d", incarnation) }

func (l *life) facts(incarnation int) Facts {
	f := Facts{Now: l.now, Applications: one(makeApp(onLostAccess(v1alpha1.RemovalAction(l.lost)), onDeactivation(v1alpha1.RemovalAction(l.deactivation)), grace(int32(l.graceHours))))}
	if incarnation == l.incarnation && l.user != "Gone" {
		f.User = makeUser()
		f.User.Name, f.User.Spec.State = l.id(incarnation), v1alpha1.State(l.user)
		if l.annotation != "absent" {
			f.User.Annotations = map[string]string{v1alpha1.AnnotationSuspend: map[string]string{"set": "why", "empty": ""}[l.annotation]}
		}
	}
	if l.inGroup {
		f.Groups = one(makeGroup("g1", "Ops", ""))
	}
	f.Grants = []*grant{makeGrant("by-group", in(v1alpha1.GroupSubject{DisplayName: "ops"}), "a"), window(makeGrant("by-time", everyone(), "b"), l.windowFrom, l.windowTo)}
	for _, a := range l.accounts {
		if a.Spec.UserRef.Name == l.id(incarnation) {
			f.Present = append(f.Present, a)
		} else {
			f.Waiting = append(f.Waiting, a)
		}
	}
	return f
}

// reconcile lets the code decide about every ScimUser that there ever was and has an account, the present one first.
func (l *life) reconcile() {
	for incarnation := l.incarnation; incarnation >= 0; incarnation-- {
		f := l.facts(incarnation)
		if incarnation != l.incarnation {
			f.Waiting = nil
		}
		steps, over := Plan(Decide(f, l.programs), slices.Concat(f.Present, f.Waiting), func(a *account) bool { return l.now.Sub(a.Spec.DeletedAt.Time) >= time.Hour })
		for _, s := range steps {
			after := &account{ObjectMeta: metav1.ObjectMeta{Name: s.Name}, Spec: Applied(s, nil)}
			switch {
			case s.Deletes:
				after.Spec.DeletedAt = &metav1.MicroTime{Time: l.now}
			case after.Spec.State != deleted:
				after.Spec.DeletedAt = nil
			}
			l.accounts = append(slices.DeleteFunc(l.accounts, func(a *account) bool { return a.Name == s.Name }), after)
		}
		l.accounts = slices.DeleteFunc(l.accounts, func(a *account) bool { return slices.Contains(over, a) })
	}
}

// is is what the code made of the account, in the words of the model.
func (l *life) is() plain {
	if len(l.accounts) == 0 {
		return plain{}
	}
	s := &l.accounts[0].Spec
	p := plain{Exists: true, Attached: s.UserRef.Name == l.id(l.incarnation) && l.user != "Gone", State: string(s.State), Reason: string(s.Reason)}
	for _, role := range s.Roles {
		p.Roles = append(p.Roles, string(role))
	}
	if s.DeleteAfter != nil {
		p.DeleteAfter = s.DeleteAfter.Time
	}
	if s.DeletedAt != nil {
		p.ErasedAt = s.DeletedAt.Time
	}
	return p
}

// TestHistories compares random histories with the model, step by step.
func TestHistories(t *testing.T) {
	for seed := range uint64(20) {
		l := &life{r: seeded(seed), now: noon(), user: "Gone", annotation: "absent", lost: "Suspend", deactivation: "Suspend", programs: &expression.Cache{}}
		var history []string
		for range 1000 {
			history = append(history, l.step())
			l.reconcile()
			l.reconcile() // as the event of what was written makes it: without grace, what is suspended is deleted next
			if m := &l.model; m.State == "Deleted" && l.now.Sub(m.ErasedAt) >= time.Hour {
				if l.predict(); m.State == "Deleted" {
					l.model = plain{}
				}
			} else {
				l.predict()
			}
			if diff := cmp.Diff(l.model, l.is()); diff != "" || len(l.accounts) > 1 {
				t.Fatalf("seed %d, %d accounts, after %v: (-model +is)\n%s", seed, len(l.accounts), history[max(0, len(history)-12):], diff)
			}
		}
	}
}
