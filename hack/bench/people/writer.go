// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	// writers is how many users are written at a time.
	writers = 32
	// reportInterval is how often Progress is told.
	reportInterval = 10 * time.Second
)

// Writer writes users into the sample directory of a stack. It is safe for concurrent use.
type Writer struct {
	// Progress is told how far WriteAll is; nil means nobody is.
	Progress func(what string)

	raw client.Client
}

// NewWriter returns a Writer that acts as scim-server: an admission policy lets nobody else create what it creates.
func NewWriter(ctx context.Context, s *stack.Stack) (*Writer, error) {
	config, err := s.Cluster.ServiceAccountConfig(ctx, stack.Namespace, "scim-server", 0)
	if err != nil {
		return nil, err
	}
	raw, err := client.New(config, client.Options{Scheme: s.Client.Scheme(), Mapper: s.Client.RESTMapper()})
	if err != nil {
		return nil, err
	}
	return &Writer{raw: raw}, nil
}

// WriteAll writes n people, from the person first on, and returns their ids in the same order.
func (w *Writer) WriteAll(ctx context.Context, first Person, n int) ([]string, error) {
	ids := make([]string, n)
	var written atomic.Int64
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if w.Progress != nil {
		go w.report(ctx, &written, n)
	}
	_, err := meter.Timed(ctx, n, writers, func(ctx context.Context, i int) error {
		ids[i] = uuid.NewString()
		err := w.Write(ctx, first+Person(i), ids[i])
		written.Add(1)
		return err
	})
	return ids, err
}

func (w *Writer) report(ctx context.Context, written *atomic.Int64, n int) {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	for start := time.Now(); ; {
		select {
		case <-ticker.C:
			done := written.Load()
			w.Progress(fmt.Sprintf("%d of %d users written, %.0f a second", done, n, float64(done)/time.Since(start).Seconds()))
		case <-ctx.Done():
			return
		}
	}
}

// Write writes what a POST of the person makes: a reservation, then the user with that id.
func (w *Writer) Write(ctx context.Context, p Person, id string) error {
	name, user := Objects(p, id)
	if err := w.create(ctx, name); err != nil {
		return fmt.Errorf("create ScimName: %w", err)
	}
	if err := w.create(ctx, user); err != nil {
		return fmt.Errorf("create ScimUser: %w", err)
	}
	return nil
}

// create tries again while the API server is busy: hundreds of thousands of writes meet its limits sooner or later.
func (w *Writer) create(ctx context.Context, o client.Object) error {
	again := false
	backoff := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 10 * time.Second}
	var err error
	waitErr := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		err = w.raw.Create(ctx, o)
		if again && apierrors.IsAlreadyExists(err) { // it was created, only nobody told us
			err = nil
		}
		if again = busy(err); again {
			return false, nil
		}
		return true, err
	})
	if wait.Interrupted(waitErr) {
		return fmt.Errorf("%w, last: %w", waitErr, err)
	}
	return waitErr
}

func busy(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || net.IsTimeout(err) ||
		net.IsConnectionReset(err) || net.IsHTTP2ConnectionLost(err)
}

// Objects are what a POST of the person makes when the id is that.
func Objects(p Person, id string) (*v1alpha1.ScimName, *v1alpha1.ScimUser) {
	directory := v1alpha1.LocalReference{Name: stack.SampleDirectory}
	name := &v1alpha1.ScimName{
		ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: nameKey(p.UserName())},
		Spec: v1alpha1.ScimNameSpec{
			DirectoryRef: directory, Attribute: v1alpha1.NameAttributeUserName, Value: p.UserName(), Holder: id, State: v1alpha1.NameReserved,
		},
	}
	user := &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: stack.SampleNamespace, Name: id,
			// As long as those of a request and of a token of ours.
			Annotations: map[string]string{v1alpha1.AnnotationRequestID: id, v1alpha1.AnnotationChangedBy: "7Yq2mZ4k"},
		},
		Spec: v1alpha1.ScimUserSpec{
			DirectoryRef: directory, UserName: p.UserName(), ExternalID: p.ExternalID(), State: v1alpha1.StateActive,
			Attributes: &runtime.RawExtension{Raw: p.Attributes()},
		},
	}
	return name, user
}

// nameKey is the name of the reservation of a userName as scimserver/directory computes it, which tells nobody how. Check
// notices should the two part.
func nameKey(value string) string {
	h := sha256.New()
	for _, part := range []string{stack.SampleDirectory, string(v1alpha1.NameAttributeUserName), value} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)))
}
