// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"net/http"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// Group is the group whose members have the second role.
const Group = "engineering"

// Step is one act, and what must be true of the application then.
type Step struct {
	// Title and Why are for people.
	Title, Why string
	// Calls are what the identity provider sends. They may need the ids that are known by then.
	Calls func(known map[string]string) []Call
	// Undo is sent when the application cannot rename.
	Undo func(known map[string]string) []Call
	// Wants is what must be true.
	Wants Wants
	// Proof is the claim that is made when all of it held.
	Proof string
}

// Call is one request.
type Call struct {
	idp.Request
	// Status that is wanted.
	Status int
	// Found is how many results are wanted of a look-up.
	Found int
	// Remember is the name under which the id in the answer is known from then on. It is empty for most.
	Remember string
}

// Wants is what must be true of the account of one person. All others must be as they were.
type Wants struct {
	// Of is the name under which the id of the person is known.
	Of string
	// State of the account. Deleted means that there is none.
	State v1alpha1.AccountState
	// New says that there was no account before.
	New bool
	// Has and Lacks are roles, of an active account.
	Has, Lacks []v1alpha1.RoleName
	// Session opens one before, which must have ended if the ScimAccount says so.
	Session bool
	// Renamed says that the old login name must not be good for anything any more.
	Renamed bool
}

func ada() idp.Person {
	return idp.Person{UserName: "ada.byron@acme.test", ExternalID: "00u1adabyron", GivenName: "Ada", FamilyName: "Byron"}
}

// married is ada after her marriage.
func married() idp.Person {
	return idp.Person{UserName: "ada.king@acme.test", ExternalID: ada().ExternalID, GivenName: "Ada", FamilyName: "King"}
}

func grace() idp.Person {
	return idp.Person{UserName: "grace.hopper@acme.test", ExternalID: "00u2gracehopper", GivenName: "Grace", FamilyName: "Hopper"}
}

// Outline is the whole story, of an application in which everyone has the first role, and the members of the group have the second one too.
func Outline(first, second v1alpha1.RoleName) []Step {
	both := []v1alpha1.RoleName{first, second}
	return []Step{
		join("ada", ada(), first, second), join("grace", grace(), first, second), enterGroup(both),
		suspend(), reactivate(both), leaveGroup(first, second), rename(first, second), remove(),
	}
}

func join(who string, p idp.Person, first, second v1alpha1.RoleName) Step {
	return Step{
		Title: "create " + p.UserName,
		Why: "Look first, then create. A grant makes everyone " + string(first) + ": an account in the application follows. What else it takes to " +
			"log in, such as a password, comes from the application's administrator: SCIM never carries it there.",
		Calls: func(map[string]string) []Call {
			return []Call{
				{Request: idp.Request{Method: http.MethodGet, Path: idp.OktaFind(p.UserName)}, Status: http.StatusOK},
				{Request: idp.Request{Method: http.MethodPost, Path: "/Users", Body: idp.OktaUser(p)}, Status: http.StatusCreated, Remember: who},
			}
		},
		Wants: Wants{Of: who, State: v1alpha1.AccountActive, New: true, Has: []v1alpha1.RoleName{first}, Lacks: []v1alpha1.RoleName{second}},
		Proof: "logs in, is " + string(first) + " and not " + string(second),
	}
}

func enterGroup(both []v1alpha1.RoleName) Step {
	return Step{
		Title: "ada joins " + Group,
		Why:   "The group is new, and a grant waits for it: its members are " + string(both[1]) + " too.",
		Calls: func(known map[string]string) []Call {
			return []Call{
				{Request: idp.Request{Method: http.MethodGet, Path: idp.OktaFindGroup(Group)}, Status: http.StatusOK},
				{
					Request: idp.Request{Method: http.MethodPost, Path: "/Groups", Body: idp.Group(Group, known["ada"])},
					Status:  http.StatusCreated, Remember: Group,
				},
			}
		},
		Wants: Wants{Of: "ada", State: v1alpha1.AccountActive, Has: both},
		Proof: "is " + string(both[1]) + " too",
	}
}

func suspend() Step {
	return Step{
		Title: "deactivate ada",
		Why:   "The leaver. The application itself refuses the login, and what was open is ended where the application can. The account stays.",
		Calls: activate(false),
		Wants: Wants{Of: "ada", State: v1alpha1.AccountSuspended, Session: true},
		Proof: "login refused",
	}
}

func reactivate(both []v1alpha1.RoleName) Step {
	return Step{
		Title: "reactivate ada",
		Why:   "Back again, with the same account and the same roles.",
		Calls: activate(true),
		Wants: Wants{Of: "ada", State: v1alpha1.AccountActive, Has: both},
		Proof: "logs in, has both roles again",
	}
}

func activate(active bool) func(known map[string]string) []Call {
	return func(known map[string]string) []Call {
		request := idp.Request{Method: http.MethodPatch, Path: idp.UserPath(known["ada"]), Body: idp.EntraPatch("active", active)}
		return []Call{{Request: request, Status: http.StatusOK}}
	}
}

func leaveGroup(first, second v1alpha1.RoleName) Step {
	return Step{
		Title: "ada leaves " + Group,
		Why:   "The mover. What the group gave is taken away, and nothing else.",
		Calls: func(known map[string]string) []Call {
			body := idp.Patch(idp.RemoveSelected(known["ada"]))
			return []Call{{Request: idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(known[Group]), Body: body}, Status: http.StatusNoContent}}
		},
		Wants: Wants{Of: "ada", State: v1alpha1.AccountActive, Has: []v1alpha1.RoleName{first}, Lacks: []v1alpha1.RoleName{second}},
		Proof: "is not " + string(second) + " any more, still " + string(first),
	}
}

func rename(first, second v1alpha1.RoleName) Step {
	return Step{
		Title: "rename ada to " + married().UserName,
		Why: "She marries, and Okta puts all of her: userName, names and e-mail address. The account stays the same one and gets a new login name, if " +
			"the application can do that. The old name is good for nothing then.",
		Calls: put(married()), Undo: put(ada()),
		Wants: Wants{
			Of: "ada", State: v1alpha1.AccountActive, Renamed: true, Has: []v1alpha1.RoleName{first}, Lacks: []v1alpha1.RoleName{second},
		},
		Proof: "logs in by the new name only",
	}
}

func put(p idp.Person) func(known map[string]string) []Call {
	return func(known map[string]string) []Call {
		request := idp.Request{Method: http.MethodPut, Path: idp.UserPath(known["ada"]), Body: idp.OktaUser(p)}
		return []Call{{Request: request, Status: http.StatusOK}}
	}
}

func remove() Step {
	return Step{
		Title: "delete ada",
		Why:   "This application keeps nobody who was deleted: its lifecycle says Delete, without a grace time. The ScimAccount says Deleted for a while.",
		Calls: func(known map[string]string) []Call {
			path := idp.UserPath(known["ada"])
			return []Call{{Request: idp.Request{Method: http.MethodDelete, Path: path}, Status: http.StatusNoContent}}
		},
		Wants: Wants{Of: "ada", State: v1alpha1.AccountDeleted},
		Proof: "there is no such account",
	}
}
