package train

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
	"foresee/train/internal/replay"
)

// Stepper makes single steps of one stage, loader and optimizer included, by the
// code that Run uses, but writes no checkpoint, log or report: for measuring and
// comparing. One goroutine at a time.
type Stepper struct {
	t    *trainer
	s    *stage
	make func(context.Context) (*stage, error)
	next int
}

// NewStepper prepares the stage of that name, "pixels", "latents", "usual" or
// "displacement", with weights from the config's seed; all but the first encode the
// whole dataset first. Options.Out is not used. The caller closes the result.
func NewStepper(ctx context.Context, opts Options, name string) (*Stepper, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := opts.Config.Validate(); err != nil {
		return nil, fmt.Errorf("train: config: %w", err)
	}
	t := &trainer{opts: opts, cfg: opts.Config}
	var err error
	if t.devices, err = jepa.NewDevices(opts.Backend, opts.Devices); err != nil {
		return nil, err
	}
	if err := errors.Join(t.checkData(), t.checkBatches()); err != nil {
		return nil, err
	}
	if t.model, err = Untrained(opts.Backend, t.cfg.Model, t.cfg.Seed); err != nil {
		return nil, err
	}
	for _, p := range t.parts() {
		if p.name != name {
			continue
		}
		s, err := p.make(ctx)
		if err != nil {
			return nil, err
		}
		s.compile(opts.Backend, t.model.Store(), t.devices)
		return &Stepper{t: t, s: s, make: p.make}, nil
	}
	return nil, fmt.Errorf("train: no stage %q", name)
}

// Step makes the next step and returns its scalars: the loss, its parts, then
// gradient norms. The first step compiles the graph.
func (p *Stepper) Step(ctx context.Context) ([]float32, error) {
	scalars, err := p.s.run(ctx, p.next)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	p.next++
	return scalars, nil
}

// Frames returns how many frames, or cached latents, one step sees.
func (p *Stepper) Frames() int { return p.s.frames }

// Clips returns how many clips one step sees.
func (p *Stepper) Clips() int { return p.s.opt.Batch }

// Close frees the compiled graph and ends the loader.
func (p *Stepper) Close() { p.s.end() }

// Export writes what another program needs to make the same next steps, at
// least one step having been made: a safetensors file of all variables, moments
// included, under their paths; "rates" [steps]; "step" [1], the steps made; and
// the inputs of step k as "batch<k>/<i>", float32, k from 0.
func (p *Stepper) Export(ctx context.Context, path string, steps int) error {
	all, err := jepa.ReadStore(p.t.model.Store(), nil)
	if err != nil {
		return fmt.Errorf("train: export: %w", err)
	}
	defer func(s *replay.Sampler, starts []int) { p.t.sampler, p.t.starts = s, starts }(p.t.sampler, p.t.starts)
	fresh, err := p.make(ctx) // its own loader and sampler: the stage's are past these batches
	if err != nil {
		return err
	}
	defer fresh.end()
	defer fresh.end()
	rates := make([]float32, steps)
	for k := range steps {
		rates[k] = p.s.rate(p.next + k)
	}
	all["rates"] = jepa.Tensor{Shape: []int{steps}, Data: rates}
	all["step"] = jepa.Tensor{Shape: []int{1}, Data: []float32{float32(p.next)}}
	for k := range p.next + steps {
		inputs, err := fresh.feed(ctx, k)
		if err != nil {
			return fmt.Errorf("train: export: %w", err)
		}
		for i, x := range inputs {
			if k >= p.next {
				all[fmt.Sprintf("batch%d/%d", k-p.next, i)] = floats(x)
			}
			x.MustFinalizeAll()
		}
	}
	if err := jepa.WriteTensors(filepath.Clean(path), all, map[string]string{"format": "foresee"}); err != nil {
		return fmt.Errorf("train: export: %w", err)
	}
	return nil
}

// floats copies a tensor of uint8 or float32.
func floats(x *tensors.Tensor) jepa.Tensor {
	out := jepa.Tensor{Shape: x.Shape().Dimensions, Data: make([]float32, x.Shape().Size())}
	x.MustConstFlatData(func(flat any) {
		switch v := flat.(type) {
		case []uint8:
			for i, b := range v {
				out.Data[i] = float32(b)
			}
		case []float32:
			copy(out.Data, v)
		default:
			panic(fmt.Sprintf("train: export of %s", x.Shape()))
		}
	})
	return out
}

// Untrained returns a model of config cfg whose weights its first use draws from seed.
func Untrained(backend compute.Backend, cfg jepa.Config, seed uint64) (*jepa.Model, error) {
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), seed)
	return jepa.New(backend, cfg, store)
}
