// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apps says what a real application is to the demos, the end-to-end tests and the measurements: something that runs on loopback, that
// scim-controller keeps accounts in, and that lets people in or not. Its folders hold one application each, which they start, install where they can, and stop.
//
// It sees the product from outside only, as package stack does: it must not import controllers or scimserver.
package apps

import (
	"context"
	"errors"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// ErrRefused is in the error of a Login that the application itself refused. Every other error means that nobody can tell.
var ErrRefused = errors.New("the application refuses the login")

// Options say how an application is started.
type Options struct {
	// Progress is told what begins, for people who wait. Nil means nobody does.
	Progress func(what string)
}

// Say tells Progress, if there is one.
func (o Options) Say(what string) {
	if o.Progress != nil {
		o.Progress(what)
	}
}

// App is a real application that runs on loopback.
type App interface {
	Declared
	Witness

	// Welcome gives the holder of a new account what else it takes to log in: its administrator sets a password, say. SCIM never carries one.
	Welcome(ctx context.Context, userName string) error
	// Stop ends it and removes what it wrote.
	Stop() error
}

// Declared is what our objects say of an application.
type Declared interface {
	// Title names it and its version, for people: "PostgreSQL 15.10".
	Title() string
	// Application is what a ScimApplication says about it but for directoryRef: connector, account, lifecycle. The connector has the least rights
	// that its page in docs/connectors documents, and its credentialSecretRef names "application-credential".
	Application() v1alpha1.ScimApplicationSpec
	// Credential is the Secret's data, and hosts its annotation scim-operator.dev/hosts.
	Credential() (data map[string][]byte, hosts string)
	// Roles are two or more roles that the application declares.
	Roles() []v1alpha1.RoleName
}

// Witness is what an application itself says about people. It asks no connector.
type Witness interface {
	// Login logs in as that person, by the application's own protocol, and out again. It is nil, wraps ErrRefused, or is another error.
	Login(ctx context.Context, userName string) error
	// HasRole reports whether the application lets that person do what the role is for. It asks the application, not the connector, and
	// best by trying.
	HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (bool, error)
	// Open logs in and stays. alive reports whether the session still works. An application without sessions returns errors.ErrUnsupported.
	Open(ctx context.Context, userName string) (alive func(context.Context) bool, err error)
	// Exists reports whether there is an account of that name, usable or not.
	Exists(ctx context.Context, userName string) (bool, error)
	// Show is what an administrator of the application sees of the accounts, as a small table of text, and the command or request that it comes from.
	Show(ctx context.Context) (command, table string, err error)
}
