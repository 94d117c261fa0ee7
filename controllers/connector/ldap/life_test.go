// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"errors"
	"strings"
	"testing"

	ldapv3 "github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/apps"
	ldapapp "github.com/scim-operator/scim-operator/hack/apps/ldap"
)

// life is a connector with what every test does with it.
type life struct {
	world
	testing.TB
	conn *Connector
}

func (w world) life(t testing.TB, change func(*Config)) life {
	return life{w, t, openWith(t, w.config(change))}
}

func (l life) apply(want connector.Account) connector.Account {
	l.Helper()
	applied, err := l.conn.Apply(l.Context(), nil, want)
	if err != nil {
		l.Fatalf("Apply: %v, %v", err, errors.Unwrap(err))
	}
	if !connector.InSync(&applied, want) {
		l.Fatalf("Apply returned %+v for %+v", applied, want)
	}
	return applied
}

func (l life) observe(want connector.Account) *connector.Account {
	l.Helper()
	observed, err := l.conn.Observe(l.Context(), want)
	if err != nil && !errors.Is(err, connector.ErrNotFound) {
		l.Fatal(err)
	}
	return observed
}

// members are the values of a group's member attribute, without the group's own DN.
func (l life) members(group, attribute string) (members []string) {
	l.Helper()
	at := "cn=" + group + "," + ldapapp.GroupsDN
	for _, member := range l.raw(l, at, "(objectClass=*)").GetAttributeValues(attribute) {
		if member != at {
			members = append(members, member)
		}
	}
	return members
}

func (l life) isMember(group, member string) bool {
	l.Helper()
	for _, m := range l.members(group, "member") {
		is, _ := parseDN(m)
		if shall, ok := parseDN(member); ok && shall.is(is) {
			return true
		}
	}
	return false
}

func (l life) add(dn string, class string) {
	l.Helper()
	at, _ := parseDN(dn)
	value, _ := at.valueOf("ou")
	l.admin(l, func(admin *ldapv3.Conn) error {
		request := ldapv3.NewAddRequest(dn, nil)
		request.Attribute("objectClass", []string{class})
		request.Attribute("ou", []string{value})
		err := admin.Add(request)
		if ldapv3.IsErrorWithCode(err, ldapv3.LDAPResultEntryAlreadyExists) {
			return nil
		}
		return err
	})
}

// TestLogin is the proof: the directory itself lets the user in, refuses the same bind after the suspension, and lets them in again.
func TestLogin(t *testing.T) {
	for name, suspension := range map[string]Suspension{
		"PasswordPolicyLock": {Type: PasswordPolicyLock},
		"MoveToOU":           {Type: MoveToOU, SuspendedDN: ldapapp.SuspendedDN},
	} {
		t.Run(name, func(t *testing.T) {
			l := inWorld(t).life(t, func(cfg *Config) { cfg.Suspension = suspension })
			want := person("login", "reader")
			l.apply(want)
			if err := l.Welcome(t.Context(), want.UserName); err != nil {
				t.Fatal(err)
			}
			if err := l.Login(t.Context(), want.UserName); err != nil {
				t.Fatalf("the new user: %v", err)
			}
			l.apply(suspended(want))
			l.refuses(want)
			l.apply(want)
			if err := l.Login(t.Context(), want.UserName); err != nil {
				t.Errorf("after the return: %v", err)
			}
		})
	}
}

// refuses checks that the directory refuses the bind, also as the name that a suspended entry may have now.
func (l life) refuses(want connector.Account) {
	l.Helper()
	if err := l.Login(l.Context(), want.UserName); !errors.Is(err, apps.ErrRefused) {
		l.Errorf("the login of a suspended user: %v", err)
	}
	at := l.raw(l, ldapapp.Suffix, equals("uid", want.UserName)).DN
	if err := l.BindAs(l.Context(), at); !errors.Is(err, apps.ErrRefused) {
		l.Errorf("the bind as the entry of a suspended user: %v", err)
	}
	if l.isMember("reader", at) || l.isMember("reader", rdnOf("uid", want.UserName)+","+ldapapp.PeopleDN) {
		l.Error("a suspended user is still a member")
	}
}

// TestRenamed keeps the memberships of who is called otherwise, also those that nobody manages.
func TestRenamed(t *testing.T) {
	l := inWorld(t).life(t, nil)
	for name, roles := range map[string][]string{"managed": {"auditor", "reader"}, "unmanaged": nil} {
		t.Run(name, func(t *testing.T) {
			old := person("Old Name", "auditor", "reader")
			before := l.apply(old)
			want := old
			want.UserName, want.Roles = "Né Lastname, "+old.UserName, roles
			after := l.apply(want)
			if after.ExternalID != before.ExternalID || before.ExternalID == "" {
				t.Errorf("the externalID was %q and is %q", before.ExternalID, after.ExternalID)
			}
			at := rdnOf("uid", want.UserName) + "," + ldapapp.PeopleDN
			for _, group := range ldapapp.GroupNames() {
				if got := l.isMember(group, at); got != (group != "writer") {
					t.Errorf("member of %s: %v", group, got)
				}
				if l.isMember(group, rdnOf("uid", old.UserName)+","+ldapapp.PeopleDN) {
					t.Errorf("the old name is a member of %s still", group)
				}
			}
			entry := l.raw(t, ldapapp.Suffix, l.conn.markFilter(want.Owner))
			if diff := cmp.Diff([]string{want.UserName}, entry.GetAttributeValues("uid")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{want.UserName}, entry.GetAttributeValues("cn")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRenamedInCaseOnly is a rename that the directory takes for none.
func TestRenamedInCaseOnly(t *testing.T) {
	l := inWorld(t).life(t, nil)
	want := person("case", "reader")
	l.apply(want)
	want.UserName = strings.ToUpper(want.UserName)
	l.apply(want)
	if got := l.observe(want); !connector.InSync(got, want) {
		t.Errorf("observed %+v, want %+v", got, want)
	}
}

// TestNameTaken renames to a name that somebody has: nothing may happen to either.
func TestNameTaken(t *testing.T) {
	l := inWorld(t).life(t, nil)
	first, second := person("first", "reader"), person("second", "reader")
	l.apply(first)
	l.apply(second)
	want := first
	want.UserName = second.UserName
	if _, err := l.conn.Apply(t.Context(), nil, want); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("Apply returned %v, want a conflict", err)
	}
	for _, want := range []connector.Account{first, second} {
		if got := l.observe(want); !connector.InSync(got, want) {
			t.Errorf("observed %+v, want %+v", got, want)
		}
	}
}

// TestReusedName takes the memberships away that somebody of the same name left behind.
func TestReusedName(t *testing.T) {
	l := inWorld(t).life(t, nil)
	want := person("reused", "reader")
	at := rdnOf("uid", want.UserName) + "," + ldapapp.PeopleDN
	for _, group := range []string{"writer", "reader"} {
		l.admin(t, func(admin *ldapv3.Conn) error {
			request := ldapv3.NewModifyRequest("cn="+group+","+ldapapp.GroupsDN, nil)
			request.Add("member", []string{at})
			return admin.Modify(request)
		})
	}
	l.apply(want)
	if l.isMember("writer", at) || !l.isMember("reader", at) {
		t.Error("the roles of the one before were inherited, or those of this one are missing")
	}
}

// TestParentDN moves entries about, and refuses places that are not ours.
func TestParentDN(t *testing.T) {
	l := inWorld(t).life(t, nil)
	sales, labs := `ou=Sales\, EMEA,`+ldapapp.PeopleDN, "ou=Labs Größe,"+ldapapp.PeopleDN
	l.add(sales, "organizationalUnit")
	l.add(labs, "organizationalUnit")
	want := person("moving", "reader")
	for _, parent := range []string{sales, strings.ToUpper(labs), "OU=Labs  Größe , " + ldapapp.PeopleDN, ""} {
		want.Profile = map[string]string{AttributeParentDN: parent}
		l.apply(want)
		if got := l.observe(want); !connector.InSync(got, want) {
			t.Errorf("%q: observed %+v", parent, got)
		}
		set(&parent, ldapapp.PeopleDN)
		at, _ := parseDN(rdnOf("uid", want.UserName) + "," + parent)
		if is, _ := parseDN(l.raw(t, ldapapp.Suffix, l.conn.markFilter(want.Owner)).DN); !is.is(at) || !l.isMember("reader", at.text) {
			t.Errorf("it is at %s, want %s, and its membership too", is.text, at.text)
		}
	}
	for _, parent := range []string{ldapapp.Suffix, ldapapp.GroupsDN, "no name", "ou=nowhere," + ldapapp.PeopleDN} {
		refused := want
		refused.Profile = map[string]string{AttributeParentDN: parent}
		if _, err := l.conn.Apply(t.Context(), nil, refused); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%q: Apply returned %v (%v), want Invalid", parent, err, errors.Unwrap(err))
		}
	}
}

// TestSuspendedComesHome puts an entry back where it was taken from, though nobody maps that.
func TestSuspendedComesHome(t *testing.T) {
	l := inWorld(t).life(t, func(cfg *Config) { cfg.Suspension = Suspension{Type: MoveToOU, SuspendedDN: ldapapp.SuspendedDN} })
	branch := "ou=Branch," + ldapapp.PeopleDN
	l.add(branch, "organizationalUnit")
	want := person("homing", "reader")
	want.Profile = map[string]string{AttributeParentDN: branch}
	l.apply(want)
	want.Profile = nil
	l.apply(suspended(want))
	parked := l.raw(t, ldapapp.Suffix, l.conn.markFilter(want.Owner))
	if !strings.HasSuffix(parked.DN, ldapapp.SuspendedDN) {
		t.Fatalf("the suspended entry is at %s", parked.DN)
	}
	l.apply(want)
	back := l.raw(t, ldapapp.Suffix, l.conn.markFilter(want.Owner))
	if !strings.HasSuffix(back.DN, branch) || !l.isMember("reader", back.DN) {
		t.Errorf("it came back to %s", back.DN)
	}
	if diff := cmp.Diff([]string{markPrefix + want.Owner}, back.GetAttributeValues("description")); diff != "" {
		t.Error(diff)
	}
}

// TestTwoSuspendedOfOneName are of different places, and neither may be left inside because the other has the place of the suspended.
func TestTwoSuspendedOfOneName(t *testing.T) {
	l := inWorld(t).life(t, func(cfg *Config) { cfg.Suspension = Suspension{Type: MoveToOU, SuspendedDN: ldapapp.SuspendedDN} })
	first, second := person("twin", "reader"), person("twin", "reader")
	second.UserName = first.UserName
	l.apply(first)
	l.apply(suspended(first))
	l.apply(second)
	l.apply(suspended(second))
	for _, want := range []connector.Account{first, second} {
		entry := l.raw(t, ldapapp.Suffix, l.conn.markFilter(want.Owner))
		if !strings.HasSuffix(entry.DN, ldapapp.SuspendedDN) {
			t.Errorf("a suspended entry is at %s", entry.DN)
		}
	}
	l.apply(second)
	entry := l.raw(t, ldapapp.Suffix, l.conn.markFilter(second.Owner))
	if at, _ := parseDN(entry.DN); len(at.rdns[0].Attributes) != 1 {
		t.Errorf("it came back as %s", entry.DN)
	}
	if _, err := l.conn.Apply(t.Context(), nil, first); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("the first comes back too: %v, want a conflict", err)
	}
}

// TestGroupsOfEveryKind checks the other ways to list members, and that a group that must not be empty gets its placeholder.
func TestGroupsOfEveryKind(t *testing.T) {
	for attribute, kind := range map[MemberAttribute]string{UniqueMember: "unique-", MemberUID: "posix-"} {
		t.Run(string(attribute), func(t *testing.T) {
			l := inWorld(t).life(t, func(cfg *Config) {
				cfg.MemberAttribute = attribute
				for i := range cfg.Roles {
					cfg.Roles[i].GroupDN = "cn=" + kind + cfg.Roles[i].Name + "," + ldapapp.GroupsDN
				}
			})
			want := person("kind", "auditor", "reader")
			l.apply(want)
			renamed := want
			renamed.UserName = "new-" + want.UserName
			l.apply(renamed)
			member := renamed.UserName
			if attribute == UniqueMember {
				member = rdnOf("uid", renamed.UserName) + "," + ldapapp.PeopleDN
			}
			if diff := cmp.Diff([]string{member}, l.members(kind+"reader", string(attribute))); diff != "" {
				t.Error(diff)
			}
			l.apply(suspended(renamed))
			if left := l.members(kind+"reader", string(attribute)); len(left) > 0 {
				t.Errorf("after the suspension there is %q", left)
			}
		})
	}
}

// TestLastMember leaves a group alone as its last member, and the placeholder is nobody's role.
func TestLastMember(t *testing.T) {
	l := inWorld(t).life(t, nil)
	want := person("last", "writer")
	group := "cn=writer," + ldapapp.GroupsDN
	l.apply(want)
	l.admin(t, func(admin *ldapv3.Conn) error {
		request := ldapv3.NewModifyRequest(group, nil)
		request.Replace("member", []string{rdnOf("uid", want.UserName) + "," + ldapapp.PeopleDN})
		return admin.Modify(request)
	})
	l.apply(suspended(want))
	if diff := cmp.Diff([]string{group}, l.raw(t, group, "(objectClass=*)").GetAttributeValues("member")); diff != "" {
		t.Error(diff)
	}
}

// TestMissingGroup names the role whose group is not there.
func TestMissingGroup(t *testing.T) {
	l := inWorld(t).life(t, func(cfg *Config) {
		cfg.Roles = append(cfg.Roles, Role{Name: "ghost", GroupDN: "cn=ghost," + ldapapp.GroupsDN})
	})
	_, err := l.conn.Apply(t.Context(), nil, person("ghost", "ghost"))
	if connector.KindOf(err) != connector.KindInvalid || !strings.Contains(connector.Message(err), `"ghost"`) {
		t.Errorf("Apply returned %v, want Invalid that names the role", err)
	}
}

// TestCopiedMark finds two entries that bear one mark: neither is trusted, and both are suspended.
func TestCopiedMark(t *testing.T) {
	l := inWorld(t).life(t, nil)
	want := person("copied", "reader")
	l.apply(want)
	copied := person("copy")
	add := personEntry(copied)
	add.Attribute("description", []string{markPrefix + want.Owner})
	l.admin(t, func(admin *ldapv3.Conn) error { return admin.Add(add) })
	if got := l.observe(want); connector.InSync(got, want) {
		t.Errorf("observed %+v, which is in sync", got)
	}
	if _, err := l.conn.Apply(t.Context(), l.observe(want), want); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("Apply returned %v, want a conflict", err)
	}
	if _, err := l.conn.Apply(t.Context(), l.observe(want), suspended(want)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{want.UserName, copied.UserName} {
		if locked := l.raw(t, ldapapp.Suffix, equals("uid", name)).GetAttributeValue(attributeLocked); locked != lockedForGood {
			t.Errorf("the lock is %q", locked)
		}
	}
	if got := l.observe(suspended(want)); !connector.InSync(got, suspended(want)) {
		t.Errorf("observed %+v, which is not suspended", got)
	}
}

// TestOtherValuesStay keeps what others wrote beside the mark.
func TestOtherValuesStay(t *testing.T) {
	l := inWorld(t).life(t, nil)
	want := person("notes", "reader")
	l.apply(want)
	at := rdnOf("uid", want.UserName) + "," + ldapapp.PeopleDN
	l.admin(t, func(admin *ldapv3.Conn) error {
		request := ldapv3.NewModifyRequest(at, nil)
		request.Add("description", []string{"likes tea"})
		request.Add("telephoneNumber", []string{"+49 30 1"})
		return admin.Modify(request)
	})
	want.UserName = "new-" + want.UserName
	l.apply(want)
	l.apply(suspended(want))
	l.apply(want)
	entry := l.raw(t, ldapapp.Suffix, l.conn.markFilter(want.Owner))
	if diff := cmp.Diff([]string{markPrefix + want.Owner, "likes tea"}, entry.GetAttributeValues("description")); diff != "" {
		t.Error(diff)
	}
	if entry.GetAttributeValue("telephoneNumber") == "" {
		t.Error("the telephone number is gone")
	}
}

// TestNamedByAnotherAttribute has entries that are called by a mapped attribute.
func TestNamedByAnotherAttribute(t *testing.T) {
	l := inWorld(t).life(t, func(cfg *Config) {
		cfg.RDNAttribute = "cn"
		cfg.Mapped = []Mapping{{"displayName", "cn"}, {AttributeUserName, "sn"}}
		cfg.Suspension = Suspension{Type: MoveToOU, SuspendedDN: ldapapp.SuspendedDN}
	})
	want := person("named", "reader")
	for _, name := range []string{"Doe, Jane " + want.UserName, "Roe+Jane " + want.UserName} {
		want.Profile = map[string]string{"displayName": name}
		l.apply(want)
		if at := rdnOf("cn", name) + "," + ldapapp.PeopleDN; !l.isMember("reader", at) {
			t.Errorf("%s is no member", at)
		}
	}
	l.apply(suspended(want))
	l.apply(want)
	namesake := person("namesake")
	namesake.Profile = want.Profile
	if _, err := l.conn.Apply(t.Context(), nil, namesake); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("another person of that name: %v, want a conflict", err)
	}
	namesake.Profile = nil
	if _, err := l.conn.Apply(t.Context(), nil, namesake); connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("somebody without a name: %v, want Invalid", err)
	}
}
