{{/* The labels that select the pods of a program; they never change. Call with (dict "root" $ "component" "scim-server"). */}}
{{- define "scim-operator.selectorLabels" -}}
app.kubernetes.io/name: scim-operator
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The labels of every object. Helm adds app.kubernetes.io/managed-by itself when it installs. */}}
{{- define "scim-operator.labels" -}}
{{ include "scim-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: scim-operator
{{- end }}

{{/* The user name of a ServiceAccount of this release, as admission policies see it. */}}
{{- define "scim-operator.serverUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ .Values.server.serviceAccountName }}
{{- end }}
{{- define "scim-operator.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ .Values.controller.serviceAccountName }}
{{- end }}

{{/* The base URL of directories that name none. */}}
{{- define "scim-operator.publicURL" -}}
{{- if .Values.publicURL -}}
{{ .Values.publicURL }}
{{- else if .Values.ingress.enabled -}}
https://{{ .Values.ingress.host }}
{{- else if .Values.httpRoute.enabled -}}
https://{{ first .Values.httpRoute.hostnames }}
{{- else -}}
{{- $tls := include "scim-operator.tlsSecretName" . -}}
{{- $port := include "scim-operator.servicePort" . -}}
{{ $tls | empty | ternary "http" "https" }}://scim-server.{{ .Release.Namespace }}.svc{{ if ne $port ($tls | empty | ternary "80" "443") }}:{{ $port }}{{ end }}
{{- end -}}
{{- end }}

{{/* The Secret with the certificate of scim-server; empty where it speaks plain HTTP. */}}
{{- define "scim-operator.tlsSecretName" -}}
{{- with .Values.server.tls -}}
{{ .secretName | default (.certManager.enabled | ternary "scim-server-tls" "") }}
{{- end -}}
{{- end }}

{{/* The port of the Service. */}}
{{- define "scim-operator.servicePort" -}}
{{ int .Values.service.port | default (include "scim-operator.tlsSecretName" . | empty | ternary 80 443) }}
{{- end }}

{{/* The flag that both programs share. */}}
{{- define "scim-operator.namespacesFlag" -}}
{{- with .Values.watchNamespaces }}
- --namespaces={{ join "," . }}
{{- end }}
{{- end }}

{{/* The image of a program. Call with (dict "root" $ "image" .Values.server.image). */}}
{{- define "scim-operator.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* What both pods have in common, Pod Security "restricted" first. Call with (dict "root" $ "component" … "program" .Values.server). */}}
{{- define "scim-operator.podSpec" -}}
serviceAccountName: {{ .program.serviceAccountName }}
automountServiceAccountToken: true
# Addresses of Services in the environment are of no use here.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .program.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .program.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "scim-operator.selectorLabels" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{/* What both containers have in common: image, rights, resources. Same arguments as podSpec. */}}
{{- define "scim-operator.container" -}}
image: {{ include "scim-operator.image" (dict "root" .root "image" .program.image) }}
imagePullPolicy: {{ .program.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- with .program.goMemLimit }}
env:
  - name: GOMEMLIMIT
    value: {{ . }}
{{- end }}
{{- with .program.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
livenessProbe:
  httpGet:
    path: /healthz
    port: health
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{/* Gives a ServiceAccount a ClusterRole in some namespaces, or everywhere where the namespace is empty.
     Call with (dict "root" $ "component" "scim-server" "serviceAccountName" … "role" … "namespaces" (list …)). */}}
{{- define "scim-operator.binding" -}}
{{- $call := . -}}
{{- range .namespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ . | empty | ternary "ClusterRoleBinding" "RoleBinding" }}
metadata:
  name: {{ $call.role }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "scim-operator.labels" $call | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $call.role }}
subjects:
  - kind: ServiceAccount
    name: {{ $call.serviceAccountName }}
    namespace: {{ $call.root.Release.Namespace }}
{{- end }}
{{- end }}

{{/* The rules that controller-gen wrote from the markers in the code: those about Secrets, or all others.
     Call with (dict "root" $ "component" … "secrets" true). */}}
{{- define "scim-operator.generatedRules" -}}
{{- $path := printf "files/rbac/%s.yaml" .component -}}
{{- $role := .root.Files.Get $path | fromYaml -}}
{{- $about := .secrets -}}
{{- $rules := list -}}
{{- range $role.rules -}}
{{- if and (has "secrets" .resources) (gt (len .resources) 1) }}{{ fail (printf "%s: a rule about Secrets and something else cannot be bound apart" $path) }}{{ end -}}
{{- if eq (has "secrets" .resources) $about }}{{ $rules = append $rules . }}{{ end -}}
{{- end -}}
{{- if not $rules }}{{ fail (printf "%s holds no rules: run make generate" $path) }}{{ end -}}
{{ toYaml $rules }}
{{- end }}

{{/* Where the API server is, as an entry of "egress" of a NetworkPolicy. */}}
{{- define "scim-operator.apiServerEgress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - port: {{ int . }}
    {{- end }}
  {{- with .Values.networkPolicy.apiServerCIDRs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
  {{- end }}
{{- end }}

{{/* What may enter a pod beside its own trade: probes of the kubelet, and Prometheus. Call with (dict "root" $ "metrics" true). */}}
{{- define "scim-operator.healthIngress" -}}
- ports:
    - port: health
{{- if .metrics }}
- ports:
    - port: metrics
  {{- with .root.Values.networkPolicy.metricsFrom }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
