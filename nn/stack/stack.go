// Package stack trains a stack of transformer blocks on tokens that are given: the work of a
// vision transformer or a latent predictor without a world around it, to measure and to compare.
package stack

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Config describes the stack; Batch, Tokens, Width, Blocks, Hidden and Heads are at least 1.
type Config struct {
	Batch, Tokens, Width int
	Blocks, Hidden       int // blocks, and the width of their hidden layer
	Heads                int // must divide Width
	Causal               bool
	LearningRate, Decay  float64 // of AdamW
}

// ViT is a block of ViT-tiny's width on 64 tokens.
func ViT() Config {
	return Config{Batch: 32, Tokens: 64, Width: 192, Blocks: 1, Hidden: 768, Heads: 3, LearningRate: 1e-3, Decay: 1e-5}
}

// Predictor is a causal predictor of latents over 16 frames.
func Predictor() Config {
	return Config{Batch: 128, Tokens: 16, Width: 256, Blocks: 3, Hidden: 1024, Heads: 4, Causal: true, LearningRate: 1e-3, Decay: 1e-5}
}

// FLOP returns the operations of the products of one training step: those of the forward pass, and twice
// as many backward. A causal attention counts as a full one.
func (c Config) FLOP() float64 {
	rows, d, h := float64(c.Batch*c.Tokens), float64(c.Width), float64(c.Hidden)
	block := 2*rows*d*(4*d+2*h) + 4*rows*float64(c.Tokens)*d
	return 3 * (float64(c.Blocks)*block + 2*rows*d*d)
}

// Trainer makes training steps. It is for one goroutine.
type Trainer struct {
	cfg   Config
	store *model.Store
	exec  *model.Exec
	in    [2]*tensors.Tensor // inputs and targets of the last step
	steps int
}

// New returns a trainer whose weights are drawn by seed.
func New(backend compute.Backend, cfg Config, seed uint64) (*Trainer, error) {
	for _, n := range []int{cfg.Batch, cfg.Tokens, cfg.Width, cfg.Blocks, cfg.Hidden, cfg.Heads} {
		if n < 1 {
			return nil, fmt.Errorf("stack: a size below 1 in %+v", cfg)
		}
	}
	t := &Trainer{cfg: cfg, store: model.NewStore()}
	nn.WithSeed(t.store.RootScope(), seed)
	var err error
	if t.exec, err = model.NewExec(backend, t.store, t.step); err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	for i := range t.in {
		t.in[i] = tensors.FromShape(shapes.Make(dtypes.Float32, cfg.Batch, cfg.Tokens, cfg.Width))
	}
	return t, nil
}

// Forward returns the blocks, a norm and a dense layer on x [B, T, D].
func (c Config) Forward(scope *model.Scope, x *graph.Node) *graph.Node {
	attention := nn.AttentionConfig{Heads: c.Heads, Causal: c.Causal}
	for i := range c.Blocks {
		x = nn.TransformerBlock(scope.At("block%d", i), x, nn.BlockConfig{AttentionConfig: attention, Hidden: c.Hidden})
	}
	return nn.Dense(scope.At("head"), nn.LayerNorm(scope.At("norm"), x), c.Width)
}

// step is the graph of one step: the mean squared error before it.
func (t *Trainer) step(scope *model.Scope, x, target, count *graph.Node) *graph.Node {
	loss := graph.ReduceAllMean(graph.Square(graph.Sub(t.cfg.Forward(scope, x), target)))
	rate := graph.Scalar(x.Graph(), x.DType(), t.cfg.LearningRate)
	groups := []nn.Group{{Name: "all", Scopes: []*model.Scope{scope}}}
	nn.AdamW(loss, rate, count, groups, nn.AdamWConfig{WeightDecay: t.cfg.Decay})
	return loss
}

// Step makes one step towards target from x, [Batch, Tokens, Width] each, and returns the mean squared error
// before it.
func (t *Trainer) Step(x, target []float32) (float32, error) {
	c := t.cfg
	if n := c.Batch * c.Tokens * c.Width; len(x) != n || len(target) != n {
		return 0, fmt.Errorf("stack: %d and %d floats, want %d", len(x), len(target), n)
	}
	t.steps++
	if err := errors.Join(tensors.AssignFlatData(t.in[0], x), tensors.AssignFlatData(t.in[1], target)); err != nil {
		return 0, fmt.Errorf("stack: step %d: %w", t.steps, err)
	}
	count := tensors.FromScalar(float32(t.steps))
	defer count.MustFinalizeAll()
	out, err := t.exec.Exec(t.in[0], t.in[1], count)
	if err != nil {
		return 0, fmt.Errorf("stack: step %d: %w", t.steps, err)
	}
	loss := tensors.ToScalar[float32](out[0])
	return loss, out[0].FinalizeAll()
}

// Store returns the weights and moments, and the number of steps made.
func (t *Trainer) Store() (*model.Store, int) { return t.store, t.steps }

// Close frees the compiled graph and the inputs.
func (t *Trainer) Close() {
	t.exec.Finalize()
	for _, in := range t.in {
		in.MustFinalizeAll()
	}
}
