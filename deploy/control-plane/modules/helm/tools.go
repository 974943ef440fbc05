//go:build tools

// Package tools names helm, which lints and installs the chart, so that `go mod tidy` keeps its dependencies and
// checksums in this module.
package tools

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
