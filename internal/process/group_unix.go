//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// groupKill gives the child a process group of its own and kills all of it:
// make's compilers would outlive make, Yosys's ABC would outlive Yosys.
func groupKill(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
