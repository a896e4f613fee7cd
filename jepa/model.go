package jepa

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// encodeChunk is the number of frames that Encode gives the engine at a time
// when it has many; a lone frame runs alone.
const encodeChunk = 256

// Model is a world model ready to run: config, weights, normaliser and the
// compiled graphs. Encode, Rollout and Displacement may be called from several
// goroutines at once; SetNormalizer and training may not run beside them.
type Model struct {
	net      Network
	backend  compute.Backend
	store    *model.Store
	norm     Normalizer
	landmark []float32

	encode, rollout, displacement, surprise *model.Exec
}

// New returns a model of config cfg over the variables in store, which may be
// empty: then the first graph creates them with the initialiser of
// nn.WithSeed. It returns cfg's faults as an error.
func New(backend compute.Backend, cfg Config, store *model.Store) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("jepa: config: %w", err)
	}
	m := &Model{net: Network{cfg}, backend: backend, store: store}
	m.SetNormalizer(Normalizer{})
	return m, nil
}

// Config returns the model's config.
func (m *Model) Config() Config { return m.net.Config }

// Backend returns the backend that runs the model.
func (m *Model) Backend() compute.Backend { return m.backend }

// Store returns the variables. The model owns it; training changes it.
func (m *Model) Store() *model.Store { return m.store }

// Normalizer returns the normaliser in use.
func (m *Model) Normalizer() Normalizer { return m.norm }

// Landmarks returns the remembered latents [K, D] chosen for planning, in
// normalised units, or nil. The caller must not change them.
func (m *Model) Landmarks() []float32 { return m.landmark }

// SetLandmarks keeps latents [K, D] as the model's landmarks.
func (m *Model) SetLandmarks(latents []float32) { m.landmark = latents }

// SetNormalizer replaces the normaliser; compiled graphs are dropped because
// they hold it as constants.
func (m *Model) SetNormalizer(norm Normalizer) {
	m.norm = norm
	for _, e := range []*model.Exec{m.encode, m.rollout, m.displacement, m.surprise} {
		if e != nil {
			e.Finalize()
		}
	}
	m.encode = model.MustNewExec(m.backend, m.store, m.encodeGraph).SetMaxCache(-1)
	m.rollout = model.MustNewExec(m.backend, m.store, m.rolloutGraph).SetMaxCache(-1)
	m.displacement = model.MustNewExec(m.backend, m.store, func(root *model.Scope, from, to *Node) *Node {
		return m.net.Displacement(root, from, to)
	}).SetMaxCache(-1)
	m.surprise = model.MustNewExec(m.backend, m.store, m.surpriseGraph).SetMaxCache(-1)
}

// NormalizeGraph applies the normaliser to raw z [N, D] and w [N, W] (nil
// without a static code) inside a graph.
func (m *Model) NormalizeGraph(z, w *Node) (*Node, *Node) {
	g := z.Graph()
	if len(m.norm.LatentMean) > 0 {
		z = Sub(z, Const(g, [][]float32{m.norm.LatentMean}))
	}
	if m.norm.LatentStd > 0 {
		z = MulScalar(z, 1/m.norm.LatentStd)
	}
	if w != nil && len(m.norm.StaticMean) > 0 {
		w = Sub(w, Const(g, [][]float32{m.norm.StaticMean}))
	}
	if w != nil && len(m.norm.StaticStd) > 0 {
		inv := make([]float32, len(m.norm.StaticStd))
		for i, s := range m.norm.StaticStd {
			inv[i] = 1 / s
		}
		w = Mul(w, Const(g, [][]float32{inv}))
	}
	return z, w
}

// encodeGraph maps frames [N, H, W, C] uint8 to [N, D + W].
func (m *Model) encodeGraph(root *model.Scope, pixels *Node) *Node {
	z, w := m.NormalizeGraph(m.net.Encode(root, pixels))
	if w == nil {
		return z
	}
	return Concatenate([]*Node{z, w}, -1)
}

// rolloutGraph maps states [B, S] and actions [B, N, L, A] to latents
// [B, N, L, D]; an action-free model takes actions of width 0 as [B, N, L].
func (m *Model) rolloutGraph(root *model.Scope, states, actions *Node) *Node {
	cfg := m.net.Config
	dims := actions.Shape().Dimensions
	b, n, l := dims[0], dims[1], dims[2]
	width := cfg.Latent() * cfg.Context()
	z := Slice(states, AxisRange(), AxisRange(0, width))
	var bias *Node
	if cfg.Encoder.Static > 0 {
		bias = m.net.StaticBias(root, m.net.Predictor(), Slice(states, AxisRange(), AxisRange(width, cfg.State())))
		bias = repeatRows(bias, n)
	}
	z = repeatRows(z, n)
	steps := make([]*Node, l)
	for t := range l {
		var a *Node
		if cfg.ActionDim > 0 {
			a = Reshape(Slice(actions, AxisRange(), AxisRange(), AxisElem(t), AxisRange()), b*n, cfg.ActionDim)
		}
		next := m.net.Predict(root, m.net.Predictor(), z, a, bias)
		z = m.net.Shift(z, next)
		steps[t] = Reshape(next, b, n, 1, cfg.Latent())
	}
	if l == 1 {
		return steps[0]
	}
	return Concatenate(steps, 2)
}

// repeatRows turns [B, X] into [B·N, X], each row N times.
func repeatRows(x *Node, n int) *Node {
	dims := x.Shape().Dimensions
	x = BroadcastToDims(Reshape(x, dims[0], 1, dims[1]), dims[0], n, dims[1])
	return Reshape(x, dims[0]*n, dims[1])
}

// Encode writes to codes [n, D + W] the normalised latent and static code of n
// frames [n, H, W, C]. It panics when a slice has another length and returns an
// error when the engine fails or ctx ends.
func (m *Model) Encode(ctx context.Context, n int, frames []uint8, codes []float32) error {
	cfg := m.net.Config
	px, width := cfg.Pixels(), cfg.Latent()+cfg.Encoder.Static
	mustLen("Encode frames", len(frames), n*px)
	mustLen("Encode codes", len(codes), n*width)
	for lo := 0; lo < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		count, size := min(encodeChunk, n-lo), 1
		for size < count {
			size *= 2
		}
		chunk := frames[lo*px : (lo+count)*px]
		if size > count {
			chunk = append(make([]uint8, 0, size*px), chunk...)[:size*px]
		}
		in := array{chunk, shapes.Make(dtypes.Uint8, size, cfg.Frame.Height, cfg.Frame.Width, cfg.Frame.Channels)}
		if err := m.run(m.encode, codes[lo*width:(lo+count)*width], in); err != nil {
			return fmt.Errorf("jepa: encode: %w", err)
		}
		lo += count
	}
	return nil
}

// StateAt writes to state [S] the model state for codes, the outputs of Encode
// for the last Config.Context frames, the newest first, each [D + W]; the
// static code is the newest one's.
func (m *Model) StateAt(state []float32, codes ...[]float32) {
	cfg := m.net.Config
	mustLen("StateAt codes", len(codes), cfg.Context())
	mustLen("StateAt state", len(state), cfg.State())
	d := cfg.Latent()
	for i, c := range codes {
		copy(state[i*d:(i+1)*d], c[:d])
	}
	copy(state[cfg.Context()*d:], codes[0][d:])
}

// Shape says how many rollouts: from B states, under N candidate action
// sequences for each, of L steps.
type Shape struct{ B, N, L int }

// Rollout writes to latents [B, N, L, D] what the model predicts from states
// [B, S] under candidate actions [B, N, L, A], in the units the encoder delivers
// after normalisation. It panics when a slice has another length; the engine's
// failures are errors.
func (m *Model) Rollout(ctx context.Context, shape Shape, states, actions, latents []float32) error {
	cfg, b, n, l := m.net.Config, shape.B, shape.N, shape.L
	mustLen("Rollout states", len(states), b*cfg.State())
	mustLen("Rollout actions", len(actions), b*n*l*cfg.ActionDim)
	mustLen("Rollout latents", len(latents), b*n*l*cfg.Latent())
	if err := ctx.Err(); err != nil {
		return err
	}
	if b*n*l == 0 {
		return nil
	}
	in := floats(states, b, cfg.State())
	var act array
	if cfg.ActionDim > 0 {
		act = floats(actions, b, n, l, cfg.ActionDim)
	} else {
		act = floats(make([]float32, b*n*l), b, n, l)
	}
	if err := m.run(m.rollout, latents, in, act); err != nil {
		return fmt.Errorf("jepa: rollout: %w", err)
	}
	return nil
}

// Displacement writes to actions [n, A] the summed action that leads from
// latents from to latents to, both [n, D] normalised. It panics when a slice
// has another length or the model has no such head.
func (m *Model) Displacement(ctx context.Context, n int, from, to, actions []float32) error {
	cfg := m.net.Config
	if len(cfg.Displacement.Hidden) == 0 {
		panic("jepa: Displacement: the model has no displacement head")
	}
	mustLen("Displacement from", len(from), n*cfg.Latent())
	mustLen("Displacement to", len(to), n*cfg.Latent())
	mustLen("Displacement actions", len(actions), n*cfg.ActionDim)
	if err := ctx.Err(); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	err := m.run(m.displacement, actions, floats(from, n, cfg.Latent()), floats(to, n, cfg.Latent()))
	if err != nil {
		return fmt.Errorf("jepa: displacement: %w", err)
	}
	return nil
}

// array is an input of a graph, row-major.
type array struct {
	flat  any
	shape shapes.Shape
}

func floats(flat []float32, dims ...int) array {
	return array{flat, shapes.Make(dtypes.Float32, dims...)}
}

// run executes e on in and copies the first len(out) floats of its one output.
// Inputs go straight into the backend's buffers and the output straight out of
// them: a tensor of our own between would cost a copy and, for a single step of
// a small predictor, most of the time.
func (m *Model) run(e *model.Exec, out []float32, in ...array) error {
	args := make([]any, 0, len(in))
	defer func() {
		for _, t := range args {
			t.(*tensors.Tensor).MustFinalizeAll()
		}
	}()
	for _, a := range in {
		buffer, err := m.backend.BufferFromFlatData(0, a.flat, a.shape)
		if err != nil {
			return err
		}
		t, err := tensors.FromBuffer(buffer)
		if err != nil {
			return err
		}
		args = append(args, t)
	}
	result, err := e.Call1(args...)
	if err != nil {
		return err
	}
	defer result.MustFinalizeAll()
	if result.Shape().Size() != len(out) { // the last chunk of frames is padded
		return tensors.ConstFlatData(result, func(flat []float32) { copy(out, flat) })
	}
	buffer, err := result.Buffer(m.backend, 0)
	if err != nil {
		return err
	}
	return buffer.ToFlatData(out)
}

func mustLen(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("jepa: %s has length %d, want %d", what, got, want))
	}
}
