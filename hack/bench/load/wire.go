// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/hack/stack"
)

// answerTimeout is more than the server takes for any request: it gives up after 25 s.
const answerTimeout = time.Minute

// target is the directory that is measured, and how it is asked.
type target struct {
	// host is where to connect to; path begins every path.
	host, path string
	// header is that of every request.
	header string
}

func newTarget(p *stack.Program, token string) target {
	host := strings.TrimPrefix(p.URL, "http://")
	return target{
		host: host, path: strings.TrimPrefix(p.BaseURL(stack.SampleNamespace, stack.SampleDirectory), p.URL),
		header: "Host: " + host + "\r\nAuthorization: Bearer " + token +
			"\r\nAccept: application/scim+json\r\nUser-Agent: scim-operator-bench\r\n",
	}
}

// request appends a request to buffer.
func (t target) request(buffer []byte, method, path string, body []byte) []byte {
	for _, text := range []string{method, " ", t.path, path, " HTTP/1.1\r\n", t.header} {
		buffer = append(buffer, text...)
	}
	if body != nil {
		buffer = append(buffer, "Content-Type: application/scim+json\r\nContent-Length: "...)
		buffer = append(strconv.AppendInt(buffer, int64(len(body)), 10), "\r\n"...)
	}
	return append(append(buffer, "\r\n"...), body...)
}

// wire is one connection. It does no more than it must: the client has a share in the processors that the server needs. It is
// used by one goroutine.
type wire struct {
	conn   net.Conn
	reader *bufio.Reader
	// body is that of the last answer, until the next request.
	body bytes.Buffer
}

func (t target) dial() (*wire, error) {
	conn, err := net.DialTimeout("tcp", t.host, answerTimeout)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &wire{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// do sends a request and reads the whole answer.
func (w *wire) do(request []byte) (status int, err error) {
	if err := w.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	if _, err := w.conn.Write(request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return 0, err
	}
	w.body.Reset()
	_, err = w.body.ReadFrom(answer.Body)
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}
