// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhook keeps accounts by the requests of docs/connectors/webhook.md, which an application's own team serves.
//
// It owns nothing but those requests. What an account is, and that none of somebody else is touched, is for the application to hold; this side holds
// it to the contract: an answer that does not say in so many words what the contract has for it is taken for none. So a page that says "maintenance"
// with 200, a router that says 404 and a proxy that says 409 are all Unavailable, and never an account that is gone, somebody else's, or removed. Every
// 200 about an account names what it is about, so that one which belongs to another request is none, either.
//
//	verb                 request                                answers
//	Observe              GET    /accounts/{namespace}/{name}    200 account, 404 NotFound
//	Apply                PUT    /accounts/{namespace}/{name}    200 account, 404 NotFound when suspending nobody, 409 Conflict, 422 Invalid
//	Delete               DELETE /accounts/{namespace}/{name}    204, 404 NotFound
//	Revoke (optional)    POST   /accounts/{namespace}/{name}/revoke
//	List (optional)      GET    /accounts?cursor=
//	Find (optional)      POST   /find
//	Adopt (optional)     POST   /adopt
//	Probe                GET    /capabilities
//
// The mark is the path: the application remembers it with the account as its owner. Suspending says nothing but that, so there is nothing in it that
// could be refused. What is optional is part of [Config]: Open makes no request, so a leaver is suspended by an application of which nothing works but
// the suspension. Probe compares with what the application says that it can.
package webhook
