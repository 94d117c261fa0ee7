{{/* Puts a policy in force in the whole cluster. Call with (dict "root" $ "component" … "name" …). */}}
{{- define "scim-operator.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "scim-operator.labels" . | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end }}

{{/* A policy that leaves the spec of some kinds to one writer.
     Call with (dict "root" $ "component" … "name" … "resources" (list …) "writer" <user name> "message" …), and maybe "also" with
     what else is let through, a CEL expression. */}}
{{- define "scim-operator.specPolicy" -}}
{{- $group := .root.Values.policy.breakGlassGroup -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ .name }}
  labels:
    {{- include "scim-operator.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [scim-operator.dev]
        apiVersions: [v1alpha1]
        operations: [CREATE, UPDATE, DELETE]
        resources: {{ toJson .resources }}
  variables:
    - name: byWriter
      expression: request.userInfo.username == '{{ .writer }}'
    - name: byBreakGlass
      expression: {{ if $group }}request.userInfo.?groups.orValue([]).exists(g, g == '{{ $group }}'){{ else }}'false'{{ end }}
    - name: onlyMetadata
      expression: request.operation == 'UPDATE' && object.spec == oldObject.spec
    # The last one is how the other two sign where the controller manager runs without --use-service-account-credentials.
    - name: cleanup
      expression: >-
        request.operation == 'DELETE' && request.userInfo.username in [
        'system:serviceaccount:kube-system:generic-garbage-collector',
        'system:serviceaccount:kube-system:namespace-controller',
        'system:kube-controller-manager']
  validations:
    - expression: variables.byWriter || variables.byBreakGlass || variables.onlyMetadata || variables.cleanup{{ with .also }} || {{ . }}{{ end }}
      reason: Forbidden
      message: >-
        {{ .message }}{{ with $group }} In an emergency, act as a member of the group {{ . }}.{{ end }}
---
{{ include "scim-operator.policyBinding" . }}
{{- end }}
