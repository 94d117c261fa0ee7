// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// KindClusterRole and KindRole are what a Role may refer to.
	KindClusterRole = "ClusterRole"
	// KindRole is a role of one namespace.
	KindRole = "Role"
)

// requestTimeout ends a request to an API server that accepts it and never answers.
const requestTimeout = 20 * time.Second

// Role says what a role of the application is in the cluster.
type Role struct {
	// Name is the role's name in the application, which accounts want. It must not begin with connector.DamagedPrefix.
	Name string
	// Kind is KindClusterRole or KindRole.
	Kind string
	// RoleName is the name of the ClusterRole, or of the Role in each of the Namespaces. It need not exist yet.
	RoleName string
	// Namespaces are where the role is given. Empty means in the whole cluster, by a ClusterRoleBinding, which only a
	// ClusterRole can be.
	Namespaces []string
}

// Config is everything that the connector is opened with.
type Config struct {
	// Roles are all that accounts can have here. Names are unique.
	Roles []Role
	// UserNamePrefix is what the cluster's authenticator puts before user names: its --oidc-username-prefix, or
	// claimMappings.username.prefix. A wrong one gives access to nobody, or to somebody else.
	UserNamePrefix string
	// RESTConfig is the cluster, and who we are there. It is copied. Its rate limits are replaced by none.
	RESTConfig *rest.Config
}

// Connector implements connector.Connector, connector.Prober and io.Closer.
type Connector struct {
	roles   []Role
	prefix  string
	http    *http.Client
	rbac    rbacv1client.RbacV1Interface
	reviews authorizationv1client.SelfSubjectAccessReviewInterface
}

// Open returns a connector for that cluster. It makes no request; use Probe to see whether it works. A configuration
// that cannot work is Invalid.
func Open(_ context.Context, cfg Config) (connector.Connector, error) {
	if err := validate(cfg); err != nil {
		return nil, err
	}
	restConfig := tuned(cfg.RESTConfig)
	client, err := rest.HTTPClientFor(restConfig)
	if err != nil {
		return nil, connector.Invalidf("the cluster's TLS settings or credential cannot be used").Because(err)
	}
	// A redirect would carry the credential to wherever it points.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	rbac, err := rbacv1client.NewForConfigAndClient(restConfig, client)
	if err != nil {
		return nil, connector.Invalidf("the cluster's address cannot be used").Because(err)
	}
	authorization, err := authorizationv1client.NewForConfigAndClient(restConfig, client)
	if err != nil {
		return nil, connector.Invalidf("the cluster's address cannot be used").Because(err)
	}
	return &Connector{
		roles: slices.Clone(cfg.Roles), prefix: cfg.UserNamePrefix, http: client,
		rbac: rbac, reviews: authorization.SelfSubjectAccessReviews(),
	}, nil
}

// Close lets go of idle connections.
func (c *Connector) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func tuned(cfg *rest.Config) *rest.Config {
	tuned := rest.CopyConfig(cfg)
	tuned.QPS = -1
	tuned.ContentType = runtime.ContentTypeProtobuf
	tuned.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	tuned.WarningHandler = rest.NoWarnings{} // they would be logged, and may quote what was sent
	if tuned.Timeout == 0 {
		tuned.Timeout = requestTimeout
	}
	if tuned.UserAgent == "" {
		tuned.UserAgent = "scim-operator/kubernetes-connector"
	}
	return tuned
}

func validate(cfg Config) error {
	if cfg.RESTConfig == nil {
		return connector.Invalidf("there is no cluster to connect to")
	}
	if err := checkUserName(cfg.UserNamePrefix + "x"); err != nil {
		return connector.Invalidf("the user name prefix cannot be used: every user would be refused")
	}
	seen := map[string]bool{}
	for _, role := range cfg.Roles {
		if problem := role.problem(); problem != "" {
			return connector.Invalidf("role %q: %s", role.Name, problem)
		}
		if seen[role.Name] {
			return connector.Invalidf("role %q is there twice", role.Name)
		}
		seen[role.Name] = true
	}
	return nil
}

// problem says what is wrong with the role, "" if nothing is.
func (r Role) problem() string {
	switch {
	case r.Name == "" || strings.HasPrefix(r.Name, connector.DamagedPrefix):
		return fmt.Sprintf("the name is empty or begins with %q", connector.DamagedPrefix)
	case r.Kind != KindClusterRole && r.Kind != KindRole:
		return fmt.Sprintf("the kind is neither %s nor %s", KindClusterRole, KindRole)
	case r.RoleName == "" || len(content.IsPathSegmentName(r.RoleName)) > 0:
		return fmt.Sprintf("%q cannot be the name of a %s", r.RoleName, r.Kind)
	case r.Kind == KindRole && len(r.Namespaces) == 0:
		return "a Role needs namespaces"
	}
	for i, namespace := range r.Namespaces {
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			return fmt.Sprintf("%q cannot be the name of a namespace", namespace)
		}
		if slices.Contains(r.Namespaces[:i], namespace) {
			return fmt.Sprintf("namespace %q is there twice", namespace)
		}
	}
	return ""
}

func (r Role) ref() rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: r.Kind, Name: r.RoleName}
}
