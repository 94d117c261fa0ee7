// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/gate"
)

// errOutdated says that what is known of the account is not true any more. The event of what came in between wakes us.
var errOutdated = errors.New("the account was changed in between")

// visit is one reconciliation that asks the application.
type visit struct {
	*Reconciler
	access

	acct *v1alpha1.ScimAccount
	app  *v1alpha1.ScimApplication
	want connector.Account
}

// visit opens the application and does what the state of acct asks for.
func (r *Reconciler) visit(ctx context.Context, acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication, turn *gate.Turn) (reconcile.Result, error) {
	calls, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, release, err := r.Connect(calls, app)
	if goesWith(acct, app) && connector.KindOf(err) == connector.KindInvalid {
		return reconcile.Result{}, r.abandon(ctx, acct, connector.Message(err)) // its Secret went first
	}
	if err != nil {
		r.probeIf(turn.Unconnected(err), app)
		return r.failed(acct, err)
	}
	defer release()
	if app.Spec.Mode == v1alpha1.ModeActive {
		acct.Status.Pending = "" // until it is decided again
	}
	v := &visit{Reconciler: r, access: limit(conn, app.Spec.Mode, r.called(app)), acct: acct, app: app}
	v.want = desired(acct, v.profiled)
	err = v.work(calls)
	r.probeIf(turn.Report(err), app)
	return v.finish(err)
}

// work is what each state asks for.
func (v *visit) work(ctx context.Context) error {
	if v.acct.Spec.State == v1alpha1.AccountDeleted {
		return v.erase(ctx)
	}
	return v.keep(ctx)
}

// finish says when to look again.
func (v *visit) finish(err error) (reconcile.Result, error) {
	if errors.Is(err, errOutdated) {
		return reconcile.Result{}, nil
	}
	if err != nil {
		return v.failed(v.acct, err)
	}
	return reconcile.Result{RequeueAfter: wait.Jitter(v.app.Spec.Drift.Interval(v.Resync), spread)}, nil
}

func (v *visit) dry() bool { return v.app.Spec.Mode == v1alpha1.ModeDryRun }

// access is a connector with what else it can do, nil where it cannot, as far as the mode of its application lets it be used.
type access struct {
	connector.Connector

	profiled connector.Profiled
	adopter  connector.Adopter
	revoker  connector.Revoker
}

// called is told of the calls to app.
func (r *Reconciler) called(app *v1alpha1.ScimApplication) connector.Called {
	if r.Called == nil {
		return nil
	}
	return r.Called(client.ObjectKeyFromObject(app))
}

// limit makes access to conn, of whose calls called is told. Nothing that DryRun gets can write: what would is not there, whoever asks for it.
func limit(conn connector.Connector, mode v1alpha1.ApplicationMode, called connector.Called) access {
	a := access{Connector: called.Connector(conn)}
	a.profiled, _ = conn.(connector.Profiled)
	if adopter, can := conn.(connector.Adopter); can {
		a.adopter = called.Adopter(adopter)
	}
	if revoker, can := conn.(connector.Revoker); can {
		a.revoker = called.Revoker(revoker)
	}
	if mode != v1alpha1.ModeDryRun {
		return a
	}
	a.Connector, a.revoker = readOnly{a.Connector}, nil
	if a.adopter != nil {
		a.adopter = findOnly{a.adopter}
	}
	return a
}

var errReadOnly = errors.New("nothing is written in a dry run")

// readOnly is a connector that only observes.
type readOnly struct{ connector.Connector }

func (readOnly) Apply(context.Context, *connector.Account, connector.Account) (connector.Account, error) {
	return connector.Account{}, errReadOnly
}

func (readOnly) Delete(context.Context, connector.Account) error { return errReadOnly }

// findOnly is an adopter that only finds.
type findOnly struct{ connector.Adopter }

func (findOnly) Adopt(context.Context, connector.Account, string) (connector.Account, error) {
	return connector.Account{}, errReadOnly
}

// desired is acct as a connector is told, with those attributes that the application keeps.
func desired(acct *v1alpha1.ScimAccount, keeper connector.Profiled) connector.Account {
	roles := make([]string, 0, len(acct.Spec.Roles))
	for _, role := range acct.Spec.Roles {
		roles = append(roles, string(role))
	}
	want := connector.Account{
		Owner:      acct.Namespace + "/" + acct.Name,
		ExternalID: acct.Status.ExternalID,
		UserName:   acct.Spec.UserName,
		State:      connector.Suspended,
		Roles:      roles,
		Profile:    profile(&acct.Spec, keeper),
	}
	if acct.Spec.State == v1alpha1.AccountActive {
		want.State = connector.Active
	}
	return want
}

// The names of the attributes that every mapping has.
const (
	attributeDisplayName = "displayName"
	attributeEmail       = "email"
)

// profile has every attribute of spec that keeper keeps, also those that are empty; nil without a keeper.
func profile(spec *v1alpha1.ScimAccountSpec, keeper connector.Profiled) map[string]string {
	if keeper == nil {
		return nil
	}
	kept := map[string]string{}
	keep := func(name, value string) {
		if keeper.Keeps(name) {
			kept[name] = value
		}
	}
	for _, attribute := range spec.Attributes {
		keep(attribute.Name, attribute.Value)
	}
	keep(attributeDisplayName, spec.DisplayName)
	keep(attributeEmail, spec.Email)
	return kept
}

// observe returns the account that bears our mark, or the one that stands in its way; nil if there is neither.
func (v *visit) observe(ctx context.Context) (*connector.Account, error) {
	observed, err := v.Observe(ctx, v.want)
	switch {
	case errors.Is(err, connector.ErrNotFound):
		return nil, nil // no account is a regular answer
	case err != nil:
		return nil, err
	case observed == nil:
		return nil, fmt.Errorf("a connector of type %s observed neither an account nor an error", v.app.Spec.Connector.Type)
	}
	return observed, nil
}

// ours reports whether observed bears our mark.
func (v *visit) ours(observed *connector.Account) bool {
	return observed != nil && observed.Owner == v.want.Owner
}
