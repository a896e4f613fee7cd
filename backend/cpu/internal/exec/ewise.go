package exec

import (
	"unsafe"

	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ops"
)

// ewise is a fused element-wise loop: a short program of kernels over registers, run for one
// block of elements after the other. A register is a place in an input or output tensor, or
// scratch that stays in the cache. With cols, a block is whole rows of so many elements, and thin
// registers hold one element a row.
type ewise struct {
	n      int // elements
	cols   int // of a row, or 0
	block  int // elements a kernel call handles, a multiple of cols
	chunk  int // elements of a part; a multiple of block
	period int // a divisor of block: where a part may begin
	regs   []register
	code   []instruction
	once   []int // registers filled once per part
	load   []int // registers filled for every block
}

type register struct {
	store int             // of a tensor operand, else -1
	size  int             // bytes of an element
	at    int             // offset of scratch in the worker's memory
	step  int             // bytes the register moves per element: size for a tensor, 0 for scratch
	fixed bool            // a single element of the tensor, used in place
	thin  bool            // one element a row
	from  *fusion.Pattern // how a loaded register reads its tensor
}

type instruction struct {
	kernel  ops.Kernel
	dst     int
	a, b, c int // registers, or -1
	over    domainKind
}

// domainKind says what one call of an instruction's kernel handles.
type domainKind int8

const (
	overBlock domainKind = iota // all elements of the block
	overRows                    // one element for each row of the block
	overEach                    // one row; the call is made for each
)

// parts is how many parts the loop has, none if it has no element.
func (e *ewise) parts() int { return (e.n + e.chunk - 1) / e.chunk }

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
			where[i] = unsafe.Add(f.p[r.store], e.count(r, lo)*r.step)
		default:
			where[i] = unsafe.Add(scratch, r.at)
		}
	}
	for _, i := range e.once {
		r := &e.regs[i]
		r.from.Fill(where[i], f.p[r.store], 0, e.count(r, min(e.block, e.n)), r.size)
	}
	for lo < hi {
		n := min(e.block, hi-lo)
		for _, i := range e.load {
			r := &e.regs[i]
			r.from.Fill(where[i], f.p[r.store], e.count(r, lo), e.count(r, n), r.size)
		}
		for k := range e.code {
			e.call(&e.code[k], &where, n)
		}
		lo += n
		if lo < hi {
			for i := range e.regs {
				r := &e.regs[i]
				where[i] = unsafe.Add(where[i], e.count(r, n)*r.step)
			}
		}
	}
}

// count returns how many elements of a register stand for n of the loop.
func (e *ewise) count(r *register, n int) int {
	if r.thin {
		return n / e.cols
	}
	return n
}

// call runs one instruction for the n elements of a block.
func (e *ewise) call(c *instruction, where *[maxRegisters]unsafe.Pointer, n int) {
	dst, x, y, z := where[c.dst], pick(where, c.a), pick(where, c.b), pick(where, c.c)
	switch c.over {
	case overBlock:
		c.kernel(dst, x, y, z, n)
	case overRows:
		c.kernel(dst, x, y, z, n/e.cols)
	default:
		dd, dx, dy := e.rowStep(c.dst), e.rowStep(c.a), e.rowStep(c.b) // no such instruction has a third operand
		for range n / e.cols {
			c.kernel(dst, x, y, z, e.cols)
			dst, x, y = unsafe.Add(dst, dd), unsafe.Add(x, dx), unsafe.Add(y, dy)
		}
	}
}

// rowStep returns the bytes from one row of a register to the next.
func (e *ewise) rowStep(i int) int {
	switch {
	case i < 0 || e.regs[i].fixed:
		return 0
	case e.regs[i].thin:
		return e.regs[i].size
	}
	return e.regs[i].size * e.cols
}

func pick(where *[maxRegisters]unsafe.Pointer, i int) unsafe.Pointer {
	if i < 0 {
		return nil
	}
	return where[i]
}
