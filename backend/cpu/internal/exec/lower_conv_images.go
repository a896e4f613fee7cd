package exec

import (
	"unsafe"

	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// convPasses are the passes by role: a name, and the floats of scratch memory.
var convPasses = [...]struct {
	name   string
	floats func(s conv.Shape, c conv.Crew) int
}{
	ir.ConvForward: {"ConvForward", conv.ForwardWorkspace},
	ir.ConvData:    {"ConvData", conv.BackwardDataWorkspace},
	ir.ConvWeights: {"ConvWeights", conv.BackwardWeightsWorkspace},
}

// fastConv is a pass of package conv in a program.
type fastConv struct {
	conv.Shape
	role           ir.ConvRole
	relu           bool
	bias, residual func(f *Frame) []float32
	in, ker, out   int // sizes of what is read first and second, and of what is written
}

// operands are the memory of what is read first and second, of what is written, and scratch.
type operands [4]unsafe.Pointer

func (v *fastConv) forward(f *Frame, p operands, floats int) conv.ForwardArgs {
	return conv.ForwardArgs{X: ops.Of[float32](p[0], v.in), W: ops.Of[float32](p[1], v.ker), Y: ops.Of[float32](p[2], v.out),
		Bias: v.bias(f), Residual: v.residual(f), ReLU: v.relu, Workspace: ops.Of[float32](p[3], floats)}
}

func (v *fastConv) data(p operands, floats int) conv.DataArgs {
	return conv.DataArgs{DY: ops.Of[float32](p[0], v.in), W: ops.Of[float32](p[1], v.ker), DX: ops.Of[float32](p[2], v.out),
		Workspace: ops.Of[float32](p[3], floats)}
}

func (v *fastConv) weights(p operands, floats int) conv.WeightArgs {
	return conv.WeightArgs{X: ops.Of[float32](p[0], v.in), DY: ops.Of[float32](p[1], v.ker), DW: ops.Of[float32](p[2], v.out),
		Workspace: ops.Of[float32](p[3], floats)}
}

// run does the pass for all images.
func (v *fastConv) run(f *Frame, p operands, floats int) {
	switch v.role {
	case ir.ConvForward:
		conv.Forward(f.pool, v.Shape, v.forward(f, p, floats))
	case ir.ConvData:
		conv.BackwardData(f.pool, v.Shape, v.data(p, floats))
	case ir.ConvWeights:
		conv.BackwardWeights(f.pool, v.Shape, v.weights(p, floats))
	}
}

// inTurns lets the pass be done image by image. A pass other than a weight gradient reads all of whole for each image.
func (v *fastConv) inTurns(s *step, whole []int) {
	if min(v.in, v.ker, v.out) == 0 {
		return
	}
	x, w, o := s.Reads[0], s.Reads[1], s.Writes[0]
	s.Entries = &flow.Entries{N: v.N, Fetch: true, Whole: whole}
	if v.role == ir.ConvWeights {
		s.Entries.Whole, s.Entries.Sums = nil, []int{o}
	}
	s.start = func(c *compiler, b *flow.Batch) (func(f *Frame) turns, []int) {
		crew := conv.Crew{Threads: c.prog.Pool.Threads(), Parts: b.Parts}
		floats := convPasses[v.role].floats(v.Shape, crew)
		work := c.temp(4 * floats)
		return func(f *Frame) turns {
			p := operands{f.p[x], f.p[w], f.p[o], f.p[work]}
			switch v.role {
			case ir.ConvForward:
				return imageTurns(conv.ForwardImages(v.Shape, crew, v.forward(f, p, floats)))
			case ir.ConvData:
				return imageTurns(conv.DataImages(v.Shape, crew, v.data(p, floats)))
			}
			j := conv.WeightImages(v.Shape, crew, v.weights(p, floats))
			return turns{
				do:  j.Add,
				end: func() { j.Finish(f.pool) },
			}
		}, []int{work}
	}
}

// inTurns lets a pass over n images without weights be done image by image.
func inTurns(s *step, n int, job func(f *Frame) conv.ImageJob) {
	s.Entries = &flow.Entries{N: n}
	s.start = func(*compiler, *flow.Batch) (func(f *Frame) turns, []int) {
		return func(f *Frame) turns { return imageTurns(job(f)) }, nil
	}
}

func imageTurns(j conv.ImageJob) turns {
	return turns{do: j.Images}
}
