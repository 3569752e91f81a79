//go:build tools

// Package tools names the metrics server of the cluster, so that go.mod and go.sum pin it and all it needs.
package tools

import _ "github.com/prometheus/prometheus/cmd/prometheus"
