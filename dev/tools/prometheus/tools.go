//go:build tools

// Package tools names the metrics server of the cluster and the tool that tests its rules, so that go.mod and go.sum
// pin them and all they need.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
