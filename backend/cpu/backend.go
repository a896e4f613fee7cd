package cpu

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/exec"
)

// Name is the name the backend is registered under.
const Name = "cpu"

func init() {
	compute.Register(Name, func(config string) (compute.Backend, error) { return New(config) })
}

// Backend implements compute.Backend. Its methods may be called from any goroutine.
type Backend struct {
	machine   *exec.Machine
	memory    memory
	finalized atomic.Bool
}

// New returns a backend. config is empty or "threads=N", the number of threads that one
// execution uses, at least 1; the default is GOMAXPROCS.
func New(config string) (*Backend, error) {
	threads := runtime.GOMAXPROCS(0)
	if config != "" {
		value, ok := strings.CutPrefix(config, "threads=")
		n, err := strconv.Atoi(value)
		if !ok || err != nil || n < 1 {
			return nil, fmt.Errorf("cpu: unknown configuration %q, want \"threads=N\"", config)
		}
		threads = n
	}
	return &Backend{machine: exec.NewMachine(threads)}, nil
}

// Name implements compute.Backend.
func (b *Backend) Name() string { return Name }

// String implements compute.Backend.
func (b *Backend) String() string { return Name }

// Description implements compute.Backend.
func (b *Backend) Description() string {
	return fmt.Sprintf("foresee CPU backend, %d threads", b.machine.Pool.Threads())
}

// NumDevices is 1.
func (b *Backend) NumDevices() int { return 1 }

// DeviceDescription implements compute.Backend.
func (b *Backend) DeviceDescription(compute.DeviceNum) string {
	return fmt.Sprintf("%s/%s, %d threads", runtime.GOOS, runtime.GOARCH, b.machine.Pool.Threads())
}

// Builder implements compute.Backend.
func (b *Backend) Builder(name string) compute.Builder { return newBuilder(b, name) }

// Finalize stops the worker threads and frees pooled memory. Executions in progress end first.
func (b *Backend) Finalize() {
	if !b.finalized.Swap(true) {
		b.machine.Pool.Close()
		b.memory.clear()
	}
}

// IsFinalized says whether Finalize was called.
func (b *Backend) IsFinalized() bool { return b.finalized.Load() }
