// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// account is who slapd runs as when this program is root; the package makes it.
const account = "openldap"

// The passwords of a directory that only this machine reaches.
const (
	adminPassword      = "admin-of-the-test"
	controllerPassword = "c0ntroller-of-the-test"
	readerPassword     = "reader-of-the-test"
)

// Server is a slapd of its own, with a suffix, some groups, a password policy and exactly the access that the connector's page documents.
type Server struct {
	// Plain and TLS are host:port of ldap:// (with StartTLS) and ldaps://.
	Plain, TLS string
	// Authority is the CA that signed the server's certificate, in PEM.
	Authority []byte
	// Serving is the server's certificate, for a relay that stands in its place.
	Serving KeyPair
	// Client is a certificate with which ControllerDN may bind without a password (SASL EXTERNAL).
	Client KeyPair

	dir     string
	process *cluster.Process
}

// StartServer installs slapd if need be, and starts one. ctx bounds the start, not the life.
func StartServer(ctx context.Context, o apps.Options) (*Server, error) {
	if err := apps.Debian(ctx, o, "slapd", "ldap-utils"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "scim-ldap-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	s := &Server{dir: dir}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	o.Say("start slapd")
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Stop ends slapd and removes what it wrote.
func (s *Server) Stop() error {
	return errors.Join(s.process.Kill(), os.RemoveAll(s.dir))
}

// Process is slapd, to freeze and to restart.
func (s *Server) Process() *cluster.Process { return s.process }

func (s *Server) prepare(ctx context.Context) error {
	for _, name := range []string{"config", "data"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	if err := s.makeKeys(); err != nil {
		return err
	}
	if err := s.load(ctx, "0", configuration(s.dir, modules())); err != nil {
		return err
	}
	if err := s.load(ctx, "1", content()); err != nil {
		return err
	}
	return s.giveAway()
}

// modules are where Debian has slapd's modules.
func modules() string { return "/usr/lib/ldap" }

func (s *Server) makeKeys() error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	if s.Serving, err = ca.issue("localhost", x509.ExtKeyUsageServerAuth); err != nil {
		return err
	}
	if s.Client, err = ca.issue("scim-operator-certificate", x509.ExtKeyUsageClientAuth); err != nil {
		return err
	}
	s.Authority = ca.pem
	for name, content := range map[string][]byte{"ca.crt": ca.pem, "tls.crt": s.Serving.Certificate, "tls.key": s.Serving.Key} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// load puts entries into a database that nobody serves yet.
func (s *Server) load(ctx context.Context, database, ldif string) error {
	command := exec.CommandContext(ctx, "/usr/sbin/slapadd", "-F", filepath.Join(s.dir, "config"), "-n", database)
	command.Stdin = bytes.NewBufferString(ldif)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("load database %s: %w: %s", database, err, output)
	}
	return nil
}

// giveAway makes everything slapd's when it will not run as root.
func (s *Server) giveAway() error {
	if os.Geteuid() != 0 {
		return nil
	}
	owner, err := user.Lookup(account)
	if err != nil {
		return fmt.Errorf("find the account of slapd: %w", err)
	}
	uid, uidErr := strconv.Atoi(owner.Uid)
	gid, gidErr := strconv.Atoi(owner.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return fmt.Errorf("read the account of slapd: %w", err)
	}
	return filepath.Walk(s.dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	})
}

// start tries again with other ports if somebody else was faster.
func (s *Server) start(ctx context.Context) error {
	for {
		err := s.startOnce(ctx)
		if !errors.Is(err, cluster.ErrPortTaken) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Server) startOnce(ctx context.Context) error {
	ports, err := cluster.FreePorts(2)
	if err != nil {
		return err
	}
	s.Plain, s.TLS = loopback(ports[0]), loopback(ports[1])
	path, args := "/usr/sbin/slapd", []string{
		"-d", "0", "-F", filepath.Join(s.dir, "config"), "-h", "ldap://" + s.Plain + "/ ldaps://" + s.TLS + "/",
	}
	if os.Geteuid() == 0 {
		// slapd's own -u would lose the signal that ends it when its parent dies.
		path, args = "/usr/bin/setpriv", append([]string{
			"--reuid", account, "--regid", account, "--clear-groups", "--pdeathsig", "keep", "/usr/sbin/slapd",
		}, args...)
	}
	s.process, err = cluster.StartProcess(ctx, cluster.ProcessConfig{Name: "slapd", Path: path, Args: args, Ready: s.ready})
	return err
}

func (s *Server) ready(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.TLS)
	if err != nil {
		return fmt.Errorf("connect to slapd: %w", err)
	}
	return conn.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
