//go:build tools

// Package tools names the installer of charts, so that go.mod and go.sum pin it and all it needs.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
