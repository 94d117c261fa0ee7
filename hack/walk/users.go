// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// maxUsers is how many users there are at a time.
const maxUsers = 14

func titles() []string  { return []string{"engineer", "manager", "accountant"} }
func domains() []string { return []string{"eng.test", "ops.test", "acme.test"} }

// roleNames are those of the applications, and one that none declares.
func roleNames() []string { return []string{"viewer", "operator", "auditor", "owner"} }

// send sends a request until it is answered other than 503, which asks to come again, and wants one of those statuses.
func (w *walker) send(ctx context.Context, r idp.Request, wanted ...int) (answer idp.Response, err error) {
	backoff := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Steps: 8, Jitter: 0.1}
	err = wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		answer, err = w.idp.Do(ctx, r)
		return answer.Status != http.StatusServiceUnavailable, err
	})
	if err == nil && !slices.Contains(wanted, answer.Status) {
		err = fmt.Errorf("%s %s: got %s, want status %v", r.Method, r.Path, answer, wanted)
	}
	return answer, err
}

// body is a user as an identity provider has it.
func (u *user) body() idp.Object {
	roles := []idp.Object{}
	for _, role := range u.roles {
		roles = append(roles, idp.Object{"value": role})
	}
	o := idp.Object{
		"schemas": []string{idp.UserSchema}, "userName": u.userName, "active": u.active, "title": u.title, "roles": roles,
		"emails": []idp.Object{{"value": u.email, "type": "work", "primary": true}},
	}
	if u.externalID != "" {
		o["externalId"] = u.externalID
	}
	return o
}

func (w *walker) post(ctx context.Context, why string, u *user) (string, []string, error) {
	answer, err := w.send(ctx, idp.Request{Method: http.MethodPost, Path: "/Users", Body: u.body()}, http.StatusCreated)
	if err != nil {
		return why, nil, err
	}
	u.id = answer.ID()
	w.born(u)
	what := fmt.Sprintf("%s: user %s, userName %s, externalId %q, active %t, title %s, e-mail %s, roles %v", why, u.id, u.userName, u.externalID, u.active, u.title, u.email, u.roles)
	return what, []string{u.id}, nil
}

func (w *walker) newUser() *user {
	u := &user{userName: w.next("user") + "@acme.test", active: w.random.IntN(8) > 0, title: pick(w, titles()), roles: w.someRoles()}
	u.email = w.next("mail") + "@" + pick(w, domains())
	if w.random.IntN(4) > 0 {
		u.externalID = w.next("person")
	}
	return u
}

func (w *walker) someRoles() []string {
	return slices.DeleteFunc(roleNames(), func(string) bool { return w.random.IntN(2) == 0 })
}

func (w *walker) createUser(ctx context.Context) (string, []string, error) {
	if len(w.live()) >= maxUsers {
		return "", nil, nil
	}
	return w.post(ctx, "create", w.newUser())
}

// recreateName makes somebody else with the userName of somebody who was deleted.
func (w *walker) recreateName(ctx context.Context) (string, []string, error) {
	former := pick(w, w.gone())
	if former == nil || len(w.live()) >= maxUsers {
		return "", nil, nil
	}
	for _, u := range w.live() {
		if u.userName == former.userName {
			return "", nil, nil
		}
	}
	u := w.newUser()
	u.userName = former.userName
	return w.post(ctx, "the userName of "+former.id+" for somebody else", u)
}

// recreatePerson makes somebody who was deleted again, under the same or another userName.
func (w *walker) recreatePerson(ctx context.Context) (string, []string, error) {
	former := pick(w, w.gone())
	if former == nil || former.externalID == "" || !w.persons[former.externalID].now().deleted || len(w.live()) >= maxUsers {
		return "", nil, nil
	}
	u := w.newUser()
	u.externalID = former.externalID
	return w.post(ctx, "the person of "+former.id+" again", u)
}

// gone are the users that were deleted.
func (w *walker) gone() []*user {
	var all []*user
	for _, id := range slices.Sorted(maps.Keys(w.users)) {
		if w.users[id].deleted {
			all = append(all, w.users[id])
		}
	}
	return all
}

// deleteUser looks first, if the user ever was locked: the annotation goes with the user, and what stays is what the controller had
// seen of it.
func (w *walker) deleteUser(ctx context.Context) (string, []string, error) {
	u := pick(w, w.live())
	if u == nil {
		return "", nil, nil
	}
	if u.touched || u.inherits {
		if _, _, err := w.look(ctx); err != nil {
			return "look before a deletion", nil, err
		}
	}
	_, err := w.send(ctx, idp.Request{Method: http.MethodDelete, Path: idp.UserPath(u.id)}, http.StatusNoContent)
	u.deleted = true
	w.forget(u.id)
	return "delete " + u.id, []string{u.id}, err
}

// change changes a user by a PUT of all or by a PATCH.
func (w *walker) change(ctx context.Context, what string, u *user, patch idp.Object) (string, []string, error) {
	request := idp.Request{Method: http.MethodPatch, Path: idp.UserPath(u.id), Body: patch}
	if w.random.IntN(3) == 0 {
		request.Method, request.Body = http.MethodPut, u.body()
	}
	_, err := w.send(ctx, request, http.StatusOK)
	return what + " of " + u.id + " by " + request.Method, []string{u.id}, err
}

func (w *walker) rename(ctx context.Context) (string, []string, error) {
	u := pick(w, w.live())
	if u == nil {
		return "", nil, nil
	}
	u.userName = w.next("user") + "@acme.test"
	return w.change(ctx, "userName "+u.userName, u, idp.EntraPatch("userName", u.userName))
}

func (w *walker) changeEmail(ctx context.Context) (string, []string, error) {
	u := pick(w, w.live())
	if u == nil {
		return "", nil, nil
	}
	u.email = w.next("mail") + "@" + pick(w, domains())
	return w.change(ctx, "e-mail "+u.email, u, idp.EntraPatch(`emails[type eq "work"].value`, u.email))
}

func (w *walker) changeTitle(ctx context.Context) (string, []string, error) {
	u := pick(w, w.live())
	if u == nil {
		return "", nil, nil
	}
	u.title = pick(w, titles())
	return w.change(ctx, "title "+u.title, u, idp.EntraPatch("title", u.title))
}

func (w *walker) changeRoles(ctx context.Context) (string, []string, error) {
	u := pick(w, w.live())
	if u == nil {
		return "", nil, nil
	}
	u.roles = w.someRoles()
	return w.change(ctx, fmt.Sprintf("roles %v", u.roles), u, idp.EntraPatch("roles", u.body()["roles"]))
}

func (w *walker) deactivate(ctx context.Context) (string, []string, error) {
	return w.activate(ctx, false)
}

func (w *walker) reactivate(ctx context.Context) (string, []string, error) {
	return w.activate(ctx, true)
}

func (w *walker) activate(ctx context.Context, active bool) (string, []string, error) {
	u := pick(w, slices.DeleteFunc(w.live(), func(u *user) bool { return u.active == active }))
	if u == nil {
		return "", nil, nil
	}
	u.active = active
	patch := idp.OktaPatch(active)
	if w.random.IntN(2) == 0 {
		patch = idp.EntraPatch("active", active)
	}
	return w.change(ctx, fmt.Sprintf("active %t", active), u, patch)
}

// suspend sets the kill switch.
func (w *walker) suspend(ctx context.Context) (string, []string, error) {
	u := pick(w, slices.DeleteFunc(w.live(), (*user).locked))
	if u == nil {
		return "", nil, nil
	}
	u.lock = lockSet
	return w.annotate(ctx, u, `"by the walk"`)
}

// release lifts the kill switch. Who lived before is not released by taking the annotation away: the former life may have been
// locked.
func (w *walker) release(ctx context.Context) (string, []string, error) {
	u := pick(w, slices.DeleteFunc(w.live(), func(u *user) bool { return !u.locked() }))
	if u == nil {
		return "", nil, nil
	}
	former := u.externalID != "" && len(w.persons[u.externalID].lives) > 1
	if former || w.random.IntN(2) == 0 {
		u.lock = lockEmpty
		return w.annotate(ctx, u, `""`)
	}
	u.lock = lockAbsent
	return w.annotate(ctx, u, "null")
}

func (w *walker) annotate(ctx context.Context, u *user, value string) (string, []string, error) {
	u.touched = true
	object := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: u.id}}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, v1alpha1.AnnotationSuspend, value)
	err := w.Client.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(patch)))
	return fmt.Sprintf("annotation %s on %s", value, u.id), []string{u.id}, err
}
