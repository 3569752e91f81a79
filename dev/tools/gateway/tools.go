//go:build tools

// Package tools names the control plane of the gateway, so that go.mod and go.sum pin it and all it needs.
package tools

import _ "github.com/envoyproxy/gateway/cmd/envoy-gateway"
