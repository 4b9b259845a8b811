// Package examples holds the specs of the reference networks, so that the
// a2qgen command can train them wherever it is started.
package examples

import "embed"

// Specs holds the YAML specs of this folder under their file names.
//
//go:embed *.yaml
var Specs embed.FS
