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
{{- else -}}
http://scim-server.{{ .Release.Namespace }}.svc{{ if ne (int .Values.service.port) 80 }}:{{ int .Values.service.port }}{{ end }}
{{- end -}}
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

{{/* Gives a ServiceAccount a ClusterRole: everywhere, or in the watched namespaces only.
     Call with (dict "root" $ "component" "scim-server" "serviceAccountName" …); the ClusterRole has the component's name. */}}
{{- define "scim-operator.binding" -}}
{{- $ := .root -}}
{{- $call := . -}}
{{- range $.Values.watchNamespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ . | empty | ternary "ClusterRoleBinding" "RoleBinding" }}
metadata:
  name: {{ $call.component }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "scim-operator.labels" $call | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $call.component }}
subjects:
  - kind: ServiceAccount
    name: {{ $call.serviceAccountName }}
    namespace: {{ $.Release.Namespace }}
{{- end }}
{{- end }}

{{/* The rules that controller-gen wrote from the markers in the code. Call with (dict "root" $ "component" …). */}}
{{- define "scim-operator.generatedRules" -}}
{{- $path := printf "files/rbac/%s.yaml" .component -}}
{{- $role := .root.Files.Get $path | fromYaml -}}
{{- if not $role.rules }}{{ fail (printf "%s holds no rules: run make generate" $path) }}{{ end -}}
{{ toYaml $role.rules }}
{{- end }}
