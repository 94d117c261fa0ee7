// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/scim-operator/scim-operator/scimserver/audit"
	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// UserStore keeps the users of all directories; *directory.Store is one. Errors are *scim.Error where the client shall learn
// what is wrong, and anything else is a failure of ours. All methods return once ctx is done.
type UserStore interface {
	Create(ctx context.Context, dir directory.Directory, r scim.Resource) (directory.Stored, error)
	Get(ctx context.Context, dir directory.Directory, id string) (directory.Stored, error)
	Modify(ctx context.Context, dir directory.Directory, id string, p directory.Precondition, change func(scim.Resource) (scim.Resource, error)) (directory.Stored, error)
	Delete(ctx context.Context, dir directory.Directory, id string, p directory.Precondition) error
	List(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error)
}

// GroupStore keeps the groups of all directories, and their members; *directory.Groups is one. show asks for the members in
// the answer, which cost what there are of them; List reads them if the projection shows them. Errors are those of UserStore.
type GroupStore interface {
	Create(ctx context.Context, dir directory.Directory, group scim.Resource, show bool) (directory.Stored, error)
	Get(ctx context.Context, dir directory.Directory, id string, show bool) (directory.Stored, error)
	Change(ctx context.Context, dir directory.Directory, id string, p directory.Precondition, c directory.GroupChange, show bool) (directory.Stored, error)
	Delete(ctx context.Context, dir directory.Directory, id string, p directory.Precondition) error
	List(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error)
}

// Authenticator decides who presents the credentials in header; *auth.Authenticator is one. Its errors are *auth.Refusal or
// wrap auth.ErrUnavailable.
type Authenticator interface {
	Authenticate(ctx context.Context, header http.Header, want auth.Scope) (auth.Identity, error)
}

// Limits bounds one server process.
type Limits struct {
	// BodyBytes is the longest request body; a longer one is 413.
	BodyBytes int64
	// GroupBytes takes the place of BodyBytes where the body is a group, or a change of one.
	GroupBytes int64
	// BodyMemory is how many bytes of long bodies may be held at a time; one credential may have half of them.
	BodyMemory int64
	// InFlight is how many requests may be under way; the next one is 503 at once. One credential may have half of them.
	InFlight int
	// SourceFailures and Failures are how many authentications of one source, and of all of them, may fail before they are
	// answered with 429 and not logged one by one.
	SourceFailures, Failures directory.Rate
	// Request is the time from the end of the request's headers to the end of the response.
	Request time.Duration
}

// DefaultLimits are the limits that scim-server runs with. SEC-21 names 4 MiB for groups, but 100,000 members, as many as a
// group may have, take 4.9 MB as ids alone, and Okta sends a display with each.
func DefaultLimits() Limits {
	return Limits{
		BodyBytes: 1 << 20, GroupBytes: 8 << 20, BodyMemory: 16 << 20, InFlight: 512, Request: 25 * time.Second,
		SourceFailures: directory.Rate{PerSecond: 10, Burst: 200}, Failures: directory.Rate{PerSecond: 100, Burst: 1000},
	}
}

// Options are what a Handler is made of. All but TrustedProxies and Audit are required.
type Options struct {
	Users  UserStore
	Groups GroupStore
	Auth   Authenticator
	Log    *slog.Logger
	Now    func() time.Time
	Limits Limits
	// TrustedProxies are the networks of the proxies whose X-Forwarded-For is believed; see ParseProxies.
	TrustedProxies []netip.Prefix
	// Began, if set, is called when a request begins; Served is called once for each such call.
	Began func()
	// Served is told of every request when it is over.
	Served func(Served)
	// Audit is told of every change before it is answered, those of one request in their order; nil if nobody is to be.
	Audit func(audit.Record)
}

// Served is what there is to count about a request. None of it is what a client made up.
type Served struct {
	// Namespace and Directory are empty unless the request was authenticated.
	Namespace, Directory string
	// Method is "other" for one that HTTP does not have.
	Method string
	// Route is the template of the path, empty if there is none or nobody was authenticated.
	Route  string
	Status int
	Took   time.Duration
	// Refused says why nobody was authenticated; empty otherwise.
	Refused RefusedAs
	// Received is how long the body said it is, 0 if it did not; Sent is how long that of the answer was.
	Received, Sent int64
}

// RefusedAs is a kind of failed authentication. It is for us alone: the answers are the same.
type RefusedAs string

// The kinds. There are no others, so they can be labels of metrics.
const (
	// RefusedNothing is a request without credentials.
	RefusedNothing RefusedAs = "missing"
	// RefusedUnknown is one with something that is no token of ours.
	RefusedUnknown RefusedAs = "unknown"
	// RefusedToken is one with a well-formed token that opens nothing here: revoked, expired, of another directory, or made up.
	RefusedToken RefusedAs = "refused"
)

// NewHandler returns the handler of every path of the SCIM listener.
func NewHandler(o Options) http.Handler {
	s := &server{
		Options: o, began: o.Now(), slots: make(chan struct{}, o.Limits.InFlight), bodies: semaphore.NewWeighted(o.Limits.BodyMemory),
		failures: newFailures(o.Limits), credentials: newCredentials(),
	}
	h := http.Handler(s.routes())
	for _, wrap := range slices.Backward(s.chain()) {
		h = wrap(h)
	}
	return h
}

type server struct {
	Options
	began       time.Time
	slots       chan struct{}
	bodies      *semaphore.Weighted
	failures    *failures
	credentials *credentials
	quiet       quiet
}

// chain is every step before a route, outermost first.
func (s *server) chain() []func(http.Handler) http.Handler {
	return []func(http.Handler) http.Handler{
		s.survive,
		s.logLine,
		cleanPath,
		s.limitTime,
		s.authenticate,
		s.record,
		s.refuseElsewhere,
		s.limitRate,
		s.capCredential,
		s.capInFlight,
		refuseSuspended,
		s.limitBody,
		s.limitMemory,
		requireJSON,
	}
}

// routes is every path below that of a directory.
func (s *server) routes() *router {
	user := resources{kind: userKind, find: s.Users.List, now: s.Now}
	group := resources{kind: groupKind, find: s.Groups.List, now: s.Now}
	return newRouter(
		users{resources: user, store: s.Users},
		groups{resources: group, store: s.Groups},
		search{user, group},
		discovery{maxBytes: s.Limits.BodyBytes},
		bulk{server: s},
		unsupported{},
	)
}
