// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	// attempts is how often a server is started anew when somebody else was faster at its port.
	attempts = 3
	// stopTime is how long the server has to end by itself.
	stopTime = 10 * time.Second
	// binariesVariable names a folder with initdb and postgres of another version than Debian's.
	binariesVariable = "SCIM_OPERATOR_POSTGRESQL_BIN"
	// superuser is who the server is made with.
	superuser = "postgres"
)

// server is a PostgreSQL server in a folder of its own.
type server struct {
	process  *cluster.Process
	dir      string
	port     int
	password string
	ca       []byte
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// startServer makes a new server and starts it.
func startServer(ctx context.Context, o apps.Options) (*server, error) {
	binaries, err := install(ctx, o)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "scim-operator-postgresql-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, password: rand.Text()}
	o.Say("start PostgreSQL")
	err = s.initialise(ctx, binaries)
	if err == nil {
		err = s.run(ctx, binaries)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// install returns the folder of the programs.
func install(ctx context.Context, o apps.Options) (string, error) {
	if binaries := os.Getenv(binariesVariable); binaries != "" {
		return binaries, nil
	}
	if err := apps.Debian(ctx, o, "postgresql"); err != nil {
		return "", err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return "", errors.New("the Debian package postgresql is installed, and there is no /usr/lib/postgresql/*/bin")
	}
	return slices.Max(found), nil
}

// runner returns the user that the server runs as, nil for ourselves.
func runner() (*user.User, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if u, err := user.Lookup("postgres"); err == nil {
		return u, nil
	}
	return user.Lookup("nobody")
}

// as returns a command that runs as that user.
func as(ctx context.Context, u *user.User, name string, args ...string) (*exec.Cmd, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	if u == nil {
		return command, nil
	}
	uid, gid, err := ids(u)
	if err != nil {
		return nil, err
	}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return command, nil
}

func ids(u *user.User) (uid, gid int, err error) {
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

// initialise makes the data folder, with a superuser that has a password and no other way in.
func (s *server) initialise(ctx context.Context, binaries string) error {
	u, err := runner()
	if err != nil {
		return err
	}
	if err := s.writeKeys(); err != nil {
		return err
	}
	if err := s.write("password", s.password); err != nil {
		return err
	}
	if err := s.give(u); err != nil {
		return err
	}
	command, err := as(ctx, u, filepath.Join(binaries, "initdb"), "--pgdata="+s.data(), "--username="+superuser, "--encoding=UTF8", "--locale=C.UTF-8",
		"--auth=scram-sha-256", "--pwfile="+filepath.Join(s.dir, "password"), "--no-sync")
	if err != nil {
		return err
	}
	command.Dir = s.dir
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w: %s", err, output)
	}
	return nil
}

// write writes a file that only the server reads.
func (s *server) write(name, content string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600)
}

// give makes that user the owner of everything.
func (s *server) give(u *user.User) error {
	if u == nil {
		return nil
	}
	uid, gid, err := ids(u)
	if err != nil {
		return err
	}
	return filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, gid))
	})
}

func (s *server) run(ctx context.Context, binaries string) error {
	var err error
	for range attempts {
		if err = s.launch(ctx, binaries); !errors.Is(err, cluster.ErrPortTaken) {
			return err
		}
	}
	return err
}

func (s *server) launch(ctx context.Context, binaries string) error {
	ports, err := cluster.FreePorts(1)
	if err != nil {
		return err
	}
	s.port = ports[0]
	u, err := runner()
	if err != nil {
		return err
	}
	path, args := filepath.Join(binaries, "postgres"), s.arguments()
	if u != nil {
		// What ends a child with its parent is lost when the child becomes another user, so it is asked for behind that.
		path, args = "setpriv", append([]string{"--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups", "--pdeathsig=QUIT", path}, args...)
	}
	if path, err = exec.LookPath(path); err != nil {
		return err
	}
	s.process, err = cluster.StartProcess(ctx, cluster.ProcessConfig{
		Name: "postgres", Path: path, Args: args, Env: []string{"LC_ALL=C.UTF-8", "TZ=UTC"}, Ready: s.ready,
	})
	return err
}

// arguments make a server that is safe from others on this machine, and need not survive a loss of power.
func (s *server) arguments() []string {
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.port), "unix_socket_directories=",
		"ssl=on", "ssl_cert_file=" + filepath.Join(s.dir, "tls.crt"), "ssl_key_file=" + filepath.Join(s.dir, "tls.key"), "ssl_ca_file=" + filepath.Join(s.dir, "ca.crt"),
		"fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "max_connections=100", "password_encryption=scram-sha-256",
		"log_min_messages=fatal", "lc_messages=C",
	}
	args := []string{"-D", s.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// config is how somebody logs in. password may be empty.
func (s *server) config(userName, password, database string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	tlsConfig, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database, config.User, config.Password = "127.0.0.1", uint16(s.port), database, userName, password
	config.TLSConfig, config.Fallbacks, config.RuntimeParams = tlsConfig, nil, map[string]string{"application_name": "somebody"}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = (&net.Dialer{Timeout: stopTime}).DialContext
	return config, nil
}

func (s *server) connect(ctx context.Context, userName, password, database string) (*pgx.Conn, error) {
	config, err := s.config(userName, password, database)
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, config)
}

func (s *server) ready(ctx context.Context) error {
	conn, err := s.connect(ctx, superuser, s.password, superuser)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// stop ends the server, at once where it does not end by itself.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	// SIGINT ends the sessions and does not wait for their users.
	if err := syscall.Kill(s.process.Pid(), syscall.SIGINT); err == nil {
		_ = s.process.Wait(ctx)
	}
	return errors.Join(s.process.Kill(), os.RemoveAll(s.dir))
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
