// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// Who speaks.
const (
	okta  = "Okta"
	entra = "Entra"
)

// renamed is ada's userName after her marriage.
const renamed = "ada.king@acme.test"

func ada() idp.Person {
	return idp.Person{UserName: "ada@acme.test", ExternalID: "00u1a", GivenName: "Ada", FamilyName: "Byron"}
}

func grace() idp.Person {
	return idp.Person{UserName: "grace@acme.test", ExternalID: "00u2b", GivenName: "Grace", FamilyName: "Hopper"}
}

func alan() idp.Person {
	return idp.Person{UserName: "alan@acme.test", ExternalID: "alan", GivenName: "Alan", FamilyName: "Turing"}
}

// all plays every step, and stops at the first that does not hold.
func (p *play) all(ctx context.Context) error {
	var adaID, graceID, alanID string
	if err := p.test(ctx); err != nil {
		return err
	}
	for _, act := range []func() error{
		func() error { return p.create(ctx, okta, ada(), &adaID) },
		func() error { return p.create(ctx, okta, grace(), &graceID) },
		func() error { return p.create(ctx, entra, alan(), &alanID) },
		func() error { return p.lookUp(ctx) },
		func() error { return p.rename(ctx, adaID) },
		func() error { return p.activate(ctx, graceID, false) },
		func() error { return p.activate(ctx, graceID, true) },
		func() error { return p.remove(ctx, alanID) },
		func() error { return p.last(ctx, renamed, grace().UserName) },
	} {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) test(ctx context.Context) error {
	return p.do(ctx, step{
		title: "connection test",
		why: "What an administrator's click on \"Test connection\" sends. Okta lists; Entra looks for a random GUID and wants " +
			"an empty list, not a 404.",
		act: func(ctx context.Context) (int, error) {
			if err := p.find(ctx, okta, idp.OktaTest, 0); err != nil {
				return 0, err
			}
			return http.StatusOK, p.find(ctx, entra, idp.EntraTest(uuid.NewString()), 0)
		},
		keeps: map[string]bool{ada().UserName: false, grace().UserName: false, alan().UserName: false},
		proof: "nobody may do anything yet",
	})
}

func (p *play) create(ctx context.Context, who string, person idp.Person, id *string) error {
	find, body := idp.OktaFind(person.UserName), idp.OktaUser(person)
	if who == entra {
		find, body = idp.EntraFind(person.UserName), idp.EntraUser(person)
	}
	return p.do(ctx, step{
		title: "create " + person.UserName,
		why:   "Look first, then create. The grant in config/samples makes everyone a viewer: an account and a RoleBinding follow.",
		act: func(ctx context.Context) (int, error) {
			if err := p.find(ctx, who, find, 0); err != nil {
				return 0, err
			}
			answer, err := p.send(ctx, who, idp.Request{Method: http.MethodPost, Path: "/Users", Body: body}, http.StatusCreated)
			*id = answer.ID()
			return answer.Status, err
		},
		changes: map[string]bool{person.UserName: true},
		proof:   "may get pods in demo",
	})
}

func (p *play) lookUp(ctx context.Context) error {
	return p.do(ctx, step{
		title: "look all three up",
		why:   "userName is compared without regard to case (RFC 7643, section 4.1.1).",
		act: func(ctx context.Context) (int, error) {
			for who, path := range map[string]string{
				okta:  idp.OktaFind(ada().UserName),
				entra: idp.EntraFind(alan().UserName),
			} {
				if err := p.find(ctx, who, path, 1); err != nil {
					return 0, err
				}
			}
			return http.StatusOK, p.find(ctx, okta, idp.OktaFind(strings.ToUpper(grace().UserName)), 1)
		},
		keeps: map[string]bool{ada().UserName: true, grace().UserName: true, alan().UserName: true},
		proof: "each is found once",
	})
}

func (p *play) rename(ctx context.Context, id string) error {
	return p.do(ctx, step{
		title: "rename ada to " + renamed,
		why:   "Okta reads the user and puts it back changed. The old name loses its access, the new one gets it, the id stays.",
		act: func(ctx context.Context) (int, error) {
			answer, err := p.send(ctx, okta, idp.Request{Method: http.MethodGet, Path: idp.UserPath(id)}, http.StatusOK)
			if err != nil {
				return 0, err
			}
			user := answer.Body
			user["userName"] = renamed
			answer, err = p.send(ctx, okta, idp.Request{Method: http.MethodPut, Path: idp.UserPath(id), Body: user}, http.StatusOK)
			return answer.Status, err
		},
		changes: map[string]bool{ada().UserName: false, renamed: true},
		proof:   "new name may, old may not",
	})
}

func (p *play) activate(ctx context.Context, id string, active bool) error {
	s := step{
		title: "deactivate " + grace().UserName,
		why: "The leaver. Entra sends booleans as strings. The RoleBinding goes; user and account stay, suspended, and nobody " +
			"else loses anything.",
		changes: map[string]bool{grace().UserName: active},
		keeps:   map[string]bool{renamed: true, alan().UserName: true},
		proof:   "may no longer, others may",
	}
	if active {
		s.title, s.why, s.proof = "reactivate "+grace().UserName, "Back again, with the same id and the same roles.", "may again"
	}
	s.act = func(ctx context.Context) (int, error) {
		patch := idp.Request{Method: http.MethodPatch, Path: idp.UserPath(id), Body: idp.EntraPatch("active", active)}
		answer, err := p.send(ctx, entra, patch, http.StatusOK)
		return answer.Status, err
	}
	return p.do(ctx, s)
}

func (p *play) remove(ctx context.Context, id string) error {
	return p.do(ctx, step{
		title: "delete " + alan().UserName,
		why: "User, account and RoleBinding go, the userName is free again, and the id is never used again. The ScimAccount says Deleted " +
			"until the removal guard does not count it any more.",
		act: func(ctx context.Context) (int, error) {
			answer, err := p.send(ctx, entra, idp.Request{Method: http.MethodDelete, Path: idp.UserPath(id)}, http.StatusNoContent)
			if err != nil {
				return 0, err
			}
			answered := p.answered
			_, err = p.send(ctx, entra, idp.Request{Method: http.MethodGet, Path: idp.UserPath(id)}, http.StatusNotFound)
			p.answered = answered // the deletion is what is measured
			return answer.Status, err
		},
		changes: map[string]bool{alan().UserName: false},
		keeps:   map[string]bool{renamed: true, grace().UserName: true},
		proof:   "may no longer, others may",
	})
}
