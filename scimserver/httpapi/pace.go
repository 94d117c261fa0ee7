// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"math"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// pace is how much of something came lately: a bucket that leaks. The zero pace is empty. What it holds is a number and not a
// time, so that a change of the rate has its effect at once.
type pace struct {
	level float64
	at    time.Duration // of a clock that only goes forward
}

// leak lets out what has gone until now, and returns what is left.
func (p *pace) leak(r directory.Rate, now time.Duration) float64 {
	if gone := now - p.at; gone > 0 {
		p.level = max(0, p.level-gone.Seconds()*float64(r.PerSecond))
		p.at = now
	}
	return p.level
}

// room returns how long it is until n more may come; 0 is now. More than fits at once may come when there is nothing else.
func (p *pace) room(r directory.Rate, now time.Duration, n int) time.Duration {
	if n == 0 {
		return 0
	}
	over := p.leak(r, now) + float64(min(n, r.Burst)-r.Burst)
	if over <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(over / float64(r.PerSecond) * float64(time.Second)))
}

// take adds n and says true, if they may come now.
func (p *pace) take(r directory.Rate, now time.Duration, n int) bool {
	if p.room(r, now, n) > 0 {
		return false
	}
	p.level += float64(n)
	return true
}
