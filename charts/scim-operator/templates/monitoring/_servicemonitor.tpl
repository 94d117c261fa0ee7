{{/* What Prometheus fetches from each pod of a program. Call with (dict "root" $ "component" "scim-server" "program" .Values.server). */}}
{{- define "scim-operator.serviceMonitor" -}}
{{- if .program.metrics.enabled }}
{{- $monitor := .root.Values.metrics.serviceMonitor }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- merge (include "scim-operator.labels" . | fromYaml) $monitor.labels | toYaml | nindent 4 }}
spec:
  # The Service scim-server is of the same labels, but has no such port.
  selector:
    matchLabels:
      {{- include "scim-operator.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: metrics
      interval: {{ $monitor.interval }}
      # Our label "namespace" is that of the ScimDirectory.
      honorLabels: true
{{- end }}
{{- end }}
