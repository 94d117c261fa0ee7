// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rabbitmq

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
)

// The frames and methods of AMQP 0-9-1 that a login takes: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, sections 2.3.5 and 1.4.
const (
	frameMethod, frameEnd = 1, 0xCE
	classConnection       = 10
	methodStart           = 10
	methodStartOK         = 11
	methodTune            = 30
	methodTuneOK          = 31
	methodOpen            = 40
	methodOpenOK          = 41
	methodClose           = 50
	methodCloseOK         = 51
	classChannel          = 20
	methodChannelOpen     = 10
	methodChannelOpenOK   = 11
	// accessRefused is the code of a close that a login is refused with.
	accessRefused = 403
	// loginTimeout bounds a login. A broker delays those that it refuses a little.
	loginTimeout = 30 * time.Second
	// maxFrame bounds what is read.
	maxFrame = 1 << 17
)

// Login implements [apps.App], by AMQP into the virtual host that Welcome opened. The management API asks for the same password.
func (a *App) Login(ctx context.Context, userName string) error {
	conn, err := a.connect(ctx, userName)
	if err != nil {
		return err
	}
	return conn.Close()
}

// HasRole implements [apps.App]: each role opens something of the management API that the others do not.
func (a *App) HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (bool, error) {
	var status int
	var err error
	switch role {
	case "management":
		status, err = a.call(ctx, a.person(userName), http.MethodGet, "/overview", nil, nil)
	case "monitoring":
		status, err = a.call(ctx, a.person(userName), http.MethodGet, "/nodes", nil, nil)
	case "policymaker":
		policy := map[string]any{"pattern": "^no-queue-is-called-so$", "definition": map[string]any{"max-length": 1}}
		status, err = a.call(ctx, a.person(userName), http.MethodPut, "/policies/%2F/scim-operator-try", policy, nil)
	default:
		return false, fmt.Errorf("the role %q is not known", role)
	}
	if err != nil {
		return false, err
	}
	if err := refused(status); err != nil {
		return false, ignoreRefused(err)
	}
	return true, nil
}

func ignoreRefused(err error) error {
	if errors.Is(err, apps.ErrRefused) {
		return nil
	}
	return err
}

// Tags logs in to the management API as that person and returns the tags that the broker then goes by.
func (a *App) Tags(ctx context.Context, userName string) ([]string, error) {
	var me User
	status, err := a.call(ctx, a.person(userName), http.MethodGet, "/whoami", nil, &me)
	if err != nil {
		return nil, err
	}
	return me.Tags, refused(status)
}

// Open implements [apps.App]: a connection by AMQP, which lives until the broker closes it.
func (a *App) Open(ctx context.Context, userName string) (alive func(context.Context) bool, err error) {
	conn, err := a.connect(ctx, userName)
	if err != nil {
		return nil, err
	}
	go conn.serve()
	return conn.alive, nil
}

// connection is a connection by AMQP after its handshake.
type connection struct {
	net.Conn
	in       *bufio.Reader
	channels uint16
	// opened has a channel that was opened, and ended is closed when the connection is.
	opened, ended chan struct{}
}

// connect logs in. Heartbeats are off, so that nothing but the broker's will ends it.
func (a *App) connect(ctx context.Context, userName string) (*connection, error) {
	raw, err := (&net.Dialer{Timeout: loginTimeout}).DialContext(ctx, "tcp", a.amqp)
	if err != nil {
		return nil, fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	c := &connection{Conn: raw, in: bufio.NewReader(raw), opened: make(chan struct{}, 1), ended: make(chan struct{})}
	err = c.SetDeadline(time.Now().Add(loginTimeout))
	if err == nil {
		err = c.handshake(a.person(userName))
	}
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *connection) handshake(as credential) error {
	if _, err := c.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if _, err := c.expect(methodStart); err != nil {
		return err
	}
	// The broker is told that this client understands a close, so that it says why it refuses.
	capability := append(short("authentication_failure_close"), 't', 1)
	properties := append(append(short("capabilities"), 'F'), long(capability)...)
	startOK := append(long(properties), short("PLAIN")...)
	startOK = append(startOK, long([]byte("\x00"+as.name+"\x00"+as.password))...)
	if err := c.send(0, classConnection, methodStartOK, append(startOK, short("en_US")...)); err != nil {
		return err
	}
	tune, err := c.expect(methodTune)
	if err != nil {
		return err
	}
	if len(tune) < 8 {
		return errors.New("RabbitMQ says too little about tuning")
	}
	if err := c.send(0, classConnection, methodTuneOK, append(tune[:6:6], 0, 0)); err != nil {
		return err
	}
	if err := c.send(0, classConnection, methodOpen, append(short("/"), 0, 0)); err != nil {
		return err
	}
	_, err = c.expect(methodOpenOK)
	return err
}

func short(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func long(s []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }

func (c *connection) send(channel, class, method uint16, arguments []byte) error {
	payload := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, class), method)
	payload = append(payload, arguments...)
	frame := append(binary.BigEndian.AppendUint16([]byte{frameMethod}, channel), long(payload)...)
	if _, err := c.Write(append(frame, frameEnd)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// expect reads one method and returns its arguments. A close that says so is a refusal.
func (c *connection) expect(method uint16) ([]byte, error) {
	class, got, arguments, err := c.receive()
	switch {
	case err != nil:
		return nil, err
	case class == classConnection && got == method:
		return arguments, nil
	case class == classConnection && got == methodClose && len(arguments) >= 2 && binary.BigEndian.Uint16(arguments) == accessRefused:
		return nil, fmt.Errorf("log in by AMQP: %w", apps.ErrRefused)
	}
	return nil, fmt.Errorf("RabbitMQ sends method %d.%d, not %d", class, got, method)
}

// receive reads one method.
func (c *connection) receive() (class, method uint16, arguments []byte, err error) {
	header := make([]byte, 7)
	if _, err := io.ReadFull(c.in, header); err != nil {
		return 0, 0, nil, fmt.Errorf("read frame: %w", err)
	}
	size := binary.BigEndian.Uint32(header[3:])
	if size < 4 || size > maxFrame {
		return 0, 0, nil, errors.New("RabbitMQ sends an odd frame")
	}
	payload := make([]byte, size+1)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return 0, 0, nil, fmt.Errorf("read frame: %w", err)
	}
	return binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:]), payload[4:size], nil
}

// serve answers a close, as the broker waits for, until the connection ends.
func (c *connection) serve() {
	defer close(c.ended)
	defer func() { _ = c.Close() }()
	for {
		class, method, _, err := c.receive()
		switch {
		case err != nil:
			return
		case class == classConnection && method == methodClose:
			_ = c.send(0, classConnection, methodCloseOK, nil)
			return
		case class == classChannel && method == methodChannelOpenOK:
			c.opened <- struct{}{}
		}
	}
}

// alive opens a channel, which only a connection that lives answers with what it should.
func (c *connection) alive(ctx context.Context) bool {
	c.channels++
	if c.send(c.channels, classChannel, methodChannelOpen, short("")) != nil {
		return false
	}
	select {
	case <-c.opened:
		return true
	case <-c.ended:
		return false
	case <-ctx.Done():
		return false
	}
}
