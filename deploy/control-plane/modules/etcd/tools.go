//go:build tools

// Package tools names the etcd server, so that `go mod tidy` keeps its dependencies and checksums
// in this module.
package tools

import _ "go.etcd.io/etcd/server/v3"
