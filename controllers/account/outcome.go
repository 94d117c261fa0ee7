// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// pressing is how soon a removal is tried again that waits for somebody to change something: nobody may notice otherwise.
const pressing = time.Minute

// outcome is what an error means for an account.
type outcome struct {
	verdict status.Verdict
	again   time.Duration // zero when err makes the queue back off
	err     error
}

// outcomeOf is the one place that turns an error of a connector into a condition and a retry:
//
//	Invalid, Conflict, Denied   stalled; again at the next resync, a removal within a minute
//	Unavailable                 waiting; again when the application said, or with growing pauses
//	anything else               waiting; with growing pauses
func outcomeOf(err error, removal bool, resync time.Duration) outcome {
	message := connector.Message(err)
	later := wait.Jitter(resync, spread)
	if removal {
		later = wait.Jitter(pressing, spread)
	}
	switch connector.KindOf(err) {
	case connector.KindInvalid:
		return outcome{verdict: status.Stalled(v1alpha1.ReasonInvalid, message), again: later}
	case connector.KindConflict:
		return outcome{verdict: status.Stalled(v1alpha1.ReasonConflict, message), again: later}
	case connector.KindDenied:
		return outcome{verdict: status.Stalled(v1alpha1.ReasonDenied, message), again: later}
	case connector.KindUnavailable:
		verdict := status.Waiting(v1alpha1.ReasonUnavailable, message)
		if after := connector.RetryAfter(err); after > 0 {
			return outcome{verdict: verdict, again: wait.Jitter(after, spread)}
		}
		return outcome{verdict: verdict, err: sayable(err, message)}
	default:
		return outcome{verdict: status.Waiting(v1alpha1.ReasonError, message), err: sayable(err, message)}
	}
}

// failed writes the outcome of err into the status.
func (r *Reconciler) failed(acct *v1alpha1.ScimAccount, err error) (reconcile.Result, error) {
	o := outcomeOf(err, takesAway(acct), r.Resync)
	acct.Status.ObservedGeneration = acct.Generation
	r.tellFailed(acct, o.verdict)
	o.verdict.Set(&acct.Status.Conditions, acct.Generation)
	return reconcile.Result{RequeueAfter: o.again}, o.err
}

func takesAway(acct *v1alpha1.ScimAccount) bool {
	return acct.Spec.State != v1alpha1.AccountActive || !acct.DeletionTimestamp.IsZero()
}

// sayable is err without its text, which may quote what an application says of a person; the type helps to find the bug.
func sayable(err error, message string) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Errorf("%s (%T)", message, err)
}
