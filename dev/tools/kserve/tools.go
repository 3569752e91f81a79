//go:build tools

// Package tools names KServe's controller and its agent, so that go.mod and go.sum pin them and all they need.
package tools

import (
	_ "github.com/kserve/kserve/cmd/agent"
	_ "github.com/kserve/kserve/cmd/manager"
)
