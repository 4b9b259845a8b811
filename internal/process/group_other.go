//go:build !unix

package process

import "os/exec"

// groupKill leaves the default: only the child itself is killed.
func groupKill(*exec.Cmd) {}
