// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
	tokens "github.com/scim-operator/scim-operator/cmd/kubectl-scim/token"
)

// report is what the command shows, as JSON too.
type report struct {
	// Problems are sorted by how bad they are.
	Problems     []problem     `json:"problems"`
	Directories  []directory   `json:"directories"`
	Tokens       []token       `json:"tokens"`
	Applications []application `json:"applications"`
	// Grants are those that are not in effect.
	Grants []grant `json:"grantsNotInEffect"`
	// OldestHeld is since when the change waits that waits for longest.
	OldestHeld *metav1.MicroTime `json:"oldestHeld,omitempty"`
	// Unknown says what the caller may not see.
	Unknown []string `json:"unknown,omitempty"`

	namespaces bool
}

type directory struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Ready     string `json:"ready"`
	Users     int64  `json:"users"`
	Held      int32  `json:"held"`
	URL       string `json:"url"`
}

type token struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Directory string `json:"directory"`
	Ready     string `json:"ready"`
	Used      string `json:"used"`
	Expires   string `json:"expires"`
	Remarks   string `json:"remarks,omitempty"`
}

type application struct {
	Namespace string                   `json:"namespace"`
	Name      string                   `json:"name"`
	Connector v1alpha1.ConnectorType   `json:"connector"`
	Mode      v1alpha1.ApplicationMode `json:"mode"`
	Ready     string                   `json:"ready"`
	Accounts  v1alpha1.AccountCounts   `json:"accounts"`
	Orphans   int32                    `json:"orphans"`
}

type grant struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Application string `json:"application"`
	Ready       string `json:"ready"`
	Message     string `json:"message"`
}

// reportOf is pure.
func reportOf(s *state, now time.Time, namespaces bool) *report {
	r := &report{Directories: []directory{}, Tokens: []token{}, Applications: []application{}, Grants: []grant{}, Unknown: s.unknown, namespaces: namespaces}
	for _, d := range s.directories {
		r.Directories = append(r.Directories, directory{d.Namespace, d.Name, readiness(d.Status.Conditions, d.Spec.Suspended), d.Status.Users, d.Status.Removals.Count, d.Status.URL})
	}
	for _, t := range s.tokens {
		r.Tokens = append(r.Tokens, tokenOf(t, now))
	}
	for _, a := range s.applications {
		r.Applications = append(r.Applications, application{
			a.Namespace, a.Name, a.Spec.Connector.Type, a.Spec.Mode, cli.Ready(a.Status.Conditions), a.Status.Accounts, a.Status.Orphans.Count,
		})
	}
	for _, g := range s.grants {
		if ready := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Reason != v1alpha1.ReasonInEffect {
			r.Grants = append(r.Grants, grant{g.Namespace, g.Name, g.Spec.ApplicationRef.Name, cli.Ready(g.Status.Conditions), ready.Message})
		}
	}
	for _, a := range s.held {
		if since := a.Spec.Held.Since; !a.Spec.Held.Rejected && (r.OldestHeld == nil || since.Before(r.OldestHeld)) {
			r.OldestHeld = &since
		}
	}
	r.Problems = problemsOf(s, now)
	return r
}

func readiness(conditions []metav1.Condition, suspended bool) string {
	if suspended {
		return "suspended"
	}
	return cli.Ready(conditions)
}

func tokenOf(t *v1alpha1.ScimToken, now time.Time) token {
	return token{
		Namespace: t.Namespace, Name: t.Name, Directory: t.Spec.DirectoryRef.Name, Ready: cli.Ready(t.Status.Conditions),
		Used: tokens.Used(t, now), Expires: tokens.Expires(t, now), Remarks: tokens.Remarks(t),
	}
}

func (r *report) needsAttention() bool {
	return slices.ContainsFunc(r.Problems, func(p problem) bool { return p.Level != levelNote })
}

// columns puts the namespace in front where several are shown.
func (r *report) columns(names ...string) *table.Table {
	if r.namespaces {
		names = append([]string{"Namespace"}, names...)
	}
	return table.New(names...)
}

func (r *report) add(t *table.Table, namespace string, cells ...string) {
	if r.namespaces {
		cells = append([]string{namespace}, cells...)
	}
	t.Add(cells...)
}

func (r *report) problems() *table.Table {
	t := r.columns("Level", "What", "Is", "Do")
	for _, p := range r.Problems {
		r.add(t, p.Namespace, string(p.Level), p.What, p.Is, p.Do)
	}
	return t
}

func (r *report) directories() *table.Table {
	t := r.columns("Directory", "Ready", "Users", "Held", "URL")
	for _, d := range r.Directories {
		r.add(t, d.Namespace, d.Name, d.Ready, fmt.Sprint(d.Users), fmt.Sprint(d.Held), d.URL)
	}
	return t
}

func (r *report) tokens() *table.Table {
	t := r.columns("Token", "Directory", "Ready", "Used", "Expires", "+Remarks")
	for _, k := range r.Tokens {
		r.add(t, k.Namespace, k.Name, k.Directory, k.Ready, k.Used, k.Expires, k.Remarks)
	}
	return t
}

func (r *report) applications() *table.Table {
	t := r.columns("Application", "Ready", "Mode", "Accounts", "In Sync", "Held", "Orphans", "+Connector")
	for _, a := range r.Applications {
		mode := string(cmp.Or(a.Mode, v1alpha1.ModeActive))
		r.add(t, a.Namespace, a.Name, a.Ready, mode, fmt.Sprint(a.Accounts.Desired), fmt.Sprint(a.Accounts.Ready), fmt.Sprint(a.Accounts.Held), fmt.Sprint(a.Orphans), string(a.Connector))
	}
	return t
}

func (r *report) grants() *table.Table {
	t := r.columns("Grant Not In Effect", "Application", "Why", "+Message")
	for _, g := range r.Grants {
		r.add(t, g.Namespace, g.Name, g.Application, g.Ready, g.Message)
	}
	return t
}
