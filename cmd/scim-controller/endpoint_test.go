// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// fill sets every field below value to something that is not its zero.
func fill(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem())
	case reflect.Struct:
		for i := range value.NumField() {
			fill(value.Field(i))
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(value.Index(0))
	case reflect.String:
		value.SetString("some " + value.Type().Name())
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32:
		value.SetInt(7)
	default:
		panic(value.Kind())
	}
}

// leaves calls look with every field below value that is no struct, and its path.
func leaves(value reflect.Value, path string, look func(path string, field reflect.Value)) {
	switch value.Kind() {
	case reflect.Pointer:
		leaves(value.Elem(), path, look)
	case reflect.Struct:
		for i := range value.NumField() {
			leaves(value.Field(i), path+"."+value.Type().Field(i).Name, look)
		}
	default:
		look(path, value)
	}
}

// TestEveryFieldOfAnEndpointArrives takes away one field of an endpoint after the other, and looks whether that makes a difference. What the Secret
// is called does not arrive: its data does.
func TestEveryFieldOfAnEndpointArrives(t *testing.T) {
	full := func() *v1alpha1.HTTPEndpoint {
		e := &v1alpha1.HTTPEndpoint{}
		fill(reflect.ValueOf(e).Elem())
		return e
	}
	convert := func(e *v1alpha1.HTTPEndpoint) outbound.Config { return endpoint(e, nil, nil) }
	whole := convert(full())
	count := 0
	leaves(reflect.ValueOf(full()), "", func(path string, _ reflect.Value) {
		if count++; path == ".CredentialSecretRef.Name" {
			return
		}
		without := full()
		leaves(reflect.ValueOf(without), "", func(p string, field reflect.Value) {
			if p == path {
				field.SetZero()
			}
		})
		if cmp.Equal(whole, convert(without)) {
			t.Errorf("endpoint%s does not arrive", path)
		}
	})
	if count < 12 {
		t.Errorf("looked at %d fields only", count)
	}
}

func TestEndpoint(t *testing.T) {
	errDialled := errors.New("dialled")
	credential := map[string][]byte{"token": []byte("t0ken")}
	cfg := endpoint(&v1alpha1.HTTPEndpoint{
		URL: "https://app.example.com", TimeoutSeconds: 7, MaxConnections: 3, ProxyURL: "http://proxy.example.com", AllowPlaintext: true,
		Authentication: v1alpha1.HTTPAuthentication{
			Type: v1alpha1.AuthenticationOAuth2, Header: &v1alpha1.HeaderAuthentication{Name: "X-Key", Prefix: "token "},
			OAuth2: &v1alpha1.OAuth2Authentication{TokenURL: "https://login.example.com", Scopes: []string{"a", "b"}, Audience: "app"},
		},
	}, credential, func(context.Context, string, string) (net.Conn, error) { return nil, errDialled })
	if _, err := cfg.Dial(t.Context(), "tcp", "192.0.2.1:443"); !errors.Is(err, errDialled) {
		t.Errorf("it dials in another way: %v", err)
	}
	cfg.Dial = nil
	want := outbound.Config{
		URL: "https://app.example.com", Timeout: 7 * time.Second, MaxConnections: 3, ProxyURL: "http://proxy.example.com", AllowPlaintext: true,
		Credential: credential,
		Authentication: outbound.Authentication{
			Scheme: outbound.OAuth2, Header: "X-Key", Prefix: "token ", TokenURL: "https://login.example.com", Scopes: []string{"a", "b"}, Audience: "app",
		},
	}
	if diff := cmp.Diff(want, cfg, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Dial" || p.String() == "Sign" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
}

// TestSchemesAreTheSame compares what the API says with what the client knows.
func TestSchemesAreTheSame(t *testing.T) {
	for api, scheme := range map[v1alpha1.AuthenticationType]outbound.Scheme{
		v1alpha1.AuthenticationNone: outbound.None, v1alpha1.AuthenticationBearer: outbound.Bearer, v1alpha1.AuthenticationBasic: outbound.Basic,
		v1alpha1.AuthenticationHeader: outbound.Header, v1alpha1.AuthenticationOAuth2: outbound.OAuth2,
	} {
		if outbound.Scheme(api) != scheme {
			t.Errorf("%s is %s", api, scheme)
		}
	}
}
