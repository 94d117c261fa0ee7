// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package idp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// The URNs that clients name in requests about groups and in searches.
const (
	GroupSchema  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	SearchSchema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	// EntraGroupSchema is no schema of SCIM's, and Entra names it for every group.
	EntraGroupSchema = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
)

// GroupPath is the path of a group.
func GroupPath(id string) string { return "/Groups/" + url.PathEscape(id) }

// WithoutMembers is the path by which Entra reads a group.
func WithoutMembers(id string) string { return GroupPath(id) + "?excludedAttributes=members" }

// PostGroup creates a group.
func (c *Client) PostGroup(ctx context.Context, group Object) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodPost, Path: "/Groups", Body: group})
}

// PutGroup replaces a group.
func (c *Client) PutGroup(ctx context.Context, id string, group Object) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodPut, Path: GroupPath(id), Body: group})
}

// PatchGroup changes a group; operations are made by the functions below.
func (c *Client) PatchGroup(ctx context.Context, id string, operations ...Object) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodPatch, Path: GroupPath(id), Body: Patch(operations...)})
}

// DeleteGroup removes a group.
func (c *Client) DeleteGroup(ctx context.Context, id string) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodDelete, Path: GroupPath(id)})
}

// Patch is the body of a PATCH.
func Patch(operations ...Object) Object {
	return Object{"schemas": []string{PatchSchema}, "Operations": operations}
}

// Search is the body of a POST to /.search with that filter, for the caller to add to.
func Search(filter string) Object {
	return Object{"schemas": []string{SearchSchema}, "filter": filter}
}

// Group is a group with those members and nothing else, as a PUT of the custom application of Okta or a POST of JumpCloud.
func Group(displayName string, members ...string) Object {
	return Object{"schemas": []string{GroupSchema}, "displayName": displayName, "members": values(members)}
}

// values are members as JumpCloud and authentik name them.
func values(ids []string) []Object {
	members := make([]Object, 0, len(ids))
	for _, id := range ids {
		members = append(members, Object{"value": id})
	}
	return members
}

// OktaFindGroup is the path by which Okta looks for a group before it creates one.
func OktaFindGroup(displayName string) string {
	filter := url.QueryEscape(`displayName eq "` + displayName + `"`)
	return "/Groups?filter=" + strings.ReplaceAll(filter, "+", "%20") + "&startIndex=1&count=100"
}

// OktaRename is what Okta sends beside every change of members: the read-only id is among it.
func OktaRename(id, displayName string) Object {
	return Object{"op": "replace", "value": Object{"id": id, "displayName": displayName}}
}

// OktaAdd adds a member under the name that Okta knows it by.
func OktaAdd(id, display string) Object {
	return Object{"op": "add", "path": "members", "value": []Object{{"value": id, "display": display}}}
}

// OktaReplaceMembers is a full push of the members.
func OktaReplaceMembers(ids ...string) Object {
	return Object{"op": "replace", "path": "members", "value": values(ids)}
}

// RemoveSelected removes a member by a filter, as Okta does, and Entra with the flag aadOptscim062020.
func RemoveSelected(id string) Object {
	return Object{"op": "remove", "path": `members[value eq "` + id + `"]`}
}

// EntraFindGroup is the path by which Entra looks for a group.
func EntraFindGroup(displayName string) string {
	return "/Groups?excludedAttributes=members&filter=" + url.QueryEscape(`displayName eq "`+displayName+`"`)
}

// EntraGroup is what Entra posts.
func EntraGroup(displayName, externalID string) Object {
	return Object{
		"schemas": []string{GroupSchema, EntraGroupSchema}, "externalId": externalID, "displayName": displayName,
		"meta": Object{"resourceType": "Group"},
	}
}

// EntraAdd adds members with the null that Entra sends beside each.
func EntraAdd(ids ...string) Object {
	members := values(ids)
	for _, member := range members {
		member["$ref"] = nil
	}
	return Object{"op": "Add", "path": "members", "value": members}
}

// EntraRemove removes members by a list of values, as Entra does without the flag aadOptscim062020.
func EntraRemove(ids ...string) Object {
	return Object{"op": "Remove", "path": "members", "value": values(ids)}
}

// EntraReplace replaces one attribute.
func EntraReplace(path string, value any) Object {
	return Object{"op": "Replace", "path": path, "value": value}
}

// AuthentikGroup replaces a group by a PATCH without a path that says all there is of it.
func AuthentikGroup(id, displayName, externalID string) Object {
	return Object{"op": "replace", "value": Object{
		"schemas": []string{GroupSchema}, "id": id, "externalId": externalID, "displayName": displayName,
	}}
}

// AuthentikMember adds or removes one member.
func AuthentikMember(op, id string) Object {
	return Object{"op": op, "path": "members", "value": values([]string{id})}
}
