//go:build tools

// Package tools names the managers of Kueue and JobSet, so that `go mod tidy` keeps their dependencies and checksums in
// this module. JobSet's version is the one that Kueue requires.
package tools

import (
	_ "sigs.k8s.io/jobset"
	_ "sigs.k8s.io/kueue/cmd/kueue"
)
