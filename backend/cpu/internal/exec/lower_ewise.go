package exec

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/tuned"
)

// ewiseBuilder assembles the loop of one group.
type ewiseBuilder struct {
	c       *compiler
	e       *ewise
	n       int
	byValue map[*ir.Value]int // register of each value made in the group
	loads   map[string]int    // register of each operand read from memory
	scratch []scratchSlot
	owner   []int // scratch slot of each register, or -1
	lastUse []int // instruction that last reads each register
	inputs  map[int][]int
}

type scratchSlot struct {
	size int // bytes of an element
	thin bool
	busy bool
}

// lowerEwise makes the step of an element-wise group.
func (c *compiler) lowerEwise(g *fusion.Group) error {
	b := &ewiseBuilder{c: c, e: &ewise{n: g.Size, cols: g.Cols}, n: g.Size, byValue: map[*ir.Value]int{}, loads: map[string]int{}, inputs: map[int][]int{}}
	s := step{op: "Fused"}
	switch {
	case len(g.Nodes) == 1:
		s.op = fusion.Name(g.Nodes[0])
	case g.Cols > 0:
		s.op = "FusedRows"
	}
	for _, n := range g.Nodes {
		if err := b.emit(n); err != nil {
			return err
		}
	}
	b.assign()
	for i := range b.e.regs {
		r := &b.e.regs[i]
		if r.store < 0 {
			continue
		}
		if b.isOutput(i) {
			s.Writes = append(s.Writes, r.store)
		} else {
			s.Reads = append(s.Reads, r.store)
		}
	}
	s.InPlace = b.inPlace()
	e := b.e
	s.loop, s.run = e, newLoops(e).run
	b.inTurns(&s)
	if len(e.regs) > maxRegisters {
		return fmt.Errorf("fused loop of %d registers, at most %d", len(e.regs), maxRegisters)
	}
	c.prog.steps = append(c.prog.steps, s)
	return nil
}

// emit appends the instructions of n.
func (b *ewiseBuilder) emit(n *ir.Node) error {
	out := n.Out[0]
	d := n.In[0].DType()
	if done, err := b.emitScalar(n); done || err != nil {
		return err
	}
	if done, err := b.emitRows(n); done || err != nil {
		return err
	}
	in := make([]int, len(n.In))
	for i, v := range n.In {
		in[i] = b.operand(v, out.Dims())
	}
	switch n.Op {
	case compute.OpTypeWhere:
		return b.code(n, tuned.Select(out.DType()), b.result(out), in...)
	case compute.OpTypeFusedGelu:
		return b.code(n, tuned.GELU(n.Attr.(ir.GELU).Slope), b.result(out), in...)
	case compute.OpTypeConvertDType:
		return b.code(n, tuned.Convert(d, out.DType()), b.result(out), in...)
	case compute.OpTypeClamp: // min, x, max
		low := b.register(register{store: -1, size: out.DType().Size(), thin: b.thin(out)})
		if err := b.code(n, tuned.Binary(compute.OpTypeMax, d), low, in[0], in[1]); err != nil {
			return err
		}
		return b.code(n, tuned.Binary(compute.OpTypeMin, d), b.result(out), low, in[2])
	}
	if len(in) == 1 {
		return b.code(n, tuned.Unary(n.Op, d), b.result(out), in...)
	}
	return b.code(n, tuned.Binary(n.Op, d), b.result(out), in...)
}

// emitScalar appends n if it is a float32 operation of a vector and a single element from memory.
func (b *ewiseBuilder) emitScalar(n *ir.Node) (bool, error) {
	if len(n.In) != 2 || n.In[0].DType() != dtypes.Float32 || n.Out[0].DType() != dtypes.Float32 {
		return false, nil
	}
	for side, v := range n.In {
		u := fusion.Base(b.c.fn, v)
		if b.c.isBroadcast(u) && fusion.Base(b.c.fn, u.Node.In[0]).Size() == 1 {
			u = fusion.Base(b.c.fn, u.Node.In[0])
		}
		k := tuned.Scalar(n.Op, side == 0)
		if _, mine := b.byValue[u]; mine || u.Size() != 1 || k == nil || b.n == 1 && fusion.Base(b.c.fn, n.In[1-side]).Size() == 1 && side == 0 {
			continue
		}
		x := b.operand(n.In[1-side], n.Out[0].Dims())
		id := b.c.id(u)
		key := fmt.Sprint("one ", id)
		s, ok := b.loads[key]
		if !ok {
			s = b.load(key, register{store: id, size: 4, fixed: true})
		}
		return true, b.code(n, k, b.result(n.Out[0]), x, s)
	}
	return false, nil
}

func (b *ewiseBuilder) code(n *ir.Node, k ops.Kernel, dst int, in ...int) error {
	if k == nil {
		return unsupported(n)
	}
	c := instruction{kernel: k, dst: dst, a: -1, b: -1, c: -1}
	if b.e.regs[dst].thin {
		c.over = overRows
	}
	for i, to := range []*int{&c.a, &c.b, &c.c} {
		if i < len(in) {
			*to = in[i]
			b.lastUse[in[i]] = len(b.e.code)
		}
	}
	b.lastUse[dst] = max(b.lastUse[dst], len(b.e.code))
	b.e.code = append(b.e.code, c)
	return nil
}

func (b *ewiseBuilder) register(r register) int {
	b.e.regs = append(b.e.regs, r)
	b.owner = append(b.owner, -1)
	b.lastUse = append(b.lastUse, -1)
	return len(b.e.regs) - 1
}

// result makes the register of a value: its memory if it is needed, else scratch.
func (b *ewiseBuilder) result(v *ir.Value) int {
	r := register{store: -1, size: v.DType().Size(), thin: b.thin(v)}
	if b.c.needed[v] {
		r.store, r.step = b.c.out(v), r.size
	}
	i := b.register(r)
	b.byValue[v] = i
	return i
}

// operand returns the register through which the loop, shaped dims, reads v.
func (b *ewiseBuilder) operand(v *ir.Value, dims []int) int {
	n := ops.Product(dims)
	u := fusion.Source(b.c.fn, v, n)
	if i, ok := b.byValue[u]; ok {
		if b.e.regs[i].thin && n == b.n {
			return b.spread(i)
		}
		return i
	}
	p := fusion.Pattern{Dims: []int{n}, Strides: []int{1}}
	if u != fusion.Base(b.c.fn, v) || v.Size() != n {
		p = fusion.Reading(b.c.fn, v, dims)
	}
	if len(p.Dims) == 0 {
		p = fusion.Pattern{Dims: []int{n}, Strides: []int{1}, At: p.At}
	}
	if n == b.n && b.e.cols > 0 && u.DType() == dtypes.Float32 && fusion.RepeatsRows(p, b.e.cols) {
		return b.spread(b.thinOperand(u))
	}
	thin := n != b.n
	key := fmt.Sprint(b.c.id(u), p, thin)
	if i, ok := b.loads[key]; ok {
		return i
	}
	r := register{store: b.c.id(u), size: u.DType().Size(), thin: thin}
	if p.Direct() && p.At == 0 {
		r.step = r.size
	} else {
		r.from = &p
	}
	return b.load(key, r)
}

func (b *ewiseBuilder) load(key string, r register) int {
	i := b.register(r)
	b.loads[key] = i
	b.inputs[r.store] = append(b.inputs[r.store], i)
	return i
}

func (b *ewiseBuilder) isOutput(i int) bool {
	for _, c := range b.e.code {
		if c.dst == i {
			return true
		}
	}
	return false
}

// assign chooses the block size and gives scratch registers their places.
func (b *ewiseBuilder) assign() {
	e := b.e
	write := make([]int, len(e.regs))
	for k, c := range e.code {
		write[c.dst] = k
	}
	var hoisted, loaded []int
	for i := range e.regs {
		if r := &e.regs[i]; r.from != nil {
			if r.from.Scalar() {
				hoisted = append(hoisted, i)
			} else {
				loaded = append(loaded, i)
			}
		}
	}
	for _, i := range slices.Concat(hoisted, loaded) {
		b.slot(i)
	}
	for k, c := range e.code {
		// An operand read for the last time gives its place to the result.
		for _, i := range []int{c.a, c.b, c.c} {
			if i >= 0 && b.owner[i] >= 0 && b.lastUse[i] == k && e.regs[i].from == nil {
				b.scratch[b.owner[i]].busy = false
			}
		}
		if r := &e.regs[c.dst]; r.store < 0 && b.owner[c.dst] < 0 {
			b.slot(c.dst)
		}
	}
	b.chooseBlock()
	b.tile(&hoisted, &loaded)
	e.once, e.load = hoisted, loaded
	at := 0
	place := make([]int, len(b.scratch))
	for i, s := range b.scratch {
		place[i] = at
		at += roundUp(s.size*e.count(&register{thin: s.thin}, e.block), alignment)
	}
	for i := range e.regs {
		if b.owner[i] >= 0 {
			e.regs[i].at = place[b.owner[i]]
		}
	}
	b.c.prog.scratch = max(b.c.prog.scratch, at, alignment)
	e.chunk = e.block * max(1, (1<<15)/e.block/max(1, len(e.code)/4))
}

// chooseBlock lets what a block touches fit in the first-level cache, or takes a single row.
func (b *ewiseBuilder) chooseBlock() {
	e := b.e
	bytes := 0
	for _, s := range b.scratch {
		if !s.thin {
			bytes += s.size
		}
	}
	for _, r := range e.regs {
		if !r.thin {
			bytes += r.step
		}
	}
	e.block = max(256, min(2048, (24<<10)/max(1, bytes)/64*64))
	if e.cols > 0 {
		e.block = max(e.cols, e.block/e.cols*e.cols)
	}
}

// tile makes the block a multiple of the period of repeated rows that fit in it, so that they
// are laid out once and not for every block.
func (b *ewiseBuilder) tile(hoisted, loaded *[]int) {
	e := b.e
	period := max(1, e.cols)
	for _, i := range *loaded {
		if p := b.period(i); p > 0 && lcm(period, p) <= e.block {
			period = lcm(period, p)
		}
	}
	e.block = e.block / period * period
	var rest []int
	for _, i := range *loaded {
		if p := b.period(i); p > 0 && period%p == 0 {
			*hoisted = append(*hoisted, i)
		} else {
			rest = append(rest, i)
		}
	}
	*loaded, e.period = rest, period
}

// period returns the period of a wide loaded register, or 0.
func (b *ewiseBuilder) period(i int) int {
	if r := &b.e.regs[i]; !r.thin {
		return r.from.Period()
	}
	return 0
}

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// slot gives a register scratch of its element size.
func (b *ewiseBuilder) slot(i int) {
	size, thin := b.e.regs[i].size, b.e.regs[i].thin
	for s := range b.scratch {
		if !b.scratch[s].busy && b.scratch[s].size == size && b.scratch[s].thin == thin {
			b.scratch[s].busy, b.owner[i] = true, s
			return
		}
	}
	b.scratch = append(b.scratch, scratchSlot{size, thin, true})
	b.owner[i] = len(b.scratch) - 1
}

// inPlace pairs outputs with inputs they may overwrite: read directly, only there, and for the
// last time no later than the output is written.
func (b *ewiseBuilder) inPlace() [][2]int {
	e := b.e
	var out [][2]int
	for k, c := range e.code {
		w := &e.regs[c.dst]
		if w.store < 0 {
			continue
		}
		for i, r := range e.regs {
			if r.step == 0 || r.store < 0 || b.isOutput(i) || r.size != w.size || r.thin != w.thin || b.lastUse[i] > k {
				continue
			}
			if b.readers(r.store) == 1 {
				out = append(out, [2]int{w.store, r.store})
			}
		}
	}
	return out
}

// readers counts the registers that read the memory of a storage, views into it included.
func (b *ewiseBuilder) readers(store int) int {
	n := 0
	for id, regs := range b.inputs {
		if b.c.prog.stores.Root(id) == b.c.prog.stores.Root(store) {
			n += len(regs)
		}
	}
	return n
}

// inTurns lets the loop be run for some entries of the first axis, of which each is whole periods.
func (b *ewiseBuilder) inTurns(s *step) {
	e := b.e
	entries := &flow.Entries{Fits: func(n int) bool { return e.n%n == 0 && e.n/n%e.period == 0 }}
	for i := range e.regs {
		r := &e.regs[i]
		switch {
		case r.store < 0:
		case r.step > 0 && b.c.prog.stores[r.store].Bytes == e.count(r, e.n)*r.size:
		case b.isOutput(i):
			return
		default:
			entries.Whole = append(entries.Whole, r.store)
		}
	}
	s.Entries = entries
	s.start = func(_ *compiler, b *flow.Batch) (func(f *Frame) turns, []int) {
		each := e.n / b.N
		return func(f *Frame) turns {
			return turns{do: func(t conv.Turn) { e.part(f, t.Worker, t.Lo*each, t.Hi*each) }}
		}, nil
	}
}
