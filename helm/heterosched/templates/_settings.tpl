{{/* What the programs are told: the content of their ConfigMaps, and the volumes that it speaks of. */}}

{{/* Settings that both programs have. */}}
{{- define "heterosched.commonSettings" -}}
{{- $p := .Values.prometheus -}}
{{- $settings := dict "prometheus_url" $p.url -}}
{{- $files := dict "token" "token" "password" "password" "ca.crt" "ca" "tls.crt" "cert" "tls.key" "key" -}}
{{- range $key := without $p.secretKeys "user" -}}
{{- $_ := set $settings (printf "prometheus_%s_file" (get $files $key)) (printf "/etc/heterosched/prometheus/%s" $key) -}}
{{- end -}}
{{- with $p.nodeLabel }}{{ $_ := set $settings "prometheus_node_label" . }}{{ end -}}
{{- with $p.queries }}{{ $_ := set $settings "prometheus_queries" . }}{{ end -}}
{{- with .Values.namespaces }}{{ $_ := set $settings "namespaces" . }}{{ end -}}
{{- if .Values.devices }}{{ $_ := set $settings "devices_file" "/etc/heterosched/devices.yaml" }}{{ end -}}
{{- toYaml $settings -}}
{{- end -}}

{{- define "heterosched.operatorSettings" -}}
{{- mergeOverwrite (include "heterosched.commonSettings" . | fromYaml) .Values.operator.config | toYaml -}}
{{- end -}}

{{- define "heterosched.extenderSettings" -}}
{{- $own := dict "ops_host" "0.0.0.0" "state_file" "/run/heterosched/alive" "log_format" "json" -}}
{{- if gt (int .Values.scheduler.replicas) 1 }}{{ $_ := set $own "scheduler_lease" (printf "%s/heterosched" .Release.Namespace) }}{{ end -}}
{{- if ne .Values.extender.tls.mode "off" -}}
{{- $folder := "/etc/heterosched/tls" -}}
{{- $own = merge $own (dict "tls_cert_file" (printf "%s/tls.crt" $folder) "tls_key_file" (printf "%s/tls.key" $folder)) -}}
{{- $_ := set $own "tls_client_ca_file" (printf "%s/ca.crt" $folder) -}}
{{- end -}}
{{- mergeOverwrite (include "heterosched.commonSettings" . | fromYaml) $own .Values.extender.config | toYaml -}}
{{- end -}}

{{- define "heterosched.devices" -}}
{{- with .Values.devices }}
devices.yaml: |
  devices: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The user stands in no file: `root`, `program` (OPERATOR or EXTENDER). */}}
{{- define "heterosched.prometheusUser" -}}
{{- if has "user" .root.Values.prometheus.secretKeys }}
- name: HETEROSCHED_{{ .program }}_PROMETHEUS_USER
  valueFrom: {secretKeyRef: {name: {{ .root.Values.prometheus.existingSecret }}, key: user}}
{{- end }}
{{- end -}}

{{- define "heterosched.prometheusVolume" -}}
{{- if .Values.prometheus.existingSecret }}
- name: prometheus
  secret: {secretName: {{ .Values.prometheus.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "heterosched.prometheusMount" -}}
{{- if .Values.prometheus.existingSecret }}
- {name: prometheus, mountPath: /etc/heterosched/prometheus, readOnly: true}
{{- end }}
{{- end -}}

{{- define "heterosched.tlsSecret" -}}
{{- if eq .Values.extender.tls.mode "certManager" }}heterosched-extender-tls{{ else }}{{ .Values.extender.tls.existingSecret }}{{ end -}}
{{- end -}}

{{- define "heterosched.tlsVolume" -}}
{{- if ne .Values.extender.tls.mode "off" }}
- name: tls
  secret: {secretName: {{ include "heterosched.tlsSecret" . }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "heterosched.tlsMount" -}}
{{- if ne .Values.extender.tls.mode "off" }}
- {name: tls, mountPath: /etc/heterosched/tls, readOnly: true}
{{- end }}
{{- end -}}

{{/* How kube-scheduler asks by TLS: of an extender in its configuration. */}}
{{- define "heterosched.verbsTls" -}}
enableHTTPS: true
tlsConfig:
  caFile: /etc/heterosched/tls/ca.crt
  certFile: /etc/heterosched/tls/tls.crt
  keyFile: /etc/heterosched/tls/tls.key
{{- end -}}
