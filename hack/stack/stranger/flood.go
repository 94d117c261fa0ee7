// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stranger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Flood is requests with credentials that open nothing, each from another address as a proxy says it.
type Flood struct {
	// Host is where to connect to, Path what is asked for.
	Host, Path string
	// Tokens are presented in turn.
	Tokens []string
	// Connections are used at a time, with one request under way on each.
	Connections int
	// PerSecond is how many requests are sent; 0 is as many as are answered.
	PerSecond int
	// Requests is how many are sent in all; 0 is until the context ends.
	Requests int
}

// Answers counts answers by their status.
type Answers map[int]int

// answerTimeout is more than the server takes for any request.
const answerTimeout = time.Minute

// Run sends the flood and returns what was answered. The end of ctx is no error.
func (f Flood) Run(ctx context.Context) (Answers, error) {
	group, groupCtx := errgroup.WithContext(ctx)
	counts := make([]Answers, f.Connections)
	var sent atomic.Int64
	start := time.Now()
	for i := range f.Connections {
		counts[i] = Answers{}
		group.Go(func() error { return f.connection(groupCtx, start, &sent, counts[i]) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		err = nil
	}
	all := Answers{}
	for _, answers := range counts {
		for status, n := range maps.All(answers) {
			all[status] += n
		}
	}
	return all, err
}

// connection sends the next request whenever one is due, on one connection after the other.
func (f Flood) connection(ctx context.Context, start time.Time, sent *atomic.Int64, counts Answers) error {
	var conn *line
	defer func() { conn.close() }()
	for ctx.Err() == nil {
		number := sent.Add(1) - 1
		if f.Requests > 0 && number >= int64(f.Requests) {
			return nil
		}
		if err := f.wait(ctx, start, number); err != nil {
			return err
		}
		if conn == nil {
			var err error
			if conn, err = dial(ctx, f.Host); err != nil {
				return err
			}
		}
		status, last, err := conn.ask(f.request(conn.buffer[:0], number))
		if err != nil {
			return err
		}
		counts[status]++
		if last {
			conn.close()
			conn = nil
		}
	}
	return nil
}

// wait waits until it is the time for a request.
func (f Flood) wait(ctx context.Context, start time.Time, number int64) error {
	if f.PerSecond == 0 {
		return nil
	}
	due := start.Add(time.Duration(number) * time.Second / time.Duration(f.PerSecond))
	// A timer is dearer than a request: a little early is good enough.
	if early := time.Until(due); early > time.Millisecond {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(early):
		}
	}
	return nil
}

// request appends a request to buffer.
func (f Flood) request(buffer []byte, number int64) []byte {
	address := rand.Uint32() //nolint:gosec // a load generator has nothing to keep secret
	from := netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)})
	buffer = append(buffer, "GET "...)
	buffer = append(buffer, f.Path...)
	buffer = append(buffer, " HTTP/1.1\r\nHost: scim\r\nX-Forwarded-For: "...)
	buffer = from.AppendTo(buffer)
	buffer = append(buffer, "\r\nAuthorization: Bearer "...)
	buffer = append(buffer, f.Tokens[number%int64(len(f.Tokens))]...)
	return append(buffer, "\r\n\r\n"...)
}

// line is one connection of HTTP/1.1.
type line struct {
	conn   net.Conn
	reader *bufio.Reader
	buffer []byte
}

func dial(ctx context.Context, host string) (*line, error) {
	conn, err := (&net.Dialer{Timeout: answerTimeout}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &line{conn: conn, reader: bufio.NewReader(conn), buffer: make([]byte, 0, 1<<10)}, nil
}

func (l *line) close() {
	if l != nil {
		_ = l.conn.Close()
	}
}

// ask sends a request and reads the answer. last says that the connection ends with it.
func (l *line) ask(request []byte) (status int, last bool, err error) {
	l.buffer = request
	if err := l.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, false, err
	}
	if _, err := l.conn.Write(request); err != nil {
		return 0, false, err
	}
	first, err := l.reader.ReadSlice('\n')
	if err != nil {
		return 0, false, err
	}
	if len(first) < len("HTTP/1.1 200") {
		return 0, false, errors.New("the answer is not HTTP")
	}
	if status, err = strconv.Atoi(string(first[9:12])); err != nil {
		return 0, false, fmt.Errorf("read status: %w", err)
	}
	last, err = l.rest()
	return status, last, err
}

// rest reads the headers and the body.
func (l *line) rest() (last bool, err error) {
	length := 0
	for {
		header, err := l.reader.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(header), []byte(": "))
		switch {
		case len(name) == 0:
			_, err := io.CopyN(io.Discard, l.reader, int64(length))
			return last, err
		case string(name) == "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return false, fmt.Errorf("read length: %w", err)
			}
		case string(name) == "Connection":
			last = http.CanonicalHeaderKey(string(value)) == "Close"
		}
	}
}
