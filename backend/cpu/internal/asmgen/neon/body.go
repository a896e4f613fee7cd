package main

import (
	"fmt"
	"math"
	"slices"
)

// v is a vector register that a body uses; the allocator gives it a real one.
type v int

// step is one instruction of a body.
type step struct {
	out  v
	in   []v
	tied bool // the instruction changes its first input: that is out
	emit func(out int, in []int) string
}

// body is straight-line code on vectors, the inside of a loop. Its values live in the registers
// from V0 up, each until its last use; what lives for the whole kernel from V31 down. Constants
// take what is left, and are loaded where they are used when nothing is.
type body struct {
	f         *file
	steps     []step
	next      v
	permanent map[v]int    // registers of what lives for the whole kernel
	constants map[v]uint32 // values that are constants
	byBits    map[uint32]v
	order     []v // constants in the order of first use
}

func newBody(f *file) *body {
	return &body{f: f, permanent: map[v]int{}, constants: map[v]uint32{}, byBits: map[uint32]v{}}
}

func (b *body) fresh() v { b.next++; return b.next }

// keep gives a value a register for the whole kernel.
func (b *body) keep() v {
	r := b.fresh()
	b.permanent[r] = 31 - len(b.permanent)
	return r
}

// bits returns a constant that has the pattern in all lanes.
func (b *body) bits(u uint32) v {
	if r, ok := b.byBits[u]; ok {
		return r
	}
	r := b.fresh()
	b.byBits[u], b.constants[r], b.order = r, u, append(b.order, r)
	return r
}

func (b *body) c(f float32) v { return b.bits(math.Float32bits(f)) }

// do adds an instruction with a result.
func (b *body) do(emit func(out int, in []int) string, in ...v) v {
	out := b.fresh()
	b.steps = append(b.steps, step{out: out, in: in, emit: emit})
	return out
}

// tie adds one that changes a copy of its first input, or the input itself if nothing reads it later.
func (b *body) tie(emit func(out int, in []int) string, in ...v) v {
	out := b.do(emit, in...)
	b.steps[len(b.steps)-1].tied = true
	return out
}

// into adds one that writes a kept register.
func (b *body) into(out v, emit func(out int, in []int) string, in ...v) {
	b.steps = append(b.steps, step{out: out, in: in, emit: emit})
}

// effect adds one without a result, such as a store.
func (b *body) effect(emit func(in []int) string, in ...v) {
	b.steps = append(b.steps, step{in: in, emit: func(_ int, in []int) string { return emit(in) }})
}

type (
	three = func(d, n, m int) string
	two   = func(d, n int) string
)

func (b *body) op(f three, n, m v) v {
	return b.do(func(o int, in []int) string { return f(o, in[0], in[1]) }, n, m)
}

func (b *body) op1(f two, n v) v {
	return b.do(func(o int, in []int) string { return f(o, in[0]) }, n)
}

func (b *body) shift(f three, n v, by int) v {
	return b.do(func(o int, in []int) string { return f(o, in[0], by) }, n)
}

// mulAdd is sum + n * m, rounded once; mulSub is sum - n * m.
func (b *body) mulAdd(n, m, sum v) v {
	return b.tie(func(o int, in []int) string { return fmla(o, in[1], in[2]) }, sum, n, m)
}

func (b *body) mulSub(n, m, sum v) v {
	return b.tie(func(o int, in []int) string { return fmls(o, in[1], in[2]) }, sum, n, m)
}

// pick is yes where the mask is set, else no.
func (b *body) pick(mask, yes, no v) v {
	return b.tie(func(o int, in []int) string { return bsl(o, in[1], in[2]) }, mask, yes, no)
}

// horner evaluates c0 + c1 x + ...
func (b *body) horner(x v, cs ...float32) v {
	p := b.c(cs[len(cs)-1])
	for i := len(cs) - 2; i >= 0; i-- {
		p = b.mulAdd(p, x, b.c(cs[i]))
	}
	return p
}

func (b *body) zero() v {
	return b.do(func(o int, _ []int) string { return clear0(o) })
}

// allocate writes the body with as many constants as possible in registers, which the caller
// loads with the text preload before the loop.
func (b *body) allocate() (preload, text []string) {
	for hoisted := len(b.order); ; hoisted-- {
		a := allocation{body: b, regs: map[v]int{}, last: map[v]int{}}
		if text, ok := a.run(hoisted); ok {
			for _, c := range b.order[:hoisted] {
				preload = append(preload, b.load(c, a.regs[c]))
			}
			return preload, text
		}
		if hoisted == 0 {
			panic("neon: too few registers")
		}
	}
}

const constantsBase = "R16"

func (b *body) load(c v, reg int) string {
	return fmt.Sprintf("FMOVQ %d(%s), F%d", b.f.constant(b.constants[c]), constantsBase, reg)
}

// allocation is one attempt to place the values of a body.
type allocation struct {
	*body
	regs map[v]int
	last map[v]int
	free []int
	text []string
	fail bool
}

func (a *allocation) run(hoisted int) ([]string, bool) {
	top := 31 - len(a.permanent)
	for r, reg := range a.permanent {
		a.regs[r] = reg
	}
	for _, c := range a.order[:hoisted] {
		a.regs[c] = top
		top--
	}
	if top < 0 {
		return nil, false
	}
	for i := range top + 1 {
		a.free = append(a.free, i)
	}
	forever := len(a.steps)
	for i, s := range a.steps {
		for _, in := range s.in {
			a.last[in] = i
		}
	}
	for r := range a.regs {
		a.last[r] = forever
	}
	for i, s := range a.steps {
		a.step(i, s)
		if a.fail {
			return nil, false
		}
	}
	return a.text, true
}

func (a *allocation) take() int {
	if len(a.free) == 0 {
		a.fail = true
		return 0
	}
	r := slices.Min(a.free)
	a.give(r)
	a.free = slices.DeleteFunc(a.free, func(x int) bool { return x == r })
	return r
}

func (a *allocation) give(r int) {
	if !slices.Contains(a.free, r) {
		a.free = append(a.free, r)
	}
}

// step places the operands of one instruction and writes it.
func (a *allocation) step(i int, s step) {
	in := make([]int, len(s.in))
	var done []int // registers that nobody reads after this
	copied := -1   // the register of a tied first input, if it is ours to change
	for j, x := range s.in {
		r, ok := a.regs[x]
		if !ok { // a constant without a register
			r = a.take()
			a.text = append(a.text, a.load(x, r))
			if j == 0 && s.tied {
				copied = r
			} else {
				done = append(done, r)
			}
			in[j] = r
			continue
		}
		in[j] = r
		if a.last[x] == i && !slices.Contains(s.in[:j], x) {
			if j == 0 && s.tied && !slices.Contains(s.in[1:], x) {
				copied = r
			} else {
				done = append(done, r)
			}
		}
	}
	out := 0
	if _, ok := a.permanent[s.out]; ok {
		out = a.regs[s.out]
	} else if s.tied {
		if out = copied; out < 0 {
			out = a.take()
			a.text = append(a.text, mov(out, in[0]))
		}
	}
	if s.tied || s.out == 0 || a.permanent[s.out] != 0 {
		a.text = append(a.text, s.emit(out, in))
		for _, r := range done {
			a.give(r)
		}
	} else { // the result may take the place of an input
		for _, r := range done {
			a.give(r)
		}
		out = a.take()
		a.text = append(a.text, s.emit(out, in))
	}
	if s.out != 0 {
		a.regs[s.out] = out
		if _, read := a.last[s.out]; !read {
			panic("neon: a result is never read")
		}
	}
}
