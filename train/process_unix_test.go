//go:build unix

package train_test

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// dieNow ends this process as kill -9 does.
func dieNow() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// limitFileSize makes files fail to grow beyond so many bytes, as they do on a
// full disk; an empty text means no limit.
func limitFileSize(text string) {
	if text == "" {
		return
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		panic(err)
	}
}
