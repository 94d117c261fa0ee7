// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package httpapi is SCIM over HTTP (RFC 7644) for every directory: /scim/v2/{namespace}/{directory}/…
//
// A request goes through one literal list of middleware (see chain) and then to one route:
//
//	recover, request id, source → log line → clean path → authenticate → allowed address → rate → places → deadline →
//	suspended → body limit → memory → content type → route
//
// so nothing about a directory, not even whether it exists, shows before authentication, on any path and for any method. Nor
// does a stranger take anything that there is only so much of: rates, places and memory are for who was let in, each credential
// has its own share of them, and what a stranger costs is an answer. Too many strangers are answered alike (429) and logged in
// sum; that is all that counting them does, so no flood of wrong credentials keeps a right one out.
// Routes are mounted by the handlers themselves. A handler is a function from request to reply or error; it never writes.
// One function, respond, writes everything that leaves, and every refusal is a SCIM error body. The exceptions are what
// net/http itself refuses before it calls us: a request that is not HTTP (400), one that is not TLS where TLS is on (400),
// headers over the limit (431) and an unknown Expect (417).
//
// A directory has settings of its own (directory.Profile): what is on, how long pages are, and what its users and groups have.
// Whoever parses or renders takes the resource type from there, the same one for both. What is off is decided in one function,
// decide: routes are mounted with the operation that they are, and the router asks before it calls; a list asks again with its
// filter. Before that it asks whether the credential has the scope of the operation, also for each operation of a bulk request. A walk by cursor (RFC 9865) is a list with a position: the cursor is signed with what all servers know and clients do
// not, so servers share no state, and it is bound to the directory, the credential, the endpoint, the filter and the order.
//
// The package owns HTTP: status codes, headers, limits and times of the server, the drain at the end. It must not know the
// kinds or a client of Kubernetes (scimserver/directory does), only the reason that an error of the API server names, for
// the log; nor the rules of SCIM bodies (scimserver/scim does).
//
// What it logs of a request, and passes on to be counted (Options.Served), is the method, the route's template, sizes and ids
// of ours. It never logs a query, a body, a header, a path that nobody authenticated, or the text of an error that came from
// elsewhere: all of them may hold personal data or secrets.
package httpapi
