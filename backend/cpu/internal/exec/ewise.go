package exec

import (
	"unsafe"

	"foresee/backend/cpu/internal/ops"
)

// ewise is a fused element-wise loop: a short program of kernels over registers, run for one
// block of elements after the other. A register is a place in an input or output tensor, or
// scratch that stays in the cache.
type ewise struct {
	n     int // elements
	block int // elements a kernel call handles
	chunk int // elements of a part; a multiple of block
	regs  []register
	code  []instruction
	once  []int // registers filled once per part
	load  []int // registers filled for every block
}

type register struct {
	store int      // of a tensor operand, else -1
	size  int      // bytes of an element
	at    int      // offset of scratch in the worker's memory
	step  int      // bytes the register moves per element: size for a tensor, 0 for scratch
	fixed bool     // a single element of the tensor, used in place
	from  *pattern // how a loaded register reads its tensor
}

type instruction struct {
	kernel  ops.Kernel
	dst     int
	a, b, c int // registers, or -1
}

type ewiseJob struct {
	f *Frame
	e *ewise
}

// Part implements pool.Job.
func (j *ewiseJob) Part(worker, i int) {
	j.e.part(j.f, worker, i*j.e.chunk, min(j.e.n, (i+1)*j.e.chunk))
}

func (e *ewise) run(f *Frame) {
	if e.n <= e.chunk {
		if e.n > 0 {
			e.part(f, 0, 0, e.n)
		}
		return
	}
	f.ewise.e = e
	f.pool.Do((e.n+e.chunk-1)/e.chunk, &f.ewise)
}

const maxRegisters = 128

func (e *ewise) part(f *Frame, worker, lo, hi int) {
	var where [maxRegisters]unsafe.Pointer
	var scratch unsafe.Pointer
	if len(f.work) > 0 {
		scratch = unsafe.Pointer(unsafe.SliceData(f.work[worker]))
	}
	for i := range e.regs {
		switch r := &e.regs[i]; {
		case r.fixed:
			where[i] = f.p[r.store]
		case r.step != 0:
			where[i] = unsafe.Add(f.p[r.store], lo*r.step)
		default:
			where[i] = unsafe.Add(scratch, r.at)
		}
	}
	for _, i := range e.once {
		r := &e.regs[i]
		r.from.fill(where[i], f.p[r.store], 0, min(e.block, e.n), r.size)
	}
	for lo < hi {
		n := min(e.block, hi-lo)
		for _, i := range e.load {
			r := &e.regs[i]
			r.from.fill(where[i], f.p[r.store], lo, n, r.size)
		}
		for k := range e.code {
			c := &e.code[k]
			c.kernel(where[c.dst], pick(&where, c.a), pick(&where, c.b), pick(&where, c.c), n)
		}
		lo += n
		if lo < hi {
			for i := range e.regs {
				where[i] = unsafe.Add(where[i], n*e.regs[i].step)
			}
		}
	}
}

func pick(where *[maxRegisters]unsafe.Pointer, i int) unsafe.Pointer {
	if i < 0 {
		return nil
	}
	return where[i]
}
