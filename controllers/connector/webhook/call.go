// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// outOfContractWait is when to try again what is most likely for the application's team to put right, or a moment of its deployment.
const outOfContractWait = time.Minute

// errNotFound says that the application knows of no account that bears the mark.
var errNotFound = errors.New("the application says that there is no such account")

// call is a request of the contract.
type call struct {
	// what it is for, as it is in errors.
	what         string
	method, path string
	query        url.Values
	// body is sent as JSON, nil for none.
	body any
	// success is the one status that says that it was done.
	success int
}

// do makes the call and reads the answer into answer, unless that is nil.
func (c *Connector) do(ctx context.Context, r call, answer any) error {
	request := outbound.Request{What: r.what, Method: r.method, Path: r.path, Query: r.query}
	if r.body != nil {
		body, err := json.Marshal(r.body)
		if err != nil {
			return err
		}
		request.Body = body
	}
	response, err := c.client.Do(ctx, request)
	if err != nil {
		return err
	}
	if response.Status != r.success {
		return refusal(r.what, response)
	}
	if answer != nil && json.Unmarshal(response.Body, answer) != nil {
		return outOfContract(r.what)
	}
	return nil
}

// refusal is what an answer means that is no success. What leads to a decision about an account counts only if the body says it too: a router or a
// proxy has answers of that status as well.
func refusal(what string, response outbound.Response) error {
	var problem struct {
		Kind string `json:"kind"`
	}
	_ = json.Unmarshal(response.Body, &problem) // a body that is something else says nothing
	switch status := response.Status; {
	case status == http.StatusNotFound && problem.Kind == "NotFound":
		return errNotFound
	case status == http.StatusConflict && problem.Kind == "Conflict":
		return connector.Conflictf("%s: the application says that an account of somebody else is in the way", what)
	case status == http.StatusUnprocessableEntity && problem.Kind == "Invalid":
		return connector.Invalidf("%s: the application says that it cannot keep such an account", what)
	}
	switch err := response.Err(what); connector.KindOf(err) {
	case connector.KindDenied, connector.KindUnavailable:
		return err
	default:
		return connector.Unavailablef(outOfContractWait, "%s: the application answers %d without saying why in the way of the contract", what, response.Status)
	}
}

func outOfContract(what string) error {
	return connector.Unavailablef(outOfContractWait, "%s: the answer of the application is not one of the contract", what)
}
