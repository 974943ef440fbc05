//go:build tools

// Package tools names the Kubernetes programs that the control plane is built from, so that
// `go mod tidy` keeps their dependencies and checksums in this module.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
