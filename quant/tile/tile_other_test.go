//go:build !amd64

package tile

import "testing"

// kernelSet is a choice among the kernels.
type kernelSet struct{ name string }

func kernelSets() []kernelSet { return nil }

func (kernelSet) use(*testing.T) {}
