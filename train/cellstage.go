package train

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/loss"
	"foresee/nn"
)

// Frames of a clip of stage 1 of an encoder of kind cells: three in a row, then
// one from a random time of the episode.
const (
	cellEarlier = iota
	cellLatest
	cellNext
	cellContext
	cellFrames
)

// cellStage prepares stage 1 of an encoder of kind cells. Batches are groups of
// clips that share their times: what differs within a group is what is in the
// scenes, so that neither a still background nor the time of the clip can keep
// the grid from collapsing.
func (t *trainer) cellStage(context.Context) (*stage, error) {
	p := t.cfg.Train.Pixels
	clips, err := newCellClips(t)
	if err != nil {
		return nil, err
	}
	s := &stage{
		name: "pixels", opt: p.Optimizer, frames: p.Batch * cellFrames,
		scopes: []string{jepa.ScopeEncoder, jepa.Network{Config: t.cfg.Model}.Short().Scope},
		names:  t.cellTerms(),
	}
	channels := t.cfg.Model.Encoder.Channels
	s.feed = func(_ context.Context, step int) ([]*tensors.Tensor, error) {
		in := []*tensors.Tensor{clips.take(step)}
		if p.Weights.SIGReg > 0 {
			rng := nn.Rand(t.cfg.Seed, fmt.Sprintf("sigreg/%d", step))
			in = append(in, loss.DirectionsTensor(rng, dtypes.Float32, channels[len(channels)-1], p.Slices))
		}
		return in, nil
	}
	if p.Weights.SIGReg > 0 {
		s.whole = 1 // the directions
	}
	s.clipAxis = 1 // after the frames of a clip
	s.close = clips.stop
	s.build = func(root *model.Scope, in []*Node) (*Node, []*Node, []*Node) { return t.buildCells(s, root, in) }
	s.seen = t.watchCollapse(channels[len(channels)-1], s.names)
	return s, nil
}

// cellTerms lists the loss terms in the order that buildCells builds them.
func (t *trainer) cellTerms() []string {
	p := t.cfg.Train.Pixels
	names := []string{"pred"}
	if p.Target == jepa.TargetPixels {
		return append(names, "copy_ratio")
	}
	for _, term := range []struct {
		name   string
		weight float64
	}{{"std", p.Weights.Std}, {"cov", p.Weights.Cov}, {"sigreg", p.Weights.SIGReg}} {
		if term.weight > 0 {
			names = append(names, term.name)
		}
	}
	return append(names, "copy_ratio")
}

// buildCells is the graph of the stage:
//
//	pred = mean (ẑ(t+1) - z(t+1))²,   ẑ(t+1) = predictor(z(t-1), z(t)),   no gradient stopped
//	rows = (z(t+1) - z(c))/√2, centred over each group at each cell, for std, cov and sigreg
//
// Under TargetPixels pred is the error of the frame decoded from ẑ(t+1), and
// nothing else keeps the grid apart. Extra output for the collapse monitor: the
// grid's middle row, [B·w, F, c].
func (t *trainer) buildCells(s *stage, root *model.Scope, in []*Node) (*Node, []*Node, []*Node) {
	net, p := jepa.Network{Config: t.cfg.Model}, t.cfg.Train.Pixels
	dims := in[0].Shape().Dimensions // [F, B, H, W, C]
	b := dims[1]
	grids := net.Cells(root, Reshape(in[0], cellFrames*b, dims[2], dims[3], dims[4]))
	g := grids.Shape().Dimensions
	frame := func(i int) *Node { return Slice(grids, AxisRange(i*b, (i+1)*b)) }
	guess := net.CellsPredict(root, frame(cellEarlier), frame(cellLatest))
	var pred, still *Node
	var terms []loss.Term
	var scalars []*Node
	if p.Target == jepa.TargetPixels {
		next := net.Frames(Reshape(Slice(in[0], AxisElem(cellNext)), dims[1:]...))
		latest := net.Frames(Reshape(Slice(in[0], AxisElem(cellLatest)), dims[1:]...))
		pred, still = loss.MSE(net.CellsDecode(root, guess), next), loss.MSE(latest, next)
	} else {
		pred, still = loss.MSE(guess, frame(cellNext)), loss.MSE(frame(cellLatest), frame(cellNext))
	}
	terms, scalars = append(terms, loss.Term{Weight: p.Weights.Pred, Loss: pred}), append(scalars, pred)
	if p.Target != jepa.TargetPixels {
		rows := MulScalar(Sub(frame(cellNext), frame(cellContext)), 1/math.Sqrt2)
		rows = Reshape(rows, b/p.Group, p.Group, g[1]*g[2]*g[3])
		rows = Reshape(Sub(rows, ReduceAndKeep(rows, ReduceMean, 1)), b*g[1]*g[2], g[3])
		add := func(weight float64, value func() *Node) {
			if weight > 0 {
				x := value()
				terms, scalars = append(terms, loss.Term{Weight: weight, Loss: x}), append(scalars, x)
			}
		}
		add(p.Weights.Std, func() *Node { return loss.HingeStd(rows, loss.HingeConfig{}) })
		add(p.Weights.Cov, func() *Node { return loss.Covariance(rows, loss.PerDimension) })
		add(p.Weights.SIGReg, func() *Node { return loss.EppsPulley(rows, in[1]) })
	}
	if len(scalars)+1 != len(s.names) {
		panic(fmt.Sprintf("train: %d loss terms, the log has names for %d", len(scalars), len(s.names)-1))
	}
	middle := Reshape(Slice(grids, AxisRange(), AxisElem(g[1]/2)), cellFrames, b*g[2], g[3])
	return loss.Sum(terms...), append(scalars, Div(pred, AddScalar(still, 1e-12))), []*Node{TransposeAllDims(middle, 1, 0, 2)}
}

// cellClips draws the batches of the stage, one ahead of the step in work, since
// random frames of a dataset larger than the memory wait for the disk.
type cellClips struct {
	t        *trainer
	episodes []int // long enough for three frames
	ahead    chan []uint8
	step     int // whose batch ahead delivers; -1 = nothing is under way
}

func newCellClips(t *trainer) (*cellClips, error) {
	c := &cellClips{t: t, ahead: make(chan []uint8, 1), step: -1}
	for e := range t.opts.Data.Episodes() {
		if _, length := t.opts.Data.Episode(e); t.training(e) && length >= 3 {
			c.episodes = append(c.episodes, e)
		}
	}
	if len(c.episodes) == 0 {
		return nil, fmt.Errorf("train: no episode has 3 frames")
	}
	return c, nil
}

// take returns the frames of a step, [F, B, H, W, C] uint8, and begins to read
// those of the next.
func (c *cellClips) take(step int) *tensors.Tensor {
	var frames []uint8
	if c.step == step {
		frames = <-c.ahead
	} else {
		c.stop()
		frames = c.batch(step)
	}
	c.step = step + 1
	go func() { c.ahead <- c.batch(step + 1) }()
	h, w, ch := c.t.opts.Data.FrameShape()
	return jepa.Input(c.t.devices, c.t.opts.Backend, frames, cellFrames, c.t.cfg.Train.Pixels.Batch, h, w, ch)
}

// stop waits for what is being read and drops it.
func (c *cellClips) stop() {
	if c.step >= 0 {
		<-c.ahead
	}
	c.step = -1
}

// batch returns the frames of a step, [F, B, H, W, C]. The clips of a group lie
// at the same share of their episodes: at the same frames, if these are of one
// length.
func (c *cellClips) batch(step int) []uint8 {
	p, d := c.t.cfg.Train.Pixels, c.t.opts.Data
	h, w, ch := d.FrameShape()
	px := h * w * ch
	rng := nn.Rand(c.t.cfg.Seed, fmt.Sprintf("cells/%d", step))
	out := make([]uint8, cellFrames*p.Batch*px)
	var when, other float64
	for i := range p.Batch {
		if i%p.Group == 0 {
			when, other = nn.Uniform(rng), nn.Uniform(rng)
		}
		e := c.episodes[int(nn.Uniform(rng)*float64(len(c.episodes)))]
		first, length := d.Episode(e)
		start := first + int(when*float64(length-2))
		times := [cellFrames]int{start, start + 1, start + 2, first + int(other*float64(length))}
		for f, at := range times {
			copy(out[(f*p.Batch+i)*px:], d.Frame(at))
		}
	}
	return out
}
