// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

const (
	bulkRequestURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	bulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// The methods that an operation of a bulk request may have (RFC 7644 §3.7).
const (
	methodPost   = "POST"
	methodPut    = "PUT"
	methodPatch  = "PATCH"
	methodDelete = "DELETE"
)

// BulkRequest is a parsed bulk request (RFC 7644 §3.7). Make one with
// [ParseBulkRequest].
type BulkRequest struct {
	// failOnErrors is how many errors end the processing; 0 is any number.
	failOnErrors int
	operations   []bulkOperation
}

// BulkCall is one request of its own that a bulk request asks for.
type BulkCall struct {
	// Method is POST, PUT, PATCH or DELETE.
	Method string
	// Endpoint is the first segment of the path with a slash before it, as sent:
	// "/Users". It need not be that of a resource type.
	Endpoint string
	// ID is the second segment; empty for POST and for nothing else.
	ID string
	// Version goes where If-Match would; empty for none.
	Version string
	// Data is the body; nil for DELETE and for nothing else. It is the callee's.
	Data map[string]any
}

// bulkOperation is one operation as the client sent it.
type bulkOperation struct {
	BulkCall
	bulkID string
	// references are the bulkIds that the data and the path refer to, sorted.
	references []string
	dialect    Dialect
	// problem is why the operation cannot be done, whatever the others do.
	problem *Error
}

// ParseBulkRequest reads the body of POST /Bulk (RFC 7644 §3.7). What is wrong with
// the request as a whole is an error: 413 for more operations than [Limits] allows,
// 400 invalidSyntax for another shape, 400 invalidValue for a failOnErrors below 1
// and for a bulkId that two operations have, which nothing could refer to. What is
// wrong with one operation becomes the result of that operation. Unless d is strict,
// `schemas` may be missing and methods may be in any case.
func ParseBulkRequest(d Dialect, raw map[string]any) (BulkRequest, error) {
	body, err := foldKeys(raw)
	if err != nil {
		return BulkRequest{}, err
	}
	if err := d.checkMessage(body, bulkRequestURN); err != nil {
		return BulkRequest{}, err
	}
	list, _ := body["operations"].([]any)
	if len(list) == 0 {
		return BulkRequest{}, badRequest(ErrorInvalidSyntax, "Operations must be a list that is not empty")
	}
	if limit := DefaultLimits().BulkOperations; len(list) > limit {
		return BulkRequest{}, Errorf(413, "", "Operations are more than maxOperations, which is %d", limit)
	}
	limit, err := failOnErrors(body["failonerrors"])
	if err != nil {
		return BulkRequest{}, err
	}
	operations, err := parseBulkOperations(d, list)
	return BulkRequest{failOnErrors: limit, operations: operations}, err
}

// Methods are those of the operations, in their order; empty for one that has none, or a method that there is not.
func (b BulkRequest) Methods() []string {
	methods := make([]string, len(b.operations))
	for i, op := range b.operations {
		methods[i] = op.Method
	}
	return methods
}

func failOnErrors(raw any) (int, error) {
	if raw == nil {
		return 0, nil
	}
	n, _ := raw.(json.Number)
	limit, err := strconv.Atoi(n.String())
	if err != nil || limit < 1 {
		return 0, badRequest(ErrorInvalidValue, "failOnErrors must be an integer that is at least 1")
	}
	return limit, nil
}

func parseBulkOperations(d Dialect, list []any) ([]bulkOperation, error) {
	operations := make([]bulkOperation, 0, len(list))
	known := map[string]bool{}
	for i, raw := range list {
		object, ok := raw.(map[string]any)
		if !ok {
			return nil, inOperation(i+1, badRequest(ErrorInvalidSyntax, "must be an object"))
		}
		members, err := foldKeys(object)
		if err != nil {
			return nil, inOperation(i+1, err)
		}
		op := parseBulkOperation(d, members)
		if op.bulkID != "" && known[op.bulkID] {
			return nil, inOperation(i+1, badRequest(ErrorInvalidValue, "bulkId must be unique within the request"))
		}
		known[op.bulkID] = true
		operations = append(operations, op)
	}
	return operations, nil
}

func parseBulkOperation(d Dialect, members map[string]any) bulkOperation {
	op := bulkOperation{dialect: d}
	op.bulkID, _ = members["bulkid"].(string)
	for _, read := range []func(map[string]any) *Error{op.readMethod, op.readBulkID, op.readPath, op.readVersion, op.readData} {
		if op.problem = read(members); op.problem != nil {
			return op
		}
	}
	op.references = op.findReferences()
	return op
}

func (op *bulkOperation) readMethod(members map[string]any) *Error {
	name, _ := members["method"].(string)
	if upper := strings.ToUpper(name); upper != name && op.dialect.takes(opCase) {
		name = upper
	}
	switch name {
	case methodPost, methodPut, methodPatch, methodDelete:
		op.Method = name
		return nil
	}
	return badRequest(ErrorInvalidSyntax, "method must be POST, PUT, PATCH or DELETE")
}

func (op *bulkOperation) readBulkID(members map[string]any) *Error {
	switch {
	case members["bulkid"] != nil && op.bulkID == "":
		return badRequest(ErrorInvalidValue, "bulkId must be a string that is not empty")
	case op.Method == methodPost && op.bulkID == "":
		return badRequest(ErrorInvalidValue, "bulkId is required with POST")
	}
	return nil
}

func (op *bulkOperation) readPath(members map[string]any) *Error {
	text, _ := members["path"].(string)
	segments, ok := pathSegments(text)
	switch {
	case ok && op.Method == methodPost && len(segments) == 1:
	case ok && op.Method != methodPost && len(segments) == 2:
		op.ID = segments[1]
	case op.Method == methodPost:
		return badRequest(ErrorInvalidValue, "path must be that of a resource type, such as /Users, and nothing more")
	default:
		return badRequest(ErrorInvalidValue, "path must be that of one resource, such as /Users/ and its id, and nothing more")
	}
	op.Endpoint = "/" + segments[0]
	return nil
}

// pathSegments splits a relative path into its decoded segments. Clients join paths
// with a slash too many or too few. What two readers might understand differently
// (a query, dots, an encoded slash) is no path.
func pathSegments(text string) (segments []string, ok bool) {
	if strings.ContainsAny(text, "?#\\") {
		return nil, false
	}
	for segment := range strings.SplitSeq(text, "/") {
		decoded, err := url.PathUnescape(segment)
		if err != nil || decoded == "." || decoded == ".." || strings.Contains(decoded, "/") {
			return nil, false
		}
		if decoded != "" {
			segments = append(segments, decoded)
		}
	}
	return segments, true
}

// readVersion leaves the version of a POST aside: there is nothing yet that it could
// be the version of.
func (op *bulkOperation) readVersion(members map[string]any) *Error {
	raw := members["version"]
	if raw == nil || op.Method == methodPost {
		return nil
	}
	version, ok := raw.(string)
	if !ok || strings.TrimSpace(version) == "" {
		return badRequest(ErrorInvalidValue, "version must be an entity tag")
	}
	op.Version = version
	return nil
}

func (op *bulkOperation) readData(members map[string]any) *Error {
	if op.Method == methodDelete {
		return nil
	}
	data, ok := members["data"].(map[string]any)
	if !ok {
		return badRequest(ErrorInvalidSyntax, "data must be an object")
	}
	op.Data = data
	return nil
}

// BulkResponse renders the answer to a bulk request (RFC 7644 §3.7.3): without the
// resources, but with every error. baseURL is without a final slash.
func BulkResponse(baseURL string, results []BulkResult) map[string]any {
	operations := make([]any, 0, len(results))
	for _, result := range results {
		operations = append(operations, result.render(baseURL))
	}
	return map[string]any{"schemas": []any{bulkResponseURN}, "Operations": operations}
}

func (r BulkResult) render(baseURL string) map[string]any {
	status, location := r.Status, r.Location
	if location == "" && r.Path != "" {
		location = baseURL + r.Path
	}
	if r.Err != nil {
		status = r.Err.Status
	}
	out := map[string]any{"status": strconv.Itoa(status)}
	for name, v := range map[string]string{"method": r.Method, "bulkId": r.BulkID, "location": location, "version": r.Version} {
		if v != "" {
			out[name] = v
		}
	}
	if r.Err != nil {
		out["response"] = r.Err
	}
	return out
}
