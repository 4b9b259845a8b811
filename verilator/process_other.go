//go:build !unix

package verilator

import "os/exec"

// groupKill leaves the default: only the child itself is killed.
func groupKill(*exec.Cmd) {}
