package cpu

import (
	"fmt"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu/internal/exec"
	"foresee/backend/cpu/internal/profile"
)

// Executable implements compute.Executable. It is safe for concurrent use.
type Executable struct {
	backend         *Backend
	prog            *exec.Program
	names           []string
	inputs, outputs []shapes.Shape
	donations       atomic.Pointer[donation] // of the last call
}

// donation is which results take over which inputs, for one choice of donated inputs.
type donation struct {
	donated []bool
	none    bool  // is donated
	donor   []int // per result: the input whose memory it takes, or -1
	spare   []int // donated inputs that no result takes
}

// OpTime is the time spent in one kind of kernel: its name, calls and total time.
type OpTime = profile.OpTime

// Profiler is implemented by the backend, for all its executables, and by each executable.
type Profiler interface {
	// SetProfile starts or stops timing each kernel, and forgets the times so far.
	SetProfile(on bool)
	// Profile returns the times since SetProfile(true), the longest first.
	Profile() []OpTime
}

var _ Profiler = (*Executable)(nil)

// SetProfile implements Profiler.
func (e *Executable) SetProfile(on bool) { e.prog.Profile.Set(on) }

// Profile implements Profiler.
func (e *Executable) Profile() []OpTime { return e.prog.Profile.Times() }

// SetProfile implements Profiler.
func (b *Backend) SetProfile(on bool) { b.machine.Profile.Set(on) }

// Profile implements Profiler.
func (b *Backend) Profile() []OpTime { return b.machine.Profile.Times() }

// Finalize frees the compiled program. Executions in progress end normally.
func (e *Executable) Finalize() { e.prog = nil }

// Inputs implements compute.Executable.
func (e *Executable) Inputs() ([]string, []shapes.Shape) { return e.names, e.inputs }

// Outputs implements compute.Executable.
func (e *Executable) Outputs() []shapes.Shape { return e.outputs }

// fewBuffers are listed on the stack.
const fewBuffers = 32

// Execute implements compute.Executable.
func (e *Executable) Execute(inputs []compute.Buffer, donate []bool, _ compute.DeviceNum) ([]compute.Buffer, error) {
	prog := e.prog
	if prog == nil || e.backend.IsFinalized() {
		return nil, fmt.Errorf("cpu: execute: the executable or its backend was finalized")
	}
	if len(inputs) != len(e.inputs) || donate != nil && len(donate) != len(inputs) {
		return nil, fmt.Errorf("cpu: execute: %d inputs and %d donations, want %d", len(inputs), len(donate), len(e.inputs))
	}
	in, own := make([]unsafe.Pointer, 0, fewBuffers), make([]*Buffer, 0, fewBuffers)
	for i, x := range inputs {
		b, err := e.input(i, x)
		if err != nil {
			return nil, err
		}
		own, in = append(own, b), append(in, b.pointer())
	}
	d := e.donation(donate, own)
	made := make([]Buffer, len(e.outputs))
	for i, k := range d.donor {
		if k >= 0 {
			made[i].data = own[k].data
		}
	}
	for i, yes := range d.donated {
		if yes && own[i].gone.Swap(true) {
			return nil, fmt.Errorf("cpu: execute: input %d is donated twice", i)
		}
	}
	out := make([]unsafe.Pointer, 0, fewBuffers)
	results := make([]compute.Buffer, len(e.outputs))
	for i, shape := range e.outputs {
		b := &made[i]
		b.backend, b.shape = e.backend, shape
		if b.data == nil {
			b.data = e.backend.memory.take(shape.Size() * shape.DType.Size())
		}
		results[i], out = b, append(out, b.pointer())
	}
	prog.Run(in, out)
	e.release(d, own)
	return results, nil
}

// release gives back the memory of donated inputs that no result took.
func (e *Executable) release(d *donation, own []*Buffer) {
	for _, i := range d.spare {
		e.backend.memory.give(own[i].data)
	}
	for i, yes := range d.donated {
		if yes {
			own[i].data = nil
		}
	}
}

func (e *Executable) input(i int, x compute.Buffer) (*Buffer, error) {
	b, ok := x.(*Buffer)
	if !ok || b == nil || b.backend != e.backend {
		return nil, fmt.Errorf("cpu: execute: input %d (%q) is a %T of another backend", i, e.names[i], x)
	}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("cpu: execute: input %d (%q): %w", i, e.names[i], err)
	}
	if !b.shape.Equal(e.inputs[i]) {
		return nil, fmt.Errorf("cpu: execute: input %d (%q) is %s, want %s", i, e.names[i], b.shape, e.inputs[i])
	}
	return b, nil
}

// donation plans what to do with donated inputs, and remembers it for the next call. A buffer
// that is given for another input too is not donated.
func (e *Executable) donation(donate []bool, own []*Buffer) *donation {
	last := e.donations.Load()
	any := slices.Contains(donate, true)
	if !any && last != nil && last.none {
		return last
	}
	want := make([]bool, len(own))
	copy(want, donate)
	if any {
		seen := make(map[*Buffer]int, len(own))
		for _, b := range own {
			seen[b]++
		}
		for i, b := range own {
			want[i] = want[i] && seen[b] == 1
		}
	}
	if last != nil && slices.Equal(last.donated, want) {
		return last
	}
	d := &donation{donated: want, donor: e.prog.Donate(want), none: !slices.Contains(want, true)}
	for i, yes := range want {
		if yes && !slices.Contains(d.donor, i) {
			d.spare = append(d.spare, i)
		}
	}
	e.donations.Store(d)
	return d
}
