// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// waiting is how many records wait for a writer that does not take them: 1 MB at most.
	waiting = 2048
	// patience is how long a request waits until its record is written. A second is kept of its time to answer in.
	patience = 250 * time.Millisecond
	// complainEvery is how often the log says that records are lost.
	complainEvery = time.Minute
	// drain is how long Close waits.
	drain = 2 * time.Second
)

// errClosed says that a record came after the end.
var errClosed = errors.New("the audit log is closed")

// errFull says that the writer took nothing for so long that there is no room for more.
var errFull = errors.New("the writer does not take what is written")

// Options are what a Log is made of. All are required.
type Options struct {
	// Writer gets one Write for each record. It need not be safe for concurrent use and may block.
	Writer io.Writer
	// Log is told, once a minute at most, how many records were lost and why.
	Log *slog.Logger
	// Lost is called for every record that is lost.
	Lost func()
	// After is time.After, and Now time.Now.
	After func(time.Duration) <-chan time.Time
	Now   func() time.Time
}

// Log writes records as lines of JSON, in the order in which they come. It is safe for concurrent use.
type Log struct {
	Options
	queue chan entry
	// stalled: the writer has kept somebody waiting for too long, and has written nothing since.
	stalled atomic.Bool
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once

	mu         sync.Mutex // guards what is below
	lost       int        // since the last complaint
	reason     error
	complained time.Time
}

// entry is a record that waits to be written.
type entry struct {
	text []byte
	// done is closed when it is written, or lost.
	done chan struct{}
}

// Open returns a Log and begins to write. Close ends it.
func Open(o Options) *Log {
	l := &Log{Options: o, queue: make(chan entry, waiting), stop: make(chan struct{}), stopped: make(chan struct{})}
	go l.run()
	return l
}

// Write records r. It returns when r is written or lost; if the writer is slow, after a quarter of a second, and if it has not done
// anything since somebody else waited for so long, at once.
func (l *Log) Write(r Record) {
	text, err := r.encode()
	if err != nil {
		l.lose(err)
		return
	}
	e := entry{text: text, done: make(chan struct{})}
	if err := l.enqueue(e); err != nil {
		l.lose(err)
		return
	}
	if l.stalled.Load() {
		return
	}
	select {
	case <-e.done:
	case <-l.After(patience):
		l.stalled.Store(true)
	case <-l.stopped:
		l.settle(e)
	}
}

// settle counts what came just too late to be written. Nothing is written any more.
func (l *Log) settle(e entry) {
	select {
	case <-e.done:
	default:
		l.lose(errClosed)
	}
}

func (l *Log) enqueue(e entry) error {
	select {
	case <-l.stop:
		return errClosed
	default:
	}
	select {
	case l.queue <- e:
		return nil
	default:
		return errFull
	}
}

// Close writes what waits, for up to two seconds, and says what was lost. Records that come later are lost.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.stop) })
	var err error
	select {
	case <-l.stopped:
	case <-l.After(drain):
		for range len(l.queue) { // what is being written now may still come to its end
			l.lose(errFull)
		}
		err = fmt.Errorf("close the audit log: %w", errFull)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complain(l.Now())
	return err
}

func (l *Log) run() {
	defer close(l.stopped)
	p := pen{out: l.Writer}
	for {
		select {
		case e := <-l.queue:
			l.put(&p, e)
		case <-l.stop:
			for len(l.queue) > 0 {
				l.put(&p, <-l.queue)
			}
			return
		}
	}
}

func (l *Log) put(p *pen, e entry) {
	err := p.write(e.text)
	if err != nil {
		l.lose(err)
	}
	l.stalled.Store(false)
	close(e.done)
}

// pen writes whole lines. One that was cut off, by a disk that is full say, gets its end before the next, so that it spoils no other.
type pen struct {
	out  io.Writer
	torn bool
}

func (p *pen) write(text []byte) error {
	if p.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := p.out.Write(text)
	if err != nil {
		p.torn = p.torn || n > 0
		return err
	}
	p.torn = false
	return nil
}

// lose counts a record that is lost.
func (l *Log) lose(reason error) {
	l.Lost()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost++
	l.reason = reason
	if now := l.Now(); now.Sub(l.complained) >= complainEvery {
		l.complain(now)
	}
}

// complain says in the log what was lost since the last time. The caller holds mu.
func (l *Log) complain(now time.Time) {
	if l.lost == 0 {
		return
	}
	l.Log.Error("Audit records are lost", "records", l.lost, "reason", reasonOf(l.reason))
	l.lost, l.complained = 0, now
}

// reasonOf is why, without the path of the file.
func reasonOf(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
