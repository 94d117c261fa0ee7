// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// shortest is how long a text must be for its appearance elsewhere to be no accident.
const shortest = 6

// Leaks returns every place where a secret or somebody's name is and must not be: the logs of the programs, the events, and the statuses of our
// objects. The identifier of an account in the application may be a name, and the status that holds it is there for that.
func (s *Site) Leaks(ctx context.Context) ([]string, error) {
	places, err := logsOf(s.stack.LogDir())
	if err != nil {
		return nil, err
	}
	events, err := s.events(ctx)
	if err != nil {
		return nil, err
	}
	statuses, err := s.statuses(ctx)
	if err != nil {
		return nil, err
	}
	maps.Copy(places, events)
	maps.Copy(places, statuses)
	data, _ := s.app.Credential()
	return find(canaries(secretsOf(data, s.token), append(s.logins(), personal(ada(), married(), grace())...)), places), nil
}

// canaries are the texts to look for, and what each is.
func canaries(secrets, names []string) map[string]string {
	all := map[string]string{}
	for what, texts := range map[string][]string{"a name": names, "a secret": secrets} {
		for _, text := range texts {
			if len(text) >= shortest {
				all[strings.ToLower(text)] = what
			}
		}
	}
	return all
}

// find looks for the canaries, whatever their case, and quotes what is around them.
func find(canaries, places map[string]string) []string {
	const around = 100
	var leaks []string
	for _, place := range slices.Sorted(maps.Keys(places)) {
		text := strings.ToLower(places[place])
		for _, canary := range slices.Sorted(maps.Keys(canaries)) {
			if at := strings.Index(text, canary); at >= 0 {
				leaks = append(leaks, fmt.Sprintf("%s has %s, %q: …%s…", place, canaries[canary], canary, text[max(0, at-around):min(len(text), at+around)]))
			}
		}
	}
	return leaks
}

// personal are the texts by which these people could be recognised.
func personal(people ...idp.Person) []string {
	var texts []string
	for _, p := range people {
		texts = append(texts, p.UserName, strings.TrimSuffix(p.UserName, "@acme.test"), p.ExternalID, p.GivenName+" "+p.FamilyName)
	}
	return texts
}

// secretsOf are the lines of what is secret in the data of a Secret, which is all but names and what everybody may read, and what Basic
// authentication makes of it; and the token of the identity provider.
func secretsOf(data map[string][]byte, token string) []string {
	secrets := []string{token}
	for key, value := range data {
		if slices.Contains([]string{"username", "clientID", "ca.crt", "tls.crt"}, key) {
			continue
		}
		for line := range strings.Lines(string(value)) {
			if line = strings.TrimSpace(line); key != "kubeconfig" && !strings.HasPrefix(line, "-----") {
				secrets = append(secrets, line)
			}
			if secret, found := strings.CutPrefix(line, "client-key-data: "); found {
				secrets = append(secrets, secret)
			}
		}
	}
	if user, password := data["username"], data["password"]; len(password) > 0 {
		secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(string(user)+":"+string(password))))
	}
	return secrets
}

// logsOf are the logs of both programs.
func logsOf(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "scim-*"))
	if err != nil || len(files) < 2 {
		return nil, fmt.Errorf("find the logs of both programs: got %v: %w", files, err)
	}
	logs := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		}
		logs[file] = string(text)
	}
	return logs, nil
}

// events are what the programs told about the objects.
func (s *Site) events(ctx context.Context) (map[string]string, error) {
	var list corev1.EventList
	if err := s.stack.Client.List(ctx, &list, client.InNamespace(s.Namespace)); err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	events := map[string]string{}
	for _, e := range list.Items {
		events["the event "+e.Name] = e.Reason + " " + e.Message
	}
	return events, nil
}

// statuses are those of all objects of our kinds.
func (s *Site) statuses(ctx context.Context) (map[string]string, error) {
	statuses := map[string]string{}
	for kind := range s.stack.Client.Scheme().KnownTypes(v1alpha1.SchemeGroupVersion) {
		if !strings.HasPrefix(kind, "Scim") || !strings.HasSuffix(kind, "List") {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kind))
		if err := s.stack.Client.List(ctx, list, client.InNamespace(s.Namespace)); err != nil {
			return nil, fmt.Errorf("list objects: %w", err)
		}
		for _, o := range list.Items {
			status, err := statusOf(o.Object)
			if err != nil {
				return nil, err
			}
			statuses[fmt.Sprintf("the status of %s %s", o.GetKind(), o.GetName())] = status
		}
	}
	if len(statuses) == 0 {
		return nil, errors.New("there are no objects to look at")
	}
	return statuses, nil
}

// statusOf is the status of an object without the identifiers that the application has for accounts.
func statusOf(object map[string]any) (string, error) {
	status, _, err := unstructured.NestedMap(object, "status")
	if err != nil {
		return "", fmt.Errorf("read status: %w", err)
	}
	for _, fields := range [][]string{{"externalID"}, {"adoption", "externalID"}, {"orphans", "externalIDs"}} {
		unstructured.RemoveNestedField(status, fields...)
	}
	text, err := json.Marshal(status)
	return string(text), err
}
