//go:build tools

// Package tools names kwok (fake nodes) and kwokctl (cluster lifecycle), so that `go mod tidy` keeps
// their dependencies and checksums in this module.
package tools

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
	_ "sigs.k8s.io/kwok/cmd/kwokctl"
)
