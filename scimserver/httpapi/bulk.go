// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// bulkReserve is the part of a request's time in which no operation is begun. One that is under way at the deadline ends with
// a 503 that leaves open whether it was done; the others shall know that they were not.
const bulkReserve = 1. / 6

const bulkPath = "/Bulk"

// bulk is /Bulk (RFC 7644 §3.7): many requests in one body. Each goes, one after the other, to the handler that it would reach
// as a request of its own after authentication, for the directory of the request. They share its deadline.
type bulk struct{ *server }

func (b bulk) mount(rt *router) {
	rt.handle(http.MethodPost, bulkPath, func(dir directory.Directory, r *http.Request) (reply, error) {
		body, err := decodeBody(r)
		if err != nil {
			return reply{}, err
		}
		request, err := scim.ParseBulkRequest(dir.Settings().User.Dialect, body)
		if err != nil {
			return reply{}, err
		}
		if err := b.charge(exchangeOf(r), worksOf(request)); err != nil {
			return reply{}, err
		}
		log := &bulkLog{}
		results := request.Execute(func(call scim.BulkCall) scim.BulkAnswer {
			rep, err := b.recorded(r, call, func(r *http.Request) (reply, error) { return b.perform(rt, dir, r, call) })
			return log.noted(answerOf(rep, err), err)
		})
		b.recordUncalled(r, results)
		exchangeOf(r).more = log.attrs(results)
		return reply{status: http.StatusOK, body: scim.BulkResponse(dir.BaseURL, results)}, nil
	})
}

// worksOf is what the operations would be as requests of their own. All are counted before the first begins: clients repeat a
// request that got 429, and few look for one in the answer to an operation.
func worksOf(request scim.BulkRequest) (counts [works]int) {
	for _, method := range request.Methods() {
		counts[workOf(method, "")]++
	}
	return counts
}

// perform answers one operation as if it had come alone.
func (b bulk) perform(rt *router, dir directory.Directory, r *http.Request, call scim.BulkCall) (reply, error) {
	if b.late(r) {
		return reply{}, errUnavailable("this operation was not begun, since the time of the request is over")
	}
	template, ok := templateOf(call)
	if !ok {
		return reply{}, scim.Errorf(http.StatusNotFound, "", "there is no resource type at this path")
	}
	alone, err := b.alone(r, call)
	if err != nil {
		return reply{}, err
	}
	return b.answer(rt.handlerOf(template), dir, alone)
}

// templateOf is the path that a call is mounted at. Resources have one and nothing else: no search, no discovery, no bulk
// request in another.
func templateOf(call scim.BulkCall) (template string, ok bool) {
	if call.ID != "" {
		template = "/{id}"
	}
	return call.Endpoint + template, call.Endpoint == "/Users" || call.Endpoint == "/Groups"
}

// late says whether what is begun now would have too little time.
func (b bulk) late(r *http.Request) bool {
	ctx := r.Context()
	deadline, limited := ctx.Deadline()
	reserve := float64(b.Limits.Request) * bulkReserve
	return ctx.Err() != nil || limited && float64(deadline.Sub(b.Now())) < reserve
}

// alone is the request that an operation is. Of r it has the context, and with it the identity and the exchange, and the path
// of the directory; nothing of its headers.
func (b bulk) alone(r *http.Request, call scim.BulkCall) (*http.Request, error) {
	body, err := b.encode(call.Data)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	if call.Data != nil {
		header.Set("Content-Type", scim.MediaType)
	}
	if call.Version != "" {
		header.Set("If-Match", call.Version)
	}
	namespace, name := r.PathValue("namespace"), r.PathValue("directory")
	target := &url.URL{Path: pathOf(r, call), RawQuery: unshown(call.Method)}
	alone := (&http.Request{
		Method: call.Method, URL: target, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(r.Context())
	for key, value := range map[string]string{"namespace": namespace, "directory": name, "id": call.ID} {
		alone.SetPathValue(key, value)
	}
	return alone, nil
}

// pathOf is the cleaned path of an operation of r.
func pathOf(r *http.Request, call scim.BulkCall) string {
	return path.Join(v1alpha1.BasePath, r.PathValue("namespace"), r.PathValue("directory"), call.Endpoint) + idPath(call.ID)
}

func idPath(id string) string {
	if id == "" {
		return ""
	}
	return "/" + id
}

// unshown is the query by which an answer that nobody sees costs little: a group without its members. PATCH has none: with it
// a group would be answered 200, where a request of its own is answered 204.
func unshown(method string) string {
	if method == http.MethodPost || method == http.MethodPut {
		return "attributes=id"
	}
	return ""
}

// encode writes the body of one operation. With ids in the place of references it may have become longer than any body may be.
func (b bulk) encode(data map[string]any) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return nil, err
	}
	if int64(body.Len()) > b.Limits.BodyBytes {
		return nil, errTooLarge(b.Limits.BodyBytes)
	}
	return body.Bytes(), nil
}

// answer calls h. A panic is the end of this operation only.
func (b bulk) answer(h handler, dir directory.Directory, r *http.Request) (rep reply, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			b.logPanic(exchangeOf(r), cause)
			rep, err = reply{}, errUnavailable("internal error")
		}
	}()
	return h(dir, r)
}

func answerOf(rep reply, err error) scim.BulkAnswer {
	if err != nil {
		return scim.BulkAnswer{Err: toldOf(err)}
	}
	// A Location ends with the id (RFC 7644 §3.3).
	return scim.BulkAnswer{Status: rep.status, ID: path.Base(rep.location), Location: rep.location, Version: rep.etag}
}

// bulkLog is what the log line of a bulk request says beyond that of another.
type bulkLog struct{ failure error }

// noted remembers the first failure of ours, which the client is only told to try again after.
func (l *bulkLog) noted(answer scim.BulkAnswer, err error) scim.BulkAnswer {
	if answer.Err != nil && answer.Err.Status == http.StatusServiceUnavailable && l.failure == nil {
		l.failure = err
	}
	return answer
}

func (l *bulkLog) attrs(results []scim.BulkResult) []slog.Attr {
	failed := 0
	for _, result := range results {
		if result.Err != nil {
			failed++
		}
	}
	attrs := []slog.Attr{slog.Int("operations", len(results)), slog.Int("failed", failed)}
	if l.failure != nil {
		attrs = append(attrs, slog.String("reason", reason(l.failure)))
	}
	return attrs
}
