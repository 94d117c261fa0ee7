// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"maps"
	"strings"
)

func applicationRules() map[string]rule {
	const (
		union = "connector.kubernetes must be set when connector.type is Kubernetes, and only then"
		role  = "a Role lives in namespaces: name at least one"
	)
	kubernetes := func(value any, path ...any) change {
		return spec(value, append([]any{"connector", "kubernetes"}, path...)...)
	}
	return of("ScimApplication", map[string]rule{
		"ApplicationNameFits":    {reason: "63 characters", create: []change{name(strings.Repeat("a", 63))}},
		"ApplicationNameTooLong": {reason: "64 characters", create: []change{name(strings.Repeat("a", 64))}, wantErr: "the name of a ScimApplication is part of the names of its accounts: at most 63 characters"},
		"ApplicationDirectoryChanges": {
			reason: "the accounts are of users of the old one", update: []change{spec("other", "directoryRef", "name")},
			wantErr: "directoryRef cannot change; make another ScimApplication",
		},
		"ConnectorTypeChanges": {
			reason: "the accounts are in the old one", update: []change{spec("Other", "connector", "type")},
			wantErr: "spec.connector.type: Unsupported value", hides: "the type of a connector cannot change; make another ScimApplication",
		},
		"ConnectorWithoutMember": {reason: "type says Kubernetes", create: []change{spec(nil, "connector", "kubernetes")}, wantErr: union},
		"RoleWithoutNamespace": {
			reason: "a Role has a namespace", wantErr: role,
			create: []change{kubernetes("Role", "roles", 0, "roleRef", "kind"), kubernetes(nil, "roles", 0, "namespaces")},
		},
		"RoleInNamespace":            {reason: "a Role has a namespace", create: []change{kubernetes("Role", "roles", 0, "roleRef", "kind")}},
		"ClusterRoleInNamespace":     {reason: "bound by RoleBindings", create: []change{kubernetes("ClusterRole", "roles", 0, "roleRef", "kind")}},
		"ClusterRoleInWholeCluster":  {reason: "bound by a ClusterRoleBinding", create: []change{kubernetes(nil, "roles", 0, "namespaces")}},
		"UserNamePrefixIsReserved":   {reason: "system: users are components", create: []change{kubernetes("system:node:", "userNamePrefix")}, wantErr: "userNamePrefix must not start with system:, which is reserved by Kubernetes"},
		"UserNamePrefixAbsent":       {reason: "it is optional", create: []change{kubernetes(nil, "userNamePrefix")}},
		"DeletionPolicyCanBeChanged": {reason: "the way out when the application is gone", create: []change{spec("Delete", "deletionPolicy")}, update: []change{spec("Retain", "deletionPolicy")}},
	})
}

// policyRules are about what an application does with accounts.
func policyRules() map[string]rule {
	const key = "key must be set when policy is ByKey, and only then"
	cases := map[string]rule{
		"LeaversAreRetained": {
			reason: "a leaver would be inside", create: []change{spec("Retain", "lifecycle", "onDeactivation")},
			wantErr: "the account of a user who is not active is never retained as it is: Suspend or Delete",
		},
		"AdoptionByNothing":  {reason: "which account?", create: []change{spec(nil, "adoption", "key")}, wantErr: key},
		"KeyWithoutAdoption": {reason: "which is it?", create: []change{spec("Never", "adoption", "policy")}, wantErr: key},
		"KeyWithoutPolicy":   {reason: "the default is Never", create: []change{spec(nil, "adoption", "policy")}, wantErr: key},
		"NoAdoption":         {reason: "the default", create: []change{spec(map[string]any{"policy": "Never"}, "adoption")}},
		"PercentAlone":       {reason: "there is always a count", create: []change{spec(map[string]any{"percent": int64(10)}, "removalGuard", "reversible")}, wantErr: "spec.removalGuard.reversible.count: Required value"},
		"NoGraceTime":        {reason: "deleted in the same step", create: []change{spec(int64(0), "lifecycle", "graceHours")}},
		"AttributeUserName":  {reason: "there is account.userName", create: []change{spec("userName", "account", "attributes", 0, "name")}, wantErr: "userName, displayName and email have fields of their own"},
		"AttributeOtherCase": {reason: "an attribute of the application of that name", create: []change{spec("username", "account", "attributes", 0, "name")}},
		"PoliciesChange": {reason: "all of them can be changed and left out", update: []change{
			spec("Paused", "mode"), spec(nil, "account"), spec(nil, "lifecycle"), spec(nil, "adoption"), spec(nil, "drift"),
			spec(nil, "removalGuard"), spec(nil, "limits"), spec(nil, "invariants"),
		}},
	}
	for name, path := range map[string][]any{
		"BlankUserName":       {"account", "userName"},
		"BlankDisplayName":    {"account", "displayName"},
		"BlankEmail":          {"account", "email"},
		"BlankAttributeValue": {"account", "attributes", 0, "value"},
		"BlankInvariant":      {"invariants", 0, "expression"},
	} {
		cases[name] = blank(path...)
	}
	return of("ScimApplication", cases)
}

// blank is an expression of space alone.
func blank(path ...any) rule {
	c := spec(" \n\t", path...)
	return rule{reason: "it says nothing", create: []change{c}, wantErr: "an expression must not be blank", at: c.path.String()}
}

func grantRules() map[string]rule {
	cases := of("ScimGrant", map[string]rule{
		"GrantApplicationChanges": {
			reason: "roles are the application's", update: []change{spec("other", "applicationRef", "name")},
			wantErr: "applicationRef cannot change; make another ScimGrant",
		},
		"WithoutRoles":     {reason: "an account without roles", create: []change{spec(nil, "roles"), spec(nil, "rolesFrom")}},
		"WindowBackwards":  {reason: "it would never be in effect", create: []change{spec("2026-08-01T00:00:00Z", "notBefore")}, wantErr: "notBefore must be before notAfter"},
		"WindowOfNothing":  {reason: "it would never be in effect", create: []change{spec("2026-07-01T00:00:00Z", "notBefore")}, wantErr: "notBefore must be before notAfter"},
		"WindowInZones":    {reason: "an hour later in other words", create: []change{spec("2026-07-01T02:00:00+03:00", "notBefore")}},
		"WindowWithoutEnd": {reason: "from then on", create: []change{spec(nil, "notAfter")}},
		"WindowUntil":      {reason: "until then", create: []change{spec(nil, "notBefore")}},
		"BlankRolesFrom":   blank("rolesFrom"),
		"LineEndsInExpression": {reason: "a block of YAML ends with one", create: []change{
			spec("user.title == 'Engineer'\n  ? ['editor']\n  : []\n", "rolesFrom"),
		}},
	})
	maps.Copy(cases, of("ScimGrant", subjectRules()))
	return cases
}

func subjectRules() map[string]rule {
	const (
		user      = "userName must be set when kind is User, and only then"
		group     = "group must be set when kind is Group, and only then"
		condition = "condition must be set when kind is Condition, and only then"
		one       = "exactly one of the fields in [displayName externalID id] must be set"
	)
	subject := func(kind string, more ...any) []change {
		fields := map[string]any{"kind": kind}
		for i := 0; i < len(more); i += 2 {
			fields[more[i].(string)] = more[i+1]
		}
		return []change{spec([]any{fields}, "subjects")}
	}
	engineers := map[string]any{"displayName": "Engineers"}
	blank := blank("subjects", 0, "condition")
	blank.create = subject("Condition", "condition", " \n\t")
	return map[string]rule{
		"Everyone":                 {reason: "every user", create: subject("Everyone")},
		"EveryoneWithUserName":     {reason: "which is it?", create: subject("Everyone", "userName", "jane"), wantErr: user},
		"EveryoneWithGroup":        {reason: "which is it?", create: subject("Everyone", "group", engineers), wantErr: group},
		"EveryoneWithCondition":    {reason: "which is it?", create: subject("Everyone", "condition", "true"), wantErr: condition},
		"EveryoneElse":             {reason: "the default role", create: subject("EveryoneElse")},
		"EveryoneElseWithUserName": {reason: "which is it?", create: subject("EveryoneElse", "userName", "jane"), wantErr: user},
		"UserWithoutUserName":      {reason: "which user?", create: subject("User"), wantErr: user},
		"UserWithGroup":            {reason: "which is it?", create: subject("User", "userName", "jane", "group", engineers), wantErr: group},
		"GroupWithoutGroup":        {reason: "which group?", create: subject("Group"), wantErr: group},
		"GroupOfNoName":            {reason: "which group?", create: subject("Group", "group", map[string]any{}), wantErr: one},
		"GroupOfTwoNames":          {reason: "which is it?", create: subject("Group", "group", map[string]any{"displayName": "Engineers", "id": "8d4b"}), wantErr: one},
		"ConditionWithout":         {reason: "which condition?", create: subject("Condition"), wantErr: condition},
		"ConditionWithUserName":    {reason: "which is it?", create: subject("Condition", "condition", "true", "userName", "jane"), wantErr: user},
		"BlankCondition":           blank,
	}
}

func accountRules() map[string]rule {
	return of("ScimAccount", map[string]rule{
		"AccountApplicationChanges": {
			reason: "the old account would be lost", update: []change{spec("other", "applicationRef", "name")},
			wantErr: "applicationRef cannot change",
		},
		"AccountUserChanges": {reason: "the same person came back as another ScimUser", update: []change{spec("other", "userRef", "name")}},
		"AccountChanges": {reason: "a rename, a suspension, fewer roles", update: []change{
			spec("joe", "userName"), spec("Suspended", "state"), spec("Deactivated", "reason"), spec(nil, "roles"), spec(nil, "grants"),
		}},
		"AccountWithoutMore": {reason: "only a login", create: []change{
			spec(nil, "externalID"), spec(nil, "displayName"), spec(nil, "email"), spec(nil, "attributes"), spec(nil, "roles"), spec(nil, "grants"),
			spec(nil, "deleteAfter"), spec(nil, "lostAccessAt"), spec(nil, "deletedAt"), spec(nil, "held"),
		}},
	})
}
