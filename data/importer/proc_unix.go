//go:build unix

package importer

import (
	"os"
	"syscall"
)

// ownGroup starts a process as the leader of its own group.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends a process started with ownGroup and all it started.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
