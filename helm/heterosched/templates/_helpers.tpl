{{/* Names, labels and security: what every object of the chart has in common. */}}

{{/* An image's name: `root`, `image` (a value with repository, tag, digest), `tag` where the value names none. */}}
{{- define "heterosched.image" -}}
{{- $image := .image -}}
{{- $repository := $image.repository -}}
{{- with .root.Values.imageRegistry -}}
{{- /* A first part with a dot or a colon, or localhost, is a host: the mirror takes its place. */ -}}
{{- $path := regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "" -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $path -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .tag $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "heterosched.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "heterosched.labels" -}}
{{ include "heterosched.selector" . }}
app.kubernetes.io/part-of: heterosched
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "heterosched.selector" -}}
app.kubernetes.io/name: heterosched
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The server's own release: "v1.36.3-gke.100+build" is kube-scheduler v1.36.3. */}}
{{- define "heterosched.serverVersion" -}}
{{- regexFind "^v[0-9]+\\.[0-9]+\\.[0-9]+" .Capabilities.KubeVersion.Version | default .Capabilities.KubeVersion.Version -}}
{{- end -}}

{{/* A pod's priority class: `root`, `name` (a value). */}}
{{- define "heterosched.priority" -}}
{{- if or .name .root.Values.priorityClasses.create }}
priorityClassName: {{ .name | default "heterosched-system" }}
{{- end }}
{{- end -}}

{{- define "heterosched.podSecurity" -}}
runAsNonRoot: true
{{- if not (kindIs "invalid" .Values.runAsUser) }}
runAsUser: {{ int64 .Values.runAsUser }}
runAsGroup: {{ int64 .Values.runAsUser }}
fsGroup: {{ int64 .Values.runAsUser }}
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "heterosched.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What `helm test` makes lives while it runs: no right stays, and a failed test leaves its words in Helm's output. */}}
{{- define "heterosched.testHook" -}}
helm.sh/hook: test
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end -}}
