package jepa

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Remember returns what a transformer remembers at every latent of clips
// z [B, T, D], T at most Context. Its Guess k at position t is of the target at
// t + Horizons[k] and has seen z up to t.
//
//	u = z·(1 - hidden),   x = [u, hidden]·W_in + b + position,   h = LN(blocks(x)),   m = GELU([h, u]·W + b)
//	with Carry:   y = blocks(x),   h = LN(y + carry(LN(y)))
//	mode_km = u + m·W_km + b_km    (without u under TargetPixels),   ln share_k = ln softmax(m·V_k + c_k)
//	with Rank:   m·W_km = m·W_k + (m·R_k)·U_km, R_k [Hidden[1], Rank]
//	with Copy:   nn.Copies of u by h in place of u
//
// With Gate, m = GELU(h·W_g + b_g) ∘ ([h, u]·W + b): what is remembered says what to
// do with what is seen, whatever it looks like; the blocks have gates too. W (with Rank W_k and U), V and c
// start at 0, and with one mode b too, so that an untrained model repeats what it sees, with Copy nearly; several begin
// a little apart.
//
// hidden [B, T] is 1 where z is not to be seen; nil hides nothing.
func (n Network) Remember(root *model.Scope, z, hidden *Node) Recall {
	p := n.Config.Predictor
	scope := root.At(ScopePredictor)
	dims := z.Shape().Dimensions
	place := nn.Variable(scope, "position", nn.NormalInit(0.02), z.DType(), p.Context, p.Width).NodeValue(z)
	unseen := Zeros(z.Graph(), shapes.Make(z.DType(), dims[0], dims[1], 1))
	if hidden != nil {
		unseen = Reshape(hidden, dims[0], dims[1], 1)
		z = Mul(z, BroadcastToShape(OneMinus(unseen), z.Shape()))
	}
	x := nn.Dense(scope.At("in"), Concatenate([]*Node{z, unseen}, -1), p.Width)
	x = Add(x, InsertAxes(Slice(place, AxisRange(0, dims[1])), 0))
	block := nn.BlockConfig{AttentionConfig: nn.AttentionConfig{Heads: p.Heads, Causal: true, Window: p.Window}, Hidden: p.Hidden[0], Gate: p.Gate}
	for i := range p.Blocks {
		x = nn.TransformerBlock(scope.At("block%d", i), x, block)
	}
	if p.Carry {
		carry := scope.At("carry")
		x = Add(x, nn.Carry(carry, nn.LayerNorm(carry.At("seen"), x), p.Hidden[0]))
	}
	h := nn.LayerNorm(scope.At("norm"), x)
	seen := Concatenate([]*Node{h, z}, -1)
	var m *Node
	if p.Gate {
		m = nn.Gated(scope.At("readout"), h, seen, p.Hidden[1])
	} else {
		m = nn.GELU(nn.Dense(scope.At("readout"), seen, p.Hidden[1]))
	}
	r := Recall{net: n, scope: scope, m: m, z: z, modes: max(1, p.Modes)}
	if p.Copy {
		r.h = h
	}
	return r
}

// newest returns the mean guess of the first horizon from a state of Context latents
// z [N, D·Context], the newest first: [N, D]. It is read at the last position that training has targets for: after the
// later ones nothing comes in a clip of Context, so the oldest latents, Horizons[0] of them, are left out.
func (n Network) newest(root *model.Scope, z *Node) *Node {
	d, t := n.Config.Latent(), n.Config.Context()
	clip := Reverse(Reshape(z, -1, t, d), 1)
	if ahead := n.Config.Predictor.Horizons[0]; ahead < t {
		clip, t = Slice(clip, AxisRange(), AxisRange(ahead)), t-ahead
	}
	return Reshape(n.Remember(root, clip, nil).Guess(0, t-1, t).Mean(), -1, d)
}

// Brief returns what one remembers at every latent of z [B, T, D] who has just
// begun to look: the last two latents alone. Its guesses have one mode and weights of their own, and are taught
// the mean of what Remember guesses, so that they err on average as that does.
//
//	x = [z_{t-1}, z_t],   m = GELU(x·W_g + b_g) ∘ (x·W + b),   guess_k = z_t + m·W_k + b_k
//
// Without z_t under TargetPixels; z_{-1} is z_0; m has Hidden[1] numbers.
func (n Network) Brief(root *model.Scope, z *Node) Recall {
	scope := root.At(ScopePredictor).At("brief")
	x := Concatenate([]*Node{previous(z), z}, -1)
	return Recall{net: n, scope: scope, m: nn.Gated(scope.At("readout"), x, x, n.Config.Predictor.Hidden[1]), z: z, modes: 1}
}

// previous returns the latent before each of z [B, T, D], the first one's being itself.
func previous(z *Node) *Node {
	first := Slice(z, AxisRange(), AxisRange(0, 1))
	if t := z.Shape().Dimensions[1]; t > 1 {
		return Concatenate([]*Node{first, Slice(z, AxisRange(), AxisRange(0, t-1))}, 1)
	}
	return first
}

// MemoryErrors returns the errors of a memory's Guesses against targets
// y [B, T, D]: for each horizon below T a node
// [B, T - Horizons[k]] whose column t judges position t + Horizons[k]. The error
// is the mean square over D, and with several modes the free energy of theirs:
//
//	F = -τ·ln Σ_m share_m·exp(-e_m/τ),   e_m = mean square over D of mode_m - y,   τ = Temperature
//
// Source: latent-variable energy-based models, LeCun 2022, equations 4 and 5.
func (n Network) MemoryErrors(guesses []Guess, y *Node) []*Node { return n.errors(guesses, y, 0) }

// surpriseGraph maps frames [B, T, H, W, C] uint8, T at most Context, to the
// surprise of each position [B, T]: the mean of its horizons' errors, less the
// config's Excess of those that two latents alone would have made, both less its Along
// of what lies along how the target moves, less its Usual of those that are usual; horizons that have nothing to judge from count 0. With Mirror
// and Colours it is the mean over the frames, their mirror images and both in other colours: the same happens in all,
// and what is not known of it is guessed wrong in different places.
func (m *Model) surpriseGraph(root *model.Scope, frames *Node) *Node {
	p, dims := m.net.Config.Predictor, frames.Shape().Dimensions
	views := []*Node{frames}
	if p.Mirror {
		views = append(views, Reverse(frames, 3))
	}
	if p.Colours {
		for _, view := range slices.Clone(views) {
			for first := 1; first < dims[4]; first++ {
				channels := func(from, to int) *Node { return Slice(view, AxisRange().Spacer(), AxisRange(from, to)) }
				views = append(views, Concatenate([]*Node{channels(first, dims[4]), channels(0, first)}, 4))
			}
		}
	}
	if len(views) == 1 {
		return m.oneWay(root, frames)
	}
	all := m.oneWay(root, Concatenate(views, 0))
	return ReduceMean(Reshape(all, len(views), dims[0], dims[1]), 0)
}

// oneWay is surpriseGraph without Mirror and Colours.
func (m *Model) oneWay(root *model.Scope, frames *Node) *Node {
	net, p := m.net, m.net.Config.Predictor
	dims := frames.Shape().Dimensions
	flat := Reshape(frames, dims[0]*dims[1], dims[2], dims[3], dims[4])
	z, _ := net.Encode(root, flat)
	z, _ = m.NormalizeGraph(z, nil)
	y := z
	if p.Target == TargetPixels {
		y = net.Project(root, ProjectPixels, flat)
	}
	d := net.Config.Latent()
	z, y = Reshape(z, dims[0], dims[1], d), Reshape(y, dims[0], dims[1], d)
	errs := net.errors(net.Guesses(root, z, nil), y, p.Along)
	if p.Excess > 0 {
		brief := net.BriefGuesses(root, z)
		less(errs, net.errors(brief, y, p.Along), p.Excess)
		if p.Usual > 0 { // only with an Excess
			less(errs, net.UsualErrors(root, z, brief, y), p.Usual)
		}
	}
	sum := Zeros(frames.Graph(), shapes.Make(dtypes.Float32, dims[0], dims[1]))
	for _, e := range errs {
		lead := dims[1] - e.Shape().Dimensions[1]
		pad := Zeros(frames.Graph(), shapes.Make(dtypes.Float32, dims[0], lead))
		sum = Add(sum, Concatenate([]*Node{pad, e}, 1))
	}
	return MulScalar(sum, 1/float64(len(p.Horizons)))
}

// less takes a share of each horizon's others off its errors.
func less(errs, others []*Node, share float64) {
	for k := range errs {
		errs[k] = Sub(errs[k], MulScalar(others[k], share))
	}
}

// Remembers says whether the predictor reads whole clips, so that Surprise can
// judge them.
func (c Config) Remembers() bool {
	return c.Predictor.Kind == PredictorTransformer
}

// surpriseBatch is the largest number of windows that Surprise gives the engine at a time.
const surpriseBatch = 16

// Surprise writes to scores [n, T] how badly each frame of n clips [n, T, H, W, C]
// was predicted from the frames Stride, 2·Stride, ... before it, in the units of
// the normalised latents, by a model with a memory: the mean squared error, less
// Excess of that of two latents alone and Usual of the usual one, and with Mirror and Colours the mean of the clip's, of
// its mirror image's and of theirs in other colours. With Along a frame's also depends on the one Stride after it, if there is one in its window.
// Frames half a stride apart are judged, the first Stride frames and those between are 0. Clips of more than
// Context·Stride frames are read in windows that overlap by half. It panics when a
// slice has another length or the model has no memory, see Config.Remembers; the
// engine's failures are errors.
func (m *Model) Surprise(ctx context.Context, n, t int, frames []uint8, scores []float64) error {
	cfg := m.net.Config
	if !cfg.Remembers() {
		panic("jepa: Surprise: the model's predictor has no memory")
	}
	mustLen("Surprise frames", len(frames), n*t*cfg.Pixels())
	mustLen("Surprise scores", len(scores), n*t)
	clear(scores)
	p := cfg.Predictor
	for phase := 0; phase < min(p.Stride, t); phase += max(1, p.Stride/2) {
		positions := (t - phase + p.Stride - 1) / p.Stride
		for _, w := range windows(positions, p.Context) {
			for lo := 0; lo < n; lo += surpriseBatch {
				if err := ctx.Err(); err != nil {
					return err
				}
				c := clips{lo: lo, n: min(surpriseBatch, n-lo), frames: t, from: phase + w.from*p.Stride, length: w.to - w.from}
				if err := m.judge(c, frames, w.judged, scores); err != nil {
					return fmt.Errorf("jepa: surprise: %w", err)
				}
			}
		}
	}
	return nil
}

// clips are the n clips from lo on, of so many frames each, seen at length frames
// that begin with from and lie Stride apart.
type clips struct{ lo, n, frames, from, length int }

// judge writes the surprise of the seen frames of clips to scores [.., T], from
// the judged-th seen frame on.
func (m *Model) judge(c clips, frames []uint8, judged int, scores []float64) error {
	cfg, px, size := m.net.Config, m.net.Config.Pixels(), 1
	for size < c.n {
		size *= 2
	}
	at := func(clip, j int) int { return (c.lo+clip)*c.frames + c.from + j*cfg.Predictor.Stride }
	in := make([]uint8, size*c.length*px)
	for i := range c.n {
		for j := range c.length {
			copy(in[(i*c.length+j)*px:], frames[at(i, j)*px:(at(i, j)+1)*px])
		}
	}
	out := make([]float32, size*c.length)
	shape := shapes.Make(dtypes.Uint8, size, c.length, cfg.Frame.Height, cfg.Frame.Width, cfg.Frame.Channels)
	if err := m.run(m.surprise, out, array{in, shape}); err != nil {
		return err
	}
	for i := range c.n {
		for j := judged; j < c.length; j++ {
			scores[at(i, j)] = float64(out[i*c.length+j])
		}
	}
	return nil
}

// window is a stretch of positions, of which those from judged on are scored.
type window struct{ from, to, judged int }

// windows covers positions with stretches of at most context that begin half a
// context apart, each position scored once, with the longest past available.
func windows(positions, context int) []window {
	all := []window{{0, min(positions, context), 0}}
	for all[len(all)-1].to < positions {
		last := all[len(all)-1]
		to := min(positions, last.to+max(1, context/2))
		all = append(all, window{to - context, to, last.to - (to - context)})
	}
	return all
}
