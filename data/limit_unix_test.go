//go:build unix

package data_test

import (
	"os/signal"
	"strconv"
	"syscall"
)

// limitFileSize makes files of this process fail to grow beyond so many bytes,
// as they do on a full disk; an empty text means no limit.
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
