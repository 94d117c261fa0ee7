// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// startTimeout bounds the start of a server, which takes some seconds.
const startTimeout = 2 * time.Minute

// startAttempts bounds how often a start is repeated because a port was taken.
const startAttempts = 3

// Server is a running SCIM server of other people. Its groups are those of Groups.
type Server struct {
	// Title names it and its version.
	Title string
	// URL is the SCIM base URL, and Root that of the application.
	URL, Root string
	// Token may read and write users and groups. ReaderToken may read them only.
	Token, ReaderToken string

	process *cluster.Process
	http    *http.Client
	admin   string
}

// Groups are the displayNames of the groups that every server has.
func Groups() []string { return []string{"auditor", "reader", "writer"} }

// program is one of those in the folder server.
type program struct{ file, title, scimPath string }

func start(ctx context.Context, o apps.Options, p program) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	dir, node, err := apps.Node(ctx, o, "scim-apps", programs)
	if err != nil {
		return nil, err
	}
	o.Say("start " + p.title)
	var s *Server
	for range startAttempts {
		if s, err = launch(ctx, node, dir, p); !errors.Is(err, cluster.ErrPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	for _, group := range Groups() {
		if err := s.createGroup(ctx, group); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

func launch(ctx context.Context, node, dir string, p program) (*Server, error) {
	ports, err := cluster.FreePorts(1)
	if err != nil {
		return nil, err
	}
	root := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	s := &Server{
		Title: p.title, URL: root + p.scimPath, Root: root, Token: rand.Text(), ReaderToken: rand.Text(), admin: rand.Text(),
		http: &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	s.process, err = cluster.StartProcess(ctx, cluster.ProcessConfig{
		Name: p.file, Path: node, Args: []string{filepath.Join(dir, p.file)}, Ready: cluster.ReadyURL(root+"/ready", nil),
		Env: []string{"PORT=" + strconv.Itoa(ports[0]), "SCIM_TOKEN=" + s.Token, "READER_TOKEN=" + s.ReaderToken, "ADMIN_TOKEN=" + s.admin, "NODE_ENV=production"},
	})
	return s, err
}

// Stop ends the server. It keeps everything in memory.
func (s *Server) Stop() error { return s.process.Kill() }

func (s *Server) createGroup(ctx context.Context, name string) error {
	status, err := s.Do(ctx, http.MethodPost, "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name,
	}, nil)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("create group: status %d", status)
	}
	return err
}

// Do makes a SCIM request as whoever administers the server does: in is the body, nil for none, and out receives that of the answer.
func (s *Server) Do(ctx context.Context, method, path string, in, out any) (status int, err error) {
	response, err := s.request(ctx, method, s.URL+path, "Bearer "+s.Token, in)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	if err == nil && out != nil {
		err = json.Unmarshal(body, out)
	}
	return response.StatusCode, err
}

// request sends JSON. The body of the answer is the caller's to close.
func (s *Server) request(ctx context.Context, method, address, authorization string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("write JSON: %w", err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return s.http.Do(request)
}

// User is a user as SCIM shows it.
type User struct {
	ID         string `json:"id"`
	UserName   string `json:"userName"`
	ExternalID string `json:"externalId"`
	Active     *bool  `json:"active"`
	Emails     []struct {
		Value string `json:"value"`
	} `json:"emails"`
}

// Users returns the users that a filter selects, all if it is empty.
func (s *Server) Users(ctx context.Context, filter string) ([]User, error) {
	query := url.Values{"startIndex": {"1"}, "count": {"100"}}
	if filter != "" {
		query.Set("filter", filter)
	}
	var list struct{ Resources []User }
	status, err := s.Do(ctx, http.MethodGet, "/Users?"+query.Encode(), nil, &list)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("list users: status %d", status)
	}
	return list.Resources, err
}
