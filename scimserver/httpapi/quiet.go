// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"log/slog"
	"sync"
	"time"
)

// hushed is why a request has no log line of its own: there are too many like it, and who sends them must not fill a disk or
// keep a processor busy with writing about it. They are counted, in the metrics as any other.
type hushed int

const (
	loud hushed = iota
	hushedFailure
	hushedElsewhere
	hushedTooFast
	hushes
)

const (
	// summaryEvery is how often the log says how many lines were left out.
	summaryEvery = 10 * time.Second
	// elsewhereEvery is how often the log says of a directory that a request came from an address that is not allowed.
	elsewhereEvery = time.Minute
	// tooFastEvery is how often the log says of a credential that it asks too fast.
	tooFastEvery = 10 * time.Second
	// maxSaid bounds what is remembered to have been said.
	maxSaid = 1 << 10
)

// quiet decides what is logged of a flood. It is safe for concurrent use.
type quiet struct {
	mu      sync.Mutex
	counts  [hushes]int
	since   time.Duration // of the last summary
	counted bool
	said    map[string]time.Duration // until when it need not be said again
}

// say says whether something was not said during the last so long, and remembers that it is now.
func (q *quiet) say(what string, now, every time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if until, ok := q.said[what]; ok && now < until {
		return false
	}
	if len(q.said) >= maxSaid {
		q.forget(now)
	}
	if q.said == nil {
		q.said = map[string]time.Duration{}
	}
	q.said[what] = now + every
	return true
}

func (q *quiet) forget(now time.Duration) {
	for what, until := range q.said {
		if now >= until {
			delete(q.said, what)
		}
	}
	if len(q.said) >= maxSaid {
		clear(q.said)
	}
}

// count notes that a line is left out.
func (q *quiet) count(h hushed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.counts[h]++
	q.counted = true
}

// summary returns what the log is to say of the lines that were left out, nil if it is not the time for it. It is asked after
// every request, so what was left out last is told with the next request.
func (q *quiet) summary(now time.Duration) []slog.Attr {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.counted || now-q.since < summaryEvery {
		return nil
	}
	attrs := []slog.Attr{
		slog.Int("failedAuthentication", q.counts[hushedFailure]),
		slog.Int("addressNotAllowed", q.counts[hushedElsewhere]),
		slog.Int("tooFast", q.counts[hushedTooFast]),
	}
	q.counts, q.counted, q.since = [hushes]int{}, false, now
	return attrs
}
