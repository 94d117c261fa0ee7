// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// credential is what is pasted into an identity provider. It is shown once.
type credential struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Directory string `json:"directory"`
	URL       string `json:"url"`
	KeyID     string `json:"keyID"`
	// Token is set for type Bearer, Username and Password for type Basic.
	Token    string `json:"token,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// printer shows a credential once.
type printer struct {
	env          *cli.Env
	output       *cli.Output
	patience     cli.Patience
	deleteSecret bool
}

func newPrinter(e *cli.Env) *printer {
	return &printer{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatJSON, cli.FormatYAML)}
}

func (p *printer) addFlags(c *cobra.Command) {
	p.output.AddFlags(c)
	p.patience.AddTimeout(c)
	c.Flags().BoolVar(&p.deleteSecret, "delete-secret", false, "delete the Secret once the credential is shown; it stays valid, and nobody can read it any more")
}

// print waits until a credential is valid that isNew accepts, and shows it.
func (p *printer) print(ctx context.Context, c *cli.Client, name string, isNew func(*v1alpha1.ScimToken) bool) error {
	tok, secret, err := p.await(ctx, c, name, isNew)
	if err != nil {
		return err
	}
	directory := &v1alpha1.ScimDirectory{}
	if err := c.Get(ctx, tok.Spec.DirectoryRef.Name, directory); err != nil {
		return err
	}
	shown, err := credentialOf(tok, secret)
	if err != nil {
		return err
	}
	shown.URL = directory.Status.URL
	if err := p.write(shown); err != nil {
		return err
	}
	if p.deleteSecret {
		err = c.Delete(ctx, secret)
	}
	return p.say(tok, secret, err)
}

// await reads the ScimToken and its Secret until they belong together.
func (p *printer) await(ctx context.Context, c *cli.Client, name string, isNew func(*v1alpha1.ScimToken) bool) (*v1alpha1.ScimToken, *corev1.Secret, error) {
	tok, secret := &v1alpha1.ScimToken{}, &corev1.Secret{}
	last := "nothing yet"
	err := p.patience.Until(ctx, "the credential of "+name, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, name, tok); err != nil {
			return false, err
		}
		ready := meta.FindStatusCondition(tok.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil {
			last = ready.Reason + ": " + ready.Message
		}
		if meta.IsStatusConditionTrue(tok.Status.Conditions, v1alpha1.ConditionStalled) {
			return false, fmt.Errorf("the ScimToken %s was made, and there is no credential: %s", name, last)
		}
		if ready == nil || ready.Status != metav1.ConditionTrue || len(tok.Status.Credentials) == 0 || !isNew(tok) {
			return false, nil
		}
		if err := c.Get(ctx, tok.Status.SecretName, secret); err != nil {
			return false, fmt.Errorf("the credential is valid and in the Secret %s, which could not be read: %w", tok.Status.SecretName, err)
		}
		return true, nil
	})
	if errors.Is(err, cli.ErrTimeout) {
		err = fmt.Errorf("%w; the ScimToken says %s", err, last)
	}
	return tok, secret, err
}

// credentialOf takes the credential out of the Secret, if it is the newest that the status speaks of.
func credentialOf(tok *v1alpha1.ScimToken, secret *corev1.Secret) (*credential, error) {
	newest := &tok.Status.Credentials[0]
	shown := &credential{Name: tok.Name, Namespace: tok.Namespace, Directory: tok.Spec.DirectoryRef.Name, KeyID: newest.KeyID}
	hashed := string(secret.Data["token"])
	if tok.Spec.Type == v1alpha1.TokenBasic {
		shown.Username, shown.Password = string(secret.Data["username"]), string(secret.Data["password"])
		hashed = shown.Password
	} else {
		shown.Token = hashed
	}
	if sum := sha256.Sum256([]byte(hashed)); hex.EncodeToString(sum[:]) != newest.SHA256 {
		return nil, errors.New("the Secret of the ScimToken holds another credential than the valid one, so nothing is shown: look at kubectl scim token show " + tok.Name)
	}
	return shown, nil
}

func (p *printer) write(shown *credential) error {
	if !p.output.ForPeople() {
		return p.output.View(p.env.Out, shown)
	}
	line := func(key, value string) error {
		if value == "" {
			return nil
		}
		_, err := fmt.Fprintf(p.env.Out, "%-10s %s\n", key+":", table.Safe(value))
		return err
	}
	return errors.Join(line("URL", shown.URL), line("Token", shown.Token), line("User name", shown.Username), line("Password", shown.Password), line("Key ID", shown.KeyID))
}

// say tells where the credential still is. It was shown, so whoever reads it has it, and an error after that must not hide it.
func (p *printer) say(tok *v1alpha1.ScimToken, secret *corev1.Secret, deleted error) error {
	switch {
	case deleted != nil:
		return fmt.Errorf("the credential above is valid, and its Secret is still there: %w", deleted)
	case p.deleteSecret:
		return tell(p.env.ErrOut, "This is shown once: the Secret is deleted.")
	default:
		return tell(p.env.ErrOut, fmt.Sprintf("This is shown once. The Secret %s has it too; kubectl delete secret %s -n %s leaves it valid.", secret.Name, secret.Name, tok.Namespace))
	}
}

func tell(to io.Writer, text string) error {
	_, err := fmt.Fprintln(to, text)
	return err
}
