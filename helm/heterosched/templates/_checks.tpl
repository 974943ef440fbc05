{{/* What a schema cannot see: values that contradict each other, and what stands in the cluster already. */}}

{{- define "heterosched.checkValues" -}}
{{- $p := .Values.prometheus -}}
{{- if and $p.secretKeys (not $p.existingSecret) -}}
{{- fail "prometheus.secretKeys names keys, but prometheus.existingSecret names no secret: give both or neither." -}}
{{- end -}}
{{- if and $p.existingSecret (not $p.secretKeys) -}}
{{- fail "prometheus.existingSecret names a secret, but prometheus.secretKeys names none of its keys, so nothing of it would be used: name token, user, password, ca.crt, tls.crt or tls.key." -}}
{{- end -}}
{{- if and (has "token" $p.secretKeys) (has "user" $p.secretKeys) -}}
{{- fail "prometheus.secretKeys names token and user: a token or a user with a password, not both." -}}
{{- end -}}
{{- if ne (has "user" $p.secretKeys) (has "password" $p.secretKeys) -}}
{{- fail "prometheus.secretKeys: user and password go together; name both or neither." -}}
{{- end -}}
{{- if and (has "tls.key" $p.secretKeys) (not (has "tls.crt" $p.secretKeys)) -}}
{{- fail "prometheus.secretKeys names tls.key without tls.crt: a key goes with its certificate." -}}
{{- end -}}
{{- /* The address is not repeated: it holds a password, which may have a slash where no port can be. */ -}}
{{- if regexMatch "^https?://([^/]*|[^/\\[]*:[^/]*[^0-9/][^/]*/.*)@" $p.url -}}
{{- fail "prometheus.url carries credentials: put them into a secret under the keys user and password, and name it in prometheus.existingSecret." -}}
{{- end -}}
{{- $tls := .Values.extender.tls -}}
{{- if and (eq $tls.mode "existingSecret") (not $tls.existingSecret) -}}
{{- fail "extender.tls.mode is existingSecret, but extender.tls.existingSecret names none: name a secret with tls.crt, tls.key and ca.crt." -}}
{{- end -}}
{{- if and $tls.existingSecret (ne $tls.mode "existingSecret") -}}
{{- fail (printf "extender.tls.existingSecret names a secret that mode %q does not use: set extender.tls.mode to existingSecret, or leave the secret out." $tls.mode) -}}
{{- end -}}
{{- end -}}

{{/* One release a cluster: names are fixed, and two operators would both act on every HeteroJob. */}}
{{- define "heterosched.checkOnlyOne" -}}
{{- $there := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "heterosched-operator" -}}
{{- if $there -}}
{{- $name := dig "metadata" "annotations" "meta.helm.sh/release-name" "" $there -}}
{{- $namespace := dig "metadata" "annotations" "meta.helm.sh/release-namespace" "" $there -}}
{{- if or (ne $name .Release.Name) (ne $namespace .Release.Namespace) -}}
{{- fail (printf "HeteroSched is installed in this cluster already, as release %q in namespace %q: two operators would both act on every HeteroJob. Upgrade that release, or uninstall it first." $name $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A namespace that is not there would end the installation half-way, at its first Role. An empty list is no answer:
     nobody was asked (`helm template`). Whoever installs may list them, or could not grant it to the operator; the
     release's own namespace may be made by Helm after this. */}}
{{- define "heterosched.checkNamespaces" -}}
{{- if .Values.namespaces -}}
{{- $there := list .Release.Namespace -}}
{{- range (lookup "v1" "Namespace" "" "").items }}{{ $there = append $there .metadata.name }}{{ end -}}
{{- $missing := list -}}
{{- range .Values.namespaces }}{{ if not (has . $there) }}{{ $missing = append $missing . }}{{ end }}{{ end -}}
{{- if and $missing (gt (len $there) 1) -}}
{{- fail (printf "namespaces names %s, not to be found in this cluster, where Roles are to be made. Nothing was installed or changed. Create what is missing first:\n  kubectl create namespace %s\nor leave it out of the value." (join ", " $missing) (join "\n  kubectl create namespace " $missing)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* CRDs that an earlier release left, or kubectl made, are Helm's to change only once they are handed over. */}}
{{- define "heterosched.checkCrds" -}}
{{- $others := list -}}
{{- $from := list -}}
{{- range list "heterojobs" "schedulingpolicies" "throughputprofiles" -}}
{{- $name := printf "%s.heterosched.io" . -}}
{{- $there := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name -}}
{{- if $there -}}
{{- $release := dig "metadata" "annotations" "meta.helm.sh/release-name" "" $there -}}
{{- $namespace := dig "metadata" "annotations" "meta.helm.sh/release-namespace" "" $there -}}
{{- $manager := dig "metadata" "labels" "app.kubernetes.io/managed-by" "" $there -}}
{{- if or (ne $release $.Release.Name) (ne $namespace $.Release.Namespace) (ne $manager "Helm") -}}
{{- $others = append $others $name -}}
{{- $from = append $from (ternary (printf "release %q in namespace %q" $release $namespace) "no release of Helm's" (ne $release "")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $others -}}
{{- $names := join " " $others -}}
{{- fail (printf "%s are in this cluster already and belong to %s. Nothing of them is lost when you hand them over to this release:\n  kubectl label crd %s app.kubernetes.io/managed-by=Helm --overwrite\n  kubectl annotate crd %s meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s --overwrite\nthen repeat the command. Or set crds.install=false where something else keeps them up to date." (join ", " $others) (uniq $from | join " and ") $names $names .Release.Name .Release.Namespace) -}}
{{- end -}}
{{- end -}}
