// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"cmp"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Profile is what the spec of a ScimDirectory asks of the server. It is immutable and safe for concurrent use. A projection, a
// sort, a filter and a patch that were parsed for a type of one profile mean nothing to that of another.
type Profile struct {
	User, Group *scim.ResourceType
	// Suspended: every request is to be answered with 503.
	Suspended bool
	// Users, Groups, Deletes and Imports are the switches of DirectoryOperations; true is on.
	Users, Groups, Deletes, Imports bool
	DefaultPageSize, MaxPageSize    int
	// KeepMembers keeps members that the directory does not know instead of refusing them.
	KeepMembers bool
	// Retention is how long a deleted user is kept, suspended; 0 means that DELETE deletes.
	Retention time.Duration
	// Networks are those that requests may come from; any without them. See Allows.
	Networks []netip.Prefix
	// Rate is how fast one credential may ask, for each kind of request.
	Rate Rate
}

// Rate is how often something may happen: PerSecond on average, and Burst times at once.
type Rate struct{ PerSecond, Burst int }

// Allows says whether a request may come from source. An address that is not valid is in no network.
func (p *Profile) Allows(source netip.Addr) bool {
	if len(p.Networks) == 0 {
		return true
	}
	for _, network := range p.Networks {
		if network.Contains(source) {
			return true
		}
	}
	return false
}

const (
	defaultPageSize      = 100
	maxPageSize          = 200
	defaultRetentionDays = 30
	defaultPerSecond     = 200
	defaultBurst         = 1000
)

// defaultProfile is that of an empty spec.
var defaultProfile = sync.OnceValue(func() *Profile { //nolint:gochecknoglobals // immutable once made
	p, err := NewProfile(&v1alpha1.ScimDirectorySpec{}, nil)
	if err != nil {
		panic(fmt.Sprintf("an empty spec is valid: %v", err))
	}
	return p
})

// NewProfile compiles spec; used is [scim.Dialect].Used. It fails for extensions and networks that the API server should have refused.
func NewProfile(spec *v1alpha1.ScimDirectorySpec, used func(scim.Rule)) (*Profile, error) {
	dialect := scim.Dialect{
		Strict:      spec.Protocol.Mode == v1alpha1.ModeStrict,
		KeepUnknown: spec.Protocol.UnknownAttributes == v1alpha1.UnknownKeep,
		Used:        used,
	}
	user, err := scim.NewUserType(dialect, extensionsOf(spec, v1alpha1.ResourceTypeUser, scim.UserURN)...)
	if err != nil {
		return nil, fmt.Errorf("extend users: %w", err)
	}
	group, err := scim.NewGroupType(dialect, extensionsOf(spec, v1alpha1.ResourceTypeGroup, scim.GroupURN)...)
	if err != nil {
		return nil, fmt.Errorf("extend groups: %w", err)
	}
	networks, err := networksOf(spec.Authentication.AllowedCIDRs)
	if err != nil {
		return nil, fmt.Errorf("read allowedCIDRs: %w", err)
	}
	operations := spec.Operations
	p := &Profile{
		User: user, Group: group, Suspended: spec.Suspended,
		Users: on(operations.Users), Groups: on(operations.Groups), Deletes: on(operations.Deletes), Imports: on(operations.Imports),
		DefaultPageSize: int(cmp.Or(spec.Paging.DefaultPageSize, defaultPageSize)),
		MaxPageSize:     int(cmp.Or(spec.Paging.MaxPageSize, maxPageSize)),
		KeepMembers:     spec.Protocol.UnknownMembers == v1alpha1.UnknownMembersKeep,
		Networks:        networks,
		Rate: Rate{
			PerSecond: int(cmp.Or(spec.Limits.RequestsPerSecond, defaultPerSecond)),
			Burst:     int(cmp.Or(spec.Limits.Burst, defaultBurst)),
		},
	}
	if spec.Deletion.Policy == v1alpha1.DeactivateUsers {
		p.Retention = retention(spec.Deletion)
	}
	return p, nil
}

func networksOf(cidrs []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, cidr := range cidrs {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func on(s v1alpha1.Switch) bool { return s != v1alpha1.SwitchDisabled }

// extensionsOf are the extensions of one resource type; core is the URN of its schema.
func extensionsOf(spec *v1alpha1.ScimDirectorySpec, of v1alpha1.ScimResourceType, core string) []scim.Extension {
	var out []scim.Extension
	for _, e := range spec.Extensions {
		if e.ResourceType != of {
			continue
		}
		schema := &scim.Schema{ID: cmp.Or(e.URN, core), Name: cmp.Or(e.Name, e.URN), Description: e.Description}
		for _, a := range e.Attributes {
			attribute := attributeOf(a.AttributeCharacteristics, a.Type)
			for _, sub := range a.SubAttributes {
				attribute.SubAttributes = append(attribute.SubAttributes, attributeOf(sub.AttributeCharacteristics, sub.Type))
			}
			schema.Attributes = append(schema.Attributes, attribute)
		}
		out = append(out, scim.Extension{Schema: schema})
	}
	return out
}

func attributeOf(c v1alpha1.AttributeCharacteristics, of string) *scim.Attribute {
	return &scim.Attribute{
		Name: c.Name, Type: scim.Type(of), Description: c.Description,
		MultiValued: c.MultiValued, Required: c.Required, CaseExact: c.CaseExact,
		Mutability: scim.Mutability(c.Mutability), Returned: scim.Returned(c.Returned),
		CanonicalValues: c.CanonicalValues, ReferenceTypes: c.ReferenceTypes,
	}
}

// Profiles keeps the Profile of each ScimDirectory as long as its spec stays. It is safe for concurrent use.
type Profiles struct {
	used  func(namespace, directory string, rule scim.Rule)
	known sync.Map // types.NamespacedName → compiled
}

type compiled struct {
	uid        types.UID
	generation int64
	profile    *Profile
}

// NewProfiles returns an empty Profiles. used is told of every rule that accepted something; nil is nobody.
func NewProfiles(used func(namespace, directory string, rule scim.Rule)) *Profiles {
	return &Profiles{used: used}
}

// Of returns the profile of d, compiled if its spec has changed. It fails as NewProfile does.
func (p *Profiles) Of(d *v1alpha1.ScimDirectory) (*Profile, error) {
	key := types.NamespacedName{Namespace: d.Namespace, Name: d.Name}
	if found, ok := p.known.Load(key); ok {
		if c, ok := found.(compiled); ok && c.uid == d.UID && c.generation == d.Generation {
			return c.profile, nil
		}
	}
	profile, err := NewProfile(&d.Spec, p.counting(d.Namespace, d.Name))
	if err != nil {
		return nil, fmt.Errorf("compile ScimDirectory %s: %w", key, err)
	}
	p.known.Store(key, compiled{uid: d.UID, generation: d.Generation, profile: profile})
	return profile, nil
}

func (p *Profiles) counting(namespace, name string) func(scim.Rule) {
	if p.used == nil {
		return nil
	}
	return func(rule scim.Rule) { p.used(namespace, name, rule) }
}
