// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"net/http"
	"strings"
)

// features is what the application says that it can do (RFC 7643 section 5, RFC 9865 section 4).
type features struct {
	// patch and filter are unknown where it does not say.
	patch, filter *answer
	// etag says that versions can be trusted in If-Match.
	etag bool
	// cursor says that lists are to be read by cursors.
	cursor bool
	// pageSize is how many resources are asked for at a time.
	pageSize int
}

// The number of resources that a page has, at most and unless the application says otherwise.
const defaultPageSize = 100

func unknownFeatures() features {
	return features{patch: &answer{}, filter: &answer{}, pageSize: defaultPageSize}
}

// discover returns what the application says that it can do, and remembers it. Where it does not say, everything is tried and nothing is
// taken for granted.
func (c *Connector) discover(ctx context.Context) (features, error) {
	return c.features.get(ctx, func(ctx context.Context) (features, error) {
		const what = "ask what the application can do"
		answer, err := c.send(ctx, call{what: what, method: http.MethodGet, path: "/ServiceProviderConfig"})
		if err != nil {
			return features{}, err
		}
		if answer.Status == http.StatusUnauthorized || answer.Status >= http.StatusInternalServerError && answer.Status != http.StatusNotImplemented ||
			answer.Status == http.StatusTooManyRequests {
			return features{}, answer.Err(what)
		}
		config, ok := decode(answer.Body)
		if answer.Status != http.StatusOK || !ok {
			return unknownFeatures(), nil
		}
		return featuresOf(config), nil
	})
}

// featuresOf reads a ServiceProviderConfig.
func featuresOf(config resource) features {
	f := unknownFeatures()
	for name, into := range map[string]*answer{"patch": f.patch, "filter": f.filter} {
		if said := config.object(name).text("supported"); said != "" {
			into.set(strings.EqualFold(said, "true"))
		}
	}
	f.etag = config.object("etag").isTrue("supported")
	paging := config.object("pagination")
	f.cursor = paging.isTrue("cursor")
	for _, bound := range []string{config.object("filter").text("maxResults"), paging.text("maxPageSize")} {
		if n := positive(bound); n > 0 {
			f.pageSize = min(f.pageSize, n)
		}
	}
	return f
}
