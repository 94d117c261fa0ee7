// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rabbitmq runs a RabbitMQ broker with its management API on loopback.
//
// It comes from the Debian package rabbitmq-server, whose service is not used: the broker runs as an ordinary process in a folder of its own,
// under another user when this runs as root, with an epmd of its own beside it. Both die with this process.
package rabbitmq

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	// startAttempts is how often other ports are tried when somebody was faster.
	startAttempts = 3
	// startTimeout bounds the wait for a broker: about ten seconds on two idle cores.
	startTimeout = 3 * time.Minute
	// requestTimeout bounds a request of an administrator or a user.
	requestTimeout = 30 * time.Second
	// root is the administrator of this package, and connectorUser that of the connector.
	root, connectorUser = "root-administrator", "scim-controller"
	// owner is whom the broker runs as when this is root.
	owner = "nobody"
)

// App is a running broker.
type App struct {
	folder    string
	title     string
	base      string // of the management API
	amqp      string // host:port
	broker    *cluster.Process
	epmd      *cluster.Process
	passwords map[string]string // of the administrators
	people    people
	client    *http.Client
}

var _ apps.App = (*App)(nil)

// Start installs RabbitMQ if that is missing, starts a broker and returns when it answers.
func Start(ctx context.Context, o apps.Options) (apps.App, error) {
	if err := apps.Debian(ctx, o, "rabbitmq-server"); err != nil {
		return nil, err
	}
	o.Say("start RabbitMQ")
	var err error
	for range startAttempts {
		var a *App
		if a, err = start(ctx); err == nil {
			return a, nil
		}
		if !errors.Is(err, cluster.ErrPortTaken) {
			break
		}
	}
	return nil, err
}

func start(ctx context.Context) (_ *App, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	folder, err := os.MkdirTemp("", "scim-operator-rabbitmq-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	a := &App{folder: folder, client: &http.Client{Timeout: requestTimeout}, passwords: map[string]string{root: rand.Text(), connectorUser: rand.Text()}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop())
		}
	}()
	ports, err := cluster.FreePorts(4)
	if err != nil {
		return nil, err
	}
	a.amqp, a.base = address(ports[0]), "http://"+address(ports[1])+"/api"
	if err := a.write(ports); err != nil {
		return nil, err
	}
	if err := a.run(ctx, ports); err != nil {
		return nil, err
	}
	return a, a.prepare(ctx)
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// write makes the folder of the broker. Nobody else may read it: it has passwords.
func (a *App) write(ports []int) error {
	files := map[string]string{
		"rabbitmq.conf": fmt.Sprintf("listeners.tcp.1 = %s\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %d\n"+
			"default_user = %s\ndefault_pass = %s\ndefault_user_tags.administrator = true\n", a.amqp, ports[1], root, a.passwords[root]),
		"enabled_plugins": "[rabbitmq_management].\n",
		"environment":     "",
		".erlang.cookie":  rand.Text(),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(a.folder, name), []byte(content), 0o400); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := account(owner)
	if err != nil {
		return err
	}
	for name := range files {
		if err := os.Chown(filepath.Join(a.folder, name), uid, gid); err != nil {
			return fmt.Errorf("give %s away: %w", name, err)
		}
	}
	return os.Chown(a.folder, uid, gid)
}

func account(name string) (uid, gid int, err error) {
	found, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("find the user to run as: %w", err)
	}
	uid, err = strconv.Atoi(found.Uid)
	if err == nil {
		gid, err = strconv.Atoi(found.Gid)
	}
	return uid, gid, err
}

// run starts epmd, without which no Erlang node starts, and the broker.
func (a *App) run(ctx context.Context, ports []int) error {
	epmdPort := strconv.Itoa(ports[3])
	env := []string{"HOME=" + a.folder, "ERL_EPMD_PORT=" + epmdPort, "ERL_EPMD_ADDRESS=127.0.0.1"}
	var err error
	a.epmd, err = a.process(ctx, "epmd", "epmd", []string{"-port", epmdPort, "-address", "127.0.0.1"}, env, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address(ports[3]))
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(a.folder, name) }
	env = append(env,
		"RABBITMQ_NODENAME=scim-"+strings.ToLower(rand.Text()[:10])+"@localhost", "RABBITMQ_DIST_PORT="+strconv.Itoa(ports[2]),
		"RABBITMQ_CONF_ENV_FILE="+in("environment"), "RABBITMQ_CONFIG_FILE="+in("rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE="+in("enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+in("mnesia"), "RABBITMQ_LOG_BASE="+in("log"), "RABBITMQ_GENERATED_CONFIG_DIR="+in("generated"),
		"RABBITMQ_PID_FILE="+in("pid"), "RABBITMQ_LOGS=-",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
	)
	a.broker, err = a.process(ctx, "rabbitmq", server, nil, env, a.answers)
	return err
}

// process starts a program, as somebody without rights where this is root. setpriv sees to it that it still dies with us.
func (a *App) process(ctx context.Context, name, program string, args, env []string, ready func(context.Context) error) (*cluster.Process, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", name, err)
	}
	if os.Geteuid() == 0 {
		args = append([]string{"--reuid=" + owner, "--regid=nogroup", "--clear-groups", "--pdeathsig=KILL", "--", path}, args...)
		if path, err = exec.LookPath("setpriv"); err != nil {
			return nil, fmt.Errorf("find setpriv: %w", err)
		}
	}
	return cluster.StartProcess(ctx, cluster.ProcessConfig{Name: name, Path: path, Args: args, Env: env, Ready: ready})
}

// Title implements [apps.App].
func (a *App) Title() string { return a.title }

// Stop implements [apps.App].
func (a *App) Stop() error {
	var all []error
	for _, p := range []*cluster.Process{a.broker, a.epmd} {
		if p != nil {
			all = append(all, p.Kill())
		}
	}
	return errors.Join(append(all, os.RemoveAll(a.folder))...)
}
