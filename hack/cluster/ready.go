// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyTimeout bounds one question, so that a frozen server is asked again.
const readyTimeout = 2 * time.Second

// ReadyURL returns a ProcessConfig.Ready that wants status 200 from a GET of url. config is nil for plain HTTP.
// Each question uses a new connection: an old one would lead to the last run of the process.
func ReadyURL(url string, config *tls.Config) func(context.Context) error {
	client := &http.Client{
		Timeout: readyTimeout,
		// A transport changes its TLS configuration, which other processes may share.
		Transport: &http.Transport{TLSClientConfig: config.Clone(), DisableKeepAlives: true},
	}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		err = errors.Join(err, response.Body.Close())
		if response.StatusCode != http.StatusOK {
			err = errors.Join(err, fmt.Errorf("get %s: %s: %s", url, response.Status, body))
		}
		return err
	}
}
