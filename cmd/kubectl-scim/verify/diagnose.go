// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// diagnose says what is wrong with an answer, in words that lead to what must change; nothing if it is as it should be. It decides by what
// scim-server never does: answer without X-Request-Id, or with anything but SCIM.
func diagnose(x exchange, answer idp.Response, err error) string {
	switch {
	case err != nil:
		return diagnoseError(err)
	case !isOurs(x, answer):
		return foreign(x.request.Method, answer)
	case answer.Status == x.want:
		return ""
	case answer.Status == http.StatusUnauthorized:
		return unauthorized(answer)
	case answer.Status == http.StatusForbidden:
		return "scim-server answers 403: spec.authentication.allowedCIDRs of the directory, or --trusted-proxies of scim-server, do not fit where requests come from"
	case answer.Status == http.StatusRequestEntityTooLarge:
		return "scim-server answers 413: what arrives is larger than what was sent"
	default:
		return fmt.Sprintf("scim-server answers %d in the place of %d: %v", answer.Status, x.want, answer.Body["detail"])
	}
}

// isOurs says whether scim-server wrote the answer, and nobody changed it.
func isOurs(x exchange, answer idp.Response) bool {
	if answer.Header.Get("X-Request-Id") == "" {
		return false
	}
	if len(answer.Raw) == 0 {
		return x.request.Method == http.MethodHead || answer.Status == http.StatusNoContent || answer.Status == http.StatusNotModified
	}
	media := answer.Header.Get("Content-Type")
	return answer.Body != nil && (strings.HasPrefix(media, "application/scim+json") || strings.HasPrefix(media, "application/json"))
}

// foreign is what to do about an answer of somebody between.
func foreign(method string, answer idp.Response) string {
	const between = "something before scim-server answers %d: "
	advice := "it is no SCIM; identity providers call that invalid JSON"
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		advice = "it wants a login of its own, or forbids " + method + ": let the path " + v1alpha1.BasePath + " through"
	case http.StatusNotFound:
		advice = "the path " + v1alpha1.BasePath + " is not routed to scim-server, or error pages are replaced"
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		advice = "allow the methods PUT, PATCH and DELETE"
	case http.StatusRequestEntityTooLarge:
		advice = "raise the limit of bodies to 8 MiB (nginx.ingress.kubernetes.io/proxy-body-size)"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		advice = "it does not reach scim-server: look at the Service, its port, and whether the pods are ready"
	case http.StatusOK, http.StatusCreated, http.StatusBadRequest, http.StatusPreconditionFailed, http.StatusNoContent, http.StatusNotModified:
		advice = "the header X-Request-Id, the media type application/scim+json or the body is dropped or replaced"
	}
	return fmt.Sprintf(between, answer.Status) + advice
}

func unauthorized(answer idp.Response) string {
	if !strings.Contains(answer.Header.Get("Www-Authenticate"), "error=") {
		return "scim-server sees no credential: the header Authorization is dropped on the way"
	}
	return "scim-server refuses the credential: the header Authorization is changed on the way, or the path leads to another directory"
}

// diagnoseError is about requests without an answer.
func diagnoseError(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
		name      *net.DNSError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &authority):
		return "the certificate is of no public authority: identity providers refuse it. Perhaps the intermediate certificate is missing"
	case errors.As(err, &host):
		return "the certificate is for other names than this host"
	case errors.As(err, &invalid):
		return "the certificate is not valid now: " + invalid.Error()
	case errors.As(err, &plain):
		return "there is no TLS at this port"
	case errors.As(err, &name):
		return "the name of the host cannot be resolved from here"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	default:
		return "no answer: " + err.Error()
	}
}
