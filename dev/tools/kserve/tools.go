//go:build tools

// Package tools names KServe's controller, so that go.mod and go.sum pin it and all it needs.
package tools

import _ "github.com/kserve/kserve/cmd/manager"
