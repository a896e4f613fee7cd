package cpu

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/exec"
	"foresee/backend/cpu/internal/gemm16"
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

// New returns a backend. config is empty or has, with commas between them,
//
//   - "threads=N": the number of threads that one execution uses, at least 1; the default is GOMAXPROCS;
//   - "products=float32", the default, or "products=int16": large matrix products of float32 are sums of products of 16-bit
//     integers, exact, of operands that are rounded row by row to about 12 bits; with VNNI large convolutions too, image by
//     image and channel by channel. The processor must have AVX-512 with VNNI, or AVX2 and no AVX-512.
//
// It is an error, of which the text says what to write instead, if config has anything else or the processor lacks that.
func New(config string) (*Backend, error) {
	threads, shorts := runtime.GOMAXPROCS(0), false
	for _, option := range strings.FieldsFunc(config, func(r rune) bool { return r == ',' }) {
		key, value, _ := strings.Cut(option, "=")
		n, err := strconv.Atoi(value)
		switch {
		case key == "threads" && err == nil && n >= 1:
			threads = n
		case option == "products=float32":
		case option == "products=int16" && !gemm16.Fast():
			return nil, fmt.Errorf("cpu: products in int16 need AVX-512 with VNNI, or AVX2 without AVX-512, which this processor lacks; leave %q out", option)
		case option == "products=int16":
			shorts = true
		default:
			return nil, fmt.Errorf("cpu: unknown configuration %q in %q, want \"threads=N\", \"products=float32\" or \"products=int16\"", option, config)
		}
	}
	return &Backend{machine: exec.NewMachine(threads, shorts)}, nil
}

// Name implements compute.Backend.
func (b *Backend) Name() string { return Name }

// String implements compute.Backend.
func (b *Backend) String() string { return Name }

// Description implements compute.Backend.
func (b *Backend) Description() string {
	text := fmt.Sprintf("foresee CPU backend, %d threads", b.machine.Pool.Threads())
	if b.machine.Products.Shorts() {
		text += ", large products by way of 16-bit integers"
	}
	return text
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
