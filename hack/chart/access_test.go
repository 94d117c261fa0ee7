// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// access is a question about one ServiceAccount. Namespace is empty for "in all namespaces".
type access struct {
	reason    string
	verbs     string
	resource  string // resource[/subresource][.group]
	name      string
	namespace string
	want      bool
}

func serverAccess() map[string]access {
	const ours = ".scim-operator.dev"
	return map[string]access{
		"Users":           {reason: "its trade", verbs: "get list watch create update delete", resource: "scimusers" + ours, want: true},
		"Groups":          {reason: "its trade", verbs: "get list watch create update delete", resource: "scimgroups" + ours, want: true},
		"MemberSlices":    {reason: "its trade", verbs: "get list watch create update delete", resource: "scimmemberslices" + ours, want: true},
		"Names":           {reason: "its trade", verbs: "get list watch create update delete", resource: "scimnames" + ours, want: true},
		"Directories":     {reason: "what it serves", verbs: "get list watch", resource: "scimdirectories" + ours, want: true},
		"Tokens":          {reason: "hashes to check against", verbs: "get list watch", resource: "scimtokens" + ours, want: true},
		"ChangeDirectory": {reason: "people's", verbs: "create update patch delete deletecollection", resource: "scimdirectories" + ours},
		"ChangeToken":     {reason: "it would let itself be opened", verbs: "create update patch delete deletecollection", resource: "scimtokens" + ours},
		"ForgeToken":      {reason: "it would let itself be opened", verbs: "update patch", resource: "scimtokens/status" + ours},
		"UserStatus":      {reason: "the controller's", verbs: "update patch", resource: "scimusers/status" + ours},
		"GroupStatus":     {reason: "the controller's", verbs: "update patch", resource: "scimgroups/status" + ours},
		"ManyMembers":     {reason: "it removes what it has read", verbs: "patch deletecollection", resource: "scimmemberslices" + ours},
		"DirectoryStatus": {reason: "the controller's", verbs: "update patch", resource: "scimdirectories/status" + ours},
		"Accounts":        {reason: "the controller's", verbs: "get list create update patch delete", resource: "scimaccounts" + ours},
		"Applications":    {reason: "none of its business", verbs: "get list create update patch delete", resource: "scimapplications" + ours},
		"Grants":          {reason: "it would hand out roles", verbs: "get list create update patch delete", resource: "scimgrants" + ours},
		"Secrets":         {reason: "it faces the internet", verbs: "get list watch create update patch delete deletecollection", resource: "secrets"},
		"OwnSecrets":      {reason: "it faces the internet", verbs: "get list watch create update patch delete", resource: "secrets", namespace: namespace},
		"ConfigMaps":      {reason: "none of its business", verbs: "get list create update", resource: "configmaps"},
		"Pods":            {reason: "they can mount Secrets", verbs: "get list create", resource: "pods"},
		"ServiceAccounts": {reason: "it would become another", verbs: "create", resource: "serviceaccounts/token"},
		"Leases":          {reason: "it has no leader", verbs: "get create update", resource: "leases.coordination.k8s.io", namespace: namespace},
		"Bindings":        {reason: "it would give itself more", verbs: "get list create update patch delete", resource: "rolebindings.rbac.authorization.k8s.io"},
		"Impersonate":     {reason: "it would become another", verbs: "impersonate", resource: "users"},
	}
}

func controllerAccess() map[string]access {
	const (
		ours = ".scim-operator.dev"
		rbac = ".rbac.authorization.k8s.io"
	)
	cases := map[string]access{
		"Accounts":            {reason: "its trade", verbs: "get list watch create patch delete", resource: "scimaccounts" + ours, want: true},
		"Users":               {reason: "what it decides on", verbs: "get list watch", resource: "scimusers" + ours, want: true},
		"Groups":              {reason: "it counts their members", verbs: "get list watch", resource: "scimgroups" + ours, want: true},
		"MemberSlices":        {reason: "it counts the members", verbs: "get list watch", resource: "scimmemberslices" + ours, want: true},
		"Grants":              {reason: "what it decides by", verbs: "get list watch", resource: "scimgrants" + ours, want: true},
		"ChangeUsers":         {reason: "the server's", verbs: "create delete deletecollection", resource: "scimusers" + ours},
		"ChangeGroups":        {reason: "the server's", verbs: "create update patch delete deletecollection", resource: "scimgroups" + ours},
		"ChangeMembers":       {reason: "the server's", verbs: "create update patch delete deletecollection", resource: "scimmemberslices" + ours},
		"ChangeNames":         {reason: "the server's", verbs: "create update patch delete deletecollection", resource: "scimnames" + ours},
		"ChangeGrants":        {reason: "people's", verbs: "create delete deletecollection", resource: "scimgrants" + ours},
		"ChangeDirectories":   {reason: "people's", verbs: "create delete deletecollection", resource: "scimdirectories" + ours},
		"GivenSecrets":        {reason: "tokens and credentials", verbs: "get create delete", resource: "secrets", namespace: givenNamespace, want: true},
		"Secrets":             {reason: "nobody gave it those of every namespace", verbs: "get create update patch delete", resource: "secrets"},
		"OwnSecrets":          {reason: "those beside it are not the users'", verbs: "get create update patch delete", resource: "secrets", namespace: namespace},
		"SystemSecrets":       {reason: "they open the cluster", verbs: "get create update patch delete", resource: "secrets", namespace: "kube-system"},
		"ListSecrets":         {reason: "it knows their names", verbs: "list watch deletecollection", resource: "secrets", namespace: givenNamespace},
		"Namespaces":          {reason: "whether one is being deleted", verbs: "get", resource: "namespaces", want: true},
		"ChangeNamespaces":    {reason: "people's", verbs: "list watch create update patch delete", resource: "namespaces"},
		"Pods":                {reason: "they can mount Secrets", verbs: "get list create", resource: "pods"},
		"ServiceAccounts":     {reason: "it would become another", verbs: "create", resource: "serviceaccounts/token"},
		"NewLease":            {reason: "to elect a leader", verbs: "create", resource: "leases.coordination.k8s.io", namespace: namespace, want: true},
		"Lease":               {reason: "to elect a leader", verbs: "get update patch", resource: "leases.coordination.k8s.io", name: "scim-controller.scim-operator.dev", namespace: namespace, want: true},
		"OtherLease":          {reason: "another program's", verbs: "get update patch delete", resource: "leases.coordination.k8s.io", name: "other", namespace: namespace},
		"LeaseElsewhere":      {reason: "another program's", verbs: "get create update", resource: "leases.coordination.k8s.io", namespace: "kube-system"},
		"LeaderEvents":        {reason: "who became leader", verbs: "create patch", resource: "events", namespace: namespace, want: true},
		"RoleBindings":        {reason: "the connector", verbs: "get list create delete", resource: "rolebindings" + rbac, want: true},
		"ClusterRoleBindings": {reason: "the connector", verbs: "get list create delete", resource: "clusterrolebindings" + rbac, want: true},
		"ChangeBindings":      {reason: "the connector has no need of it", verbs: "update patch deletecollection", resource: "rolebindings" + rbac, want: false},
		"BindView":            {reason: "it is listed", verbs: "bind", resource: "clusterroles" + rbac, name: "view", want: true},
		"BindAdmin":           {reason: "it is not listed", verbs: "bind", resource: "clusterroles" + rbac, name: "cluster-admin"},
		"BindAny":             {reason: "only what is listed", verbs: "bind", resource: "clusterroles" + rbac},
		"BindRole":            {reason: "none is listed", verbs: "bind", resource: "roles" + rbac, name: "view"},
		"Roles":               {reason: "it would make its own", verbs: "create update patch delete escalate", resource: "roles" + rbac},
		"ClusterRoles":        {reason: "it would make its own", verbs: "create update patch delete escalate", resource: "clusterroles" + rbac},
		"Impersonate":         {reason: "it would become another", verbs: "impersonate", resource: "users"},
		"Policies":            {reason: "they bind it", verbs: "get create update patch delete", resource: "validatingadmissionpolicies.admissionregistration.k8s.io"},
	}
	for _, kind := range []string{"scimdirectories", "scimtokens", "scimusers", "scimgroups", "scimapplications", "scimgrants", "scimaccounts"} {
		cases["Status of "+kind] = access{reason: "it found it", verbs: "patch", resource: kind + "/status" + ours, want: true}
	}
	return cases
}

// testAccess asks each program's own identity.
func (i *installation) testAccess(t *testing.T) {
	for program, cases := range map[string]map[string]access{"scim-server": serverAccess(), "scim-controller": controllerAccess()} {
		self := i.program(t, program)
		for name, c := range cases {
			t.Run(program+"/"+name, func(t *testing.T) {
				for verb := range strings.FieldsSeq(c.verbs) {
					if got := allowed(t, self, c, verb); got != c.want {
						t.Errorf("%s %s (%s): got %t, want %t", verb, c.resource, c.reason, got, c.want)
					}
				}
			})
		}
	}
}

func allowed(t *testing.T, self client.Client, c access, verb string) bool {
	t.Helper()
	path, group, _ := strings.Cut(c.resource, ".")
	resource, subresource, _ := strings.Cut(path, "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: c.name, Namespace: c.namespace,
		},
	}}
	if err := self.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// testServerSeesNoSecret sends the requests themselves, in every namespace there is.
func (i *installation) testServerSeesNoSecret(t *testing.T) {
	server := i.program(t, "scim-server")
	var namespaces corev1.NamespaceList
	if err := i.admin.List(t.Context(), &namespaces); err != nil {
		t.Fatal(err)
	}
	for _, ns := range namespaces.Items {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "canary", Namespace: ns.Name}}
		if err := i.admin.Create(t.Context(), secret.DeepCopy()); err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			t.Fatal(err)
		}
		for verb, err := range everyRequest(t, server, secret) {
			if !apierrors.IsForbidden(err) {
				t.Errorf("%s a Secret in %s: got %v, want 403", verb, ns.Name, err)
			}
		}
	}
	if err := server.List(t.Context(), &corev1.SecretList{}); !apierrors.IsForbidden(err) {
		t.Errorf("list all Secrets: got %v, want 403", err)
	}
}

// testServerWritesOnlyItsOwn sends writes of everything that is not scim-server's: accounts, statuses, what people write. They exist, so
// that nothing but a missing right can be in the way.
func (i *installation) testServerWritesOnlyItsOwn(t *testing.T) {
	own := i.namespace(t)
	server, jane := i.program(t, "scim-server"), i.as(t, "jane", breakGlass, masters)
	for kind, object := range everyKind(own) {
		if err := jane.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		if err := server.Status().Patch(t.Context(), copyOf(object), forgedStatus()); !apierrors.IsForbidden(err) {
			t.Errorf("patch the status of a %s: got %v, want 403", kind, err)
		}
		if slices.Contains([]string{"ScimUser", "ScimGroup"}, kind) {
			continue // its trade
		}
		for verb, err := range everyRequest(t, server, object) {
			reads := slices.Contains([]string{"ScimDirectory", "ScimToken"}, kind) && slices.Contains([]string{"get", "list"}, verb)
			if !reads && !apierrors.IsForbidden(err) {
				t.Errorf("%s a %s: got %v, want 403", verb, kind, err)
			}
		}
	}
}

// everyRequest sends one of every verb and returns the errors.
func everyRequest(t *testing.T, c client.Client, object client.Object) map[string]error {
	t.Helper()
	gvk, err := c.GroupVersionKindFor(object)
	if err != nil {
		t.Fatal(err)
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	another := copyOf(object)
	another.SetName("another")
	another.SetResourceVersion("")
	return map[string]error{
		"get":    c.Get(t.Context(), client.ObjectKeyFromObject(object), copyOf(object)),
		"list":   c.List(t.Context(), list, client.InNamespace(object.GetNamespace())),
		"create": c.Create(t.Context(), another),
		"update": c.Update(t.Context(), copyOf(object)),
		"patch":  c.Patch(t.Context(), copyOf(object), client.RawPatch(types.MergePatchType, []byte("{}"))),
		"delete": c.Delete(t.Context(), copyOf(object)),
	}
}

func copyOf(object client.Object) client.Object { return object.DeepCopyObject().(client.Object) }
