//go:build !unix

package importer

import (
	"os"
	"syscall"
)

// ownGroup asks for nothing: there are no process groups here.
func ownGroup() *syscall.SysProcAttr { return nil }

// killGroup ends a process.
func killGroup(p *os.Process) error { return p.Kill() }
