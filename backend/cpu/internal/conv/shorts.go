package conv

import (
	"unsafe"

	"foresee/backend/cpu/internal/conv16"
	"foresee/backend/cpu/internal/pool"
)

// shortImages is the fewest images of a pass by way of 16-bit integers, which are not cut into bands of rows.
const shortImages = 16

// Rounding pays from so many channels on both sides, and so many products with each value of the image: 2 channels of 65x65
// pixels gain nothing, as their time goes by in writing the results.
const (
	shortInputs  = 8
	shortOutputs = 8
	shortUses    = 64
)

// ShortsPay reports whether Shape.Shorts makes passes faster on this processor.
func ShortsPay() bool { return conv16.Fast() }

func (s Shape) shorts() conv16.Shape {
	return conv16.Shape{N: s.N, H: s.H, W: s.W, Cin: s.Cin, KH: s.KH, KW: s.KW, Cout: s.Cout, StrideH: s.StrideH, StrideW: s.StrideW,
		PadTop: s.PadTop, PadLeft: s.PadLeft, OutH: s.OutH, OutW: s.OutW}
}

// shortForward reports whether a forward pass goes by way of 16-bit integers.
func (s Shape) shortForward() bool {
	return s.Shorts && s.N >= shortImages && s.Cin >= shortInputs && s.Cout >= shortOutputs &&
		s.KH*s.KW*s.Cout >= shortUses*s.StrideH*s.StrideW && s.shorts().Forward()
}

// shortData is shortForward of a data gradient, which needs windows one pixel apart.
func (s Shape) shortData() bool {
	return s.Shorts && s.StrideH == 1 && s.StrideW == 1 && s.transposed().shortForward()
}

func (s Shape) shortWeights() bool { return s.Shorts && s.N >= shortImages && s.shorts().Weights() }

// shortJob is a forward pass or a data gradient.
type shortJob struct {
	split
	*conv16.Forward
}

func (s Shape) shortJob(op string, c Crew, a conv16.Operands) imageJob {
	t := s.shorts()
	a.Workspace = workspace(op, a.Workspace, t.ForwardFloats(c.Threads))
	return shortJob{c.split(s.N, 1, s.FLOP()), conv16.NewForward(t, c.Threads, a)}
}

// Part computes one part's images.
func (j shortJob) Part(worker, part int) {
	b := j.part(part)
	j.Forward.Images(conv16.Turn{Worker: worker, Lo: b.n0, Hi: b.n1})
}

// Images implements ImageJob.
func (j shortJob) Images(t Turn) { j.Forward.Images(conv16.Turn(t)) }

// shortSums is a weight gradient.
type shortSums struct {
	*conv16.Weights
	plan   weightsPlan
	ws, dw []float32
}

// shortChunks returns how many partial sums a weight gradient has.
func (s Shape) shortChunks(c Crew) int {
	return c.sums(max(1, min(maxChunks, s.N, s.N*s.OutH*s.OutW/(4*chunkPixels))))
}

func (s Shape) shortSums(c Crew, a WeightArgs) sumJob {
	t, n := s.shorts(), s.shortChunks(c)
	ws := workspace("BackwardWeights", a.Workspace, t.WeightsFloats(c.Threads, n))
	return shortSums{conv16.NewWeights(t, c.Threads, n, conv16.WeightOperands{X: a.X, DY: a.DY, Workspace: ws}), weightsPlan{chunks: n, sum: s.weights()}, ws, a.DW}
}

func (j shortSums) sums() int { return j.plan.chunks }

// Part computes one chunk's sums.
func (j shortSums) Part(worker, part int) {
	from, to := j.plan.chunk(part, Shape{N: j.Images(), OutH: 1})
	j.Weights.Add(conv16.Turn{Worker: worker, Part: part, Lo: from, Hi: to, First: true})
}

// Add implements SumJob.
func (j shortSums) Add(t Turn) { j.Weights.Add(conv16.Turn(t)) }

// Finish implements SumJob.
func (j shortSums) Finish(*pool.Pool) {
	p := &j.plan
	best.sumParts((*byte)(unsafe.Pointer(&sumCall{
		dst: unsafe.Pointer(&j.dw[0]), src: unsafe.Pointer(&j.ws[0]), vecs: p.sum / best.lanes, parts: p.chunks, stride: 4 * p.sum,
	})))
}
