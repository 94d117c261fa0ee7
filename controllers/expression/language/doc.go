// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package language is CEL as this project lets people write it: with the functions whose cost can be bounded, and with nothing that reads a
// clock, a file, the network or the environment. What expressions are about is their package's own: expression for users and accounts of our
// kinds, controllers/connector/http for requests.
//
// Length, depth and the cost of an evaluation are bounded. An error of Compile is one line for whoever wrote the expression; an error of Eval is
// one of a few words and quotes no value.
//
// The flow: New once for each set of variables → Compile once for each expression → Eval for each use.
package language
