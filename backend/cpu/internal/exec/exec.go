// Package exec compiles an ir.Func to a Program: fused element-wise loops and kernel calls in a
// fixed order, over memory planned beforehand.
//
// A Program may run concurrently with itself: every run takes a Frame (arena, scratch and
// pointers) from a free list, or makes one. Kernels split work into parts of a fixed size, so
// results have the same bits for any number of threads.
package exec

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm8"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/product"
	"foresee/backend/cpu/internal/profile"
)

// step is one kernel call.
type step struct {
	flow.Step
	op    string
	shape string // for people
	flop  int64
	loop  *ewise     // of a fused loop
	row   *gemm.Args // of a product that may be in a chain
	start start      // if it can be done entry by entry
	batch *batch     // of steps that are
	early bool       // a copy that reorder moves
	late  bool       // a gradient that reorder moves
	run   func(f *Frame)
}

// Machine is what all programs of a backend share: the threads and the matrix products on them.
type Machine struct {
	Pool *pool.Pool
	Gemm *gemm.Engine
	// Serial multiplies on the caller's thread, for kernels that are parallel themselves.
	Serial *gemm.Engine
	// Bytes multiplies int8, and SerialBytes on the caller's thread.
	Bytes, SerialBytes *gemm8.Engine
	// Products chooses between Gemm and integers of 16 bits.
	Products product.Engines
	// Batches are the limits of what is done entry by entry.
	Batches flow.Limits
	// Profile times the steps of all programs.
	Profile profile.Profile
}

// NewMachine starts a machine of the given number of threads, at least 1. With shorts it takes large products of float32 by
// way of 16-bit integers.
func NewMachine(threads int, shorts bool) *Machine {
	p := pool.New(threads)
	m := &Machine{Pool: p, Gemm: gemm.New(p), Serial: gemm.New(nil), Bytes: gemm8.New(p), SerialBytes: gemm8.New(nil), Batches: flow.DefaultLimits()}
	m.Products = product.New(p, m.Gemm, m.Serial, shorts)
	return m
}

// Program is a compiled function. It is safe for concurrent use.
type Program struct {
	*Machine
	name    string
	stores  flow.Stores
	steps   []step
	params  []int // storage of each parameter, captures of a closure last
	results []int // storage of each result
	views   []int // views that move with a parameter or result
	arena   int   // bytes
	scratch int   // bytes per worker
	donors  flow.Donors
	Profile profile.Profile // of this program alone

	mu   sync.Mutex
	free []*Frame // guarded by mu
}

// Frame is the memory of one run.
type Frame struct {
	prog    *Program
	pool    *pool.Pool
	p       []unsafe.Pointer // by storage number
	arena   []byte
	work    [][]byte // scratch by worker
	gemm    gemm.Args
	factors []gemm.Factor
	loops   loopsJob
	split   splitJob
	batch   batchJob
}

const alignment = 64

// Aligned returns n bytes that begin on a cache line.
func Aligned(n int) []byte {
	raw := make([]byte, n+alignment)
	off := int(-uintptr(unsafe.Pointer(&raw[0])) % alignment)
	return raw[off : off+n : off+n]
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

var nothing [alignment]byte // what zero-sized storage points at

func (p *Program) takeFrame() *Frame {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		f := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return f
	}
	p.mu.Unlock()
	return p.newFrame()
}

func (p *Program) newFrame() *Frame {
	f := &Frame{prog: p, pool: p.Pool, p: make([]unsafe.Pointer, len(p.stores))}
	f.arena = Aligned(p.arena + alignment)
	for i := range p.stores {
		switch s := &p.stores[i]; s.Kind {
		case flow.Arena:
			f.p[i] = unsafe.Pointer(&f.arena[s.Offset])
		case flow.Const:
			f.p[i] = unsafe.Pointer(unsafe.SliceData(s.Data))
		}
		if p.stores[i].Bytes == 0 {
			f.p[i] = unsafe.Pointer(&nothing)
		}
	}
	for i := range p.stores {
		if s := &p.stores[i]; s.Kind == flow.View && f.p[s.Root] != nil {
			f.p[i] = unsafe.Add(f.p[s.Root], s.Offset)
		}
	}
	if p.scratch > 0 {
		f.work = make([][]byte, p.Pool.Threads())
		for i := range f.work {
			f.work[i] = Aligned(p.scratch)
		}
	}
	f.loops.f, f.split.f, f.batch.f = f, f, f
	return f
}

// Run executes the program. in points at the parameters (a closure's captures last), out at
// memory for the results; a result may be the memory of a parameter only as Donate says.
func (p *Program) Run(in, out []unsafe.Pointer) {
	f := p.takeFrame()
	for i, id := range p.params {
		f.p[id] = in[i]
	}
	for i, id := range p.results {
		f.p[id] = out[i]
	}
	for _, id := range p.views {
		s := &p.stores[id]
		f.p[id] = unsafe.Add(f.p[s.Root], s.Offset)
	}
	if p.Profile.On() || p.Machine.Profile.On() {
		p.runTimed(f)
	} else {
		for i := range p.steps {
			p.steps[i].run(f)
		}
	}
	for _, id := range p.params {
		f.p[id] = nil
	}
	for _, id := range p.results {
		f.p[id] = nil
	}
	for _, id := range p.views {
		f.p[id] = nil
	}
	p.mu.Lock()
	p.free = append(p.free, f)
	p.mu.Unlock()
}

func (p *Program) runTimed(f *Frame) {
	var times []time.Duration
	var kernels []*step
	for i := range p.steps {
		s := &p.steps[i]
		if s.batch != nil {
			times = append(times, s.batch.runTimed(f)...)
			for k := range s.batch.steps {
				kernels = append(kernels, &s.batch.steps[k])
			}
			continue
		}
		start := time.Now()
		s.run(f)
		times, kernels = append(times, time.Since(start)), append(kernels, s)
	}
	describe := func(i int) profile.StepTime {
		s := kernels[i]
		return profile.StepTime{Graph: p.name, Kernel: s.op, Shape: s.shape, FLOP: s.flop, Bytes: int64(p.stores.Bytes(s.Touched()))}
	}
	p.Profile.Add(p, times, describe)
	p.Machine.Profile.Add(p, times, describe)
}

// splitJob runs a function over [0, n) in parts of a fixed size.
type splitJob struct {
	f        *Frame
	n, grain int
	do       func(worker, lo, hi int)
}

// Part implements pool.Job.
func (j *splitJob) Part(worker, i int) {
	j.do(worker, i*j.grain, min(j.n, (i+1)*j.grain))
}

// parallel calls do for consecutive parts of [0, n), each of grain elements but the last.
func (f *Frame) parallel(n, grain int, do func(worker, lo, hi int)) {
	grain = max(grain, 1)
	if n <= grain {
		if n > 0 {
			do(0, 0, n)
		}
		return
	}
	j := &f.split
	j.n, j.grain, j.do = n, grain, do
	f.pool.Do((n+grain-1)/grain, j)
	j.do = nil
}

// Compile optimizes and compiles f, whose captures become parameters after its own. f must not be used afterwards.
func Compile(f *ir.Func, m *Machine) (*Program, error) {
	if err := Optimize(f, m); err != nil {
		return nil, err
	}
	return compile(f, m)
}

func compile(f *ir.Func, m *Machine) (*Program, error) {
	c := &compiler{prog: &Program{Machine: m, name: f.Name}, fn: f, ids: map[*ir.Value]int{}, needed: map[*ir.Value]bool{}}
	if err := c.lower(); err != nil {
		return nil, fmt.Errorf("cpu: compile %q: %w", f.Name, err)
	}
	c.reorder()
	c.chains()
	c.entryByEntry()
	c.sideBySide()
	c.plan()
	return c.prog, nil
}

// flows returns what steps read and write.
func flows(steps []step) []*flow.Step {
	out := make([]*flow.Step, len(steps))
	for i := range steps {
		out[i] = &steps[i].Step
	}
	return out
}

// plan says where storage lies, and which parameters may become results.
func (c *compiler) plan() {
	p := c.prog
	steps := flows(p.steps)
	p.arena = p.stores.Plan(steps, alignment)
	p.donors = p.stores.Donors(steps, p.params, p.results)
	p.views = p.stores.Moving()
}

// Donate chooses, for each result, the donated parameter whose memory it takes over, or -1. No
// parameter is chosen twice.
func (p *Program) Donate(donated []bool) []int { return p.donors.Choose(donated) }

// Optimize runs the passes over f and the closures in it.
func Optimize(f *ir.Func, m *Machine) error {
	return ir.Optimize(f, func(f *ir.Func) error { return foldConstants(f, m) })
}
