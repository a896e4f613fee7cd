package probe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
)

// MLPConfig describes an MLP probe. Zero fields have the documented default.
type MLPConfig struct {
	Split    Split
	Backend  compute.Backend // required
	Hidden   []int           // empty means 128, 128
	Steps    int             // most gradient steps; 0 means 2500
	Batch    int             // rows of a step; 0 means 256
	Rate     float64         // peak of AdamW's rate, with a cosine to 0; 0 means 3e-3
	Every    int             // steps between looks at the validation rows; 0 means 100
	Patience int             // looks without a better one before it stops; 0 means 8
}

func (c MLPConfig) withDefaults() MLPConfig {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&c.Steps, 2500)
	set(&c.Batch, 256)
	set(&c.Every, 100)
	set(&c.Patience, 8)
	if len(c.Hidden) == 0 {
		c.Hidden = []int{128, 128}
	}
	if c.Rate == 0 {
		c.Rate = 3e-3
	}
	return c
}

// MLP fits a ReLU network from features [n, D] to targets [n, K], inputs and
// outputs standardised on the fitting rows, by AdamW on the squared error, and
// grades it on groups held back. It keeps the weights that were best on the
// validation groups. groups, panics and errors are as in Linear; the same
// arguments give the same result on one backend. The error is that of ctx when
// it ends.
func MLP(ctx context.Context, features, targets Table, groups []int, cfg MLPConfig) (Result, error) {
	res, err := fitMLP(ctx, features, targets, groups, cfg.withDefaults())
	if err != nil {
		return Result{}, fmt.Errorf("probe: mlp: %w", err)
	}
	return res, nil
}

func fitMLP(ctx context.Context, features, targets Table, groups []int, cfg MLPConfig) (Result, error) {
	if cfg.Backend == nil {
		panic("probe: MLP without a backend")
	}
	if err := checkProblem(features, targets, groups); err != nil {
		return Result{}, err
	}
	if cfg.Steps < 1 || cfg.Batch < 1 || cfg.Every < 1 || !(cfg.Rate > 0) {
		return Result{}, fmt.Errorf("steps %d, batch %d, every %d, rate %g: want all above 0", cfg.Steps, cfg.Batch, cfg.Every, cfg.Rate)
	}
	p, err := cfg.Split.draw(groups)
	if err != nil {
		return Result{}, err
	}
	f := newFit(cfg, measure(features, p.fit), measure(targets, p.fit))
	defer f.finalize()
	best, at, err := f.train(ctx, features, targets, p)
	if err != nil {
		return Result{}, err
	}
	if err := jepa.FillStore(f.store, best); err != nil {
		return Result{}, err
	}
	predicted, err := f.read(features, p.test)
	if err != nil {
		return Result{}, err
	}
	train := append(append([]int{}, p.fit...), p.validation...)
	res := grade(predicted, targets, groups, p.test, measure(targets, train).mean)
	res.Detail = fmt.Sprintf("mlp %v, best after %d steps", cfg.Hidden, at)
	return res, nil
}

// mlpFit is one network in training.
type mlpFit struct {
	cfg         MLPConfig
	x, y        scale
	store       *model.Store
	step, apply *model.Exec
}

func newFit(cfg MLPConfig, x, y scale) *mlpFit {
	f := &mlpFit{cfg: cfg, x: x, y: y, store: model.NewStore()}
	nn.WithSeed(f.store.RootScope(), cfg.Split.Seed)
	widths := append(append([]int{}, cfg.Hidden...), len(y.mean))
	net := func(root *model.Scope, x *graph.Node) *graph.Node {
		return nn.MLP(root.At("probe"), x, widths, nn.ReLU)
	}
	f.step = model.MustNewExec(cfg.Backend, f.store, func(root *model.Scope, in []*graph.Node) *graph.Node {
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(net(root, in[2]), in[3])))
		nn.AdamW(loss, in[0], in[1], []nn.Group{{Name: "probe", Scopes: []*model.Scope{root.At("probe")}, Clip: 1}}, nn.AdamWConfig{WeightDecay: 1e-4})
		return loss
	})
	f.apply = model.MustNewExec(cfg.Backend, f.store, net)
	return f
}

func (f *mlpFit) finalize() {
	f.step.Finalize()
	f.apply.Finalize()
}

// train returns the weights that did best on the validation rows and after how
// many steps.
func (f *mlpFit) train(ctx context.Context, features, targets Table, p parts) (map[string]jepa.Tensor, int, error) {
	rng := rand.New(rand.NewPCG(f.cfg.Split.Seed, 0x6d6c70))
	schedule := nn.Schedule{Peak: f.cfg.Rate, Warmup: min(50, f.cfg.Steps/4), Total: f.cfg.Steps}
	rows := make([]int, f.cfg.Batch)
	least, best, at, waited := math.Inf(1), map[string]jepa.Tensor(nil), 0, 0
	for step := range f.cfg.Steps {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		for i := range rows {
			rows[i] = p.fit[rng.IntN(len(p.fit))]
		}
		loss, err := f.update(schedule.At(step), step, f.x.tensor(features, rows), f.y.tensor(targets, rows))
		if err != nil {
			return nil, 0, err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, 0, fmt.Errorf("loss at step %d: %w: %g", step, ErrNotFinite, loss)
		}
		if (step+1)%f.cfg.Every != 0 && step != f.cfg.Steps-1 {
			continue
		}
		predicted, err := f.read(features, p.validation)
		if err != nil {
			return nil, 0, err
		}
		waited++
		if e := squared(predicted, targets, p.validation); e < least {
			least, at, waited = e, step+1, 0
			if best, err = jepa.ReadStore(f.store, func(name string) bool { return !isMoment(name) }); err != nil {
				return nil, 0, err
			}
		}
		if waited >= f.cfg.Patience {
			break
		}
	}
	return best, at, nil
}

func isMoment(name string) bool {
	v := len(name)
	return v > len(nn.FirstMoment) && (name[v-len(nn.FirstMoment):] == nn.FirstMoment || name[v-len(nn.SecondMoment):] == nn.SecondMoment)
}

// tensor returns the standardised rows as float32 [len(rows), Width].
func (s scale) tensor(t Table, rows []int) *tensors.Tensor {
	flat := make([]float32, 0, len(rows)*t.Width)
	for _, r := range rows {
		for i, v := range t.Row(r) {
			flat = append(flat, float32((float64(v)-s.mean[i])/s.std[i]))
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, len(rows), t.Width)
}

func (f *mlpFit) update(rate float64, step int, x, y *tensors.Tensor) (float64, error) {
	args := []*tensors.Tensor{tensors.FromScalar(float32(rate)), tensors.FromScalar(float32(step + 1)), x, y}
	out, err := f.step.Call1(args[0], args[1], args[2], args[3])
	for _, a := range args {
		a.MustFinalizeAll()
	}
	if err != nil {
		return 0, err
	}
	defer out.MustFinalizeAll()
	return float64(tensors.ToScalar[float32](out)), nil
}

// readChunk is the number of rows that read gives the network at a time, so that
// it compiles one shape; the last chunk repeats its last row.
const readChunk = 1024

// read returns the predictions in the target's unit, [len(rows), K].
func (f *mlpFit) read(features Table, rows []int) ([]float64, error) {
	k := len(f.y.mean)
	out := make([]float64, 0, len(rows)*k)
	chunk := make([]int, readChunk)
	for lo := 0; lo < len(rows); lo += readChunk {
		n := copy(chunk, rows[lo:])
		for i := n; i < readChunk; i++ {
			chunk[i] = chunk[n-1]
		}
		x := f.x.tensor(features, chunk)
		y, err := f.apply.Call1(x)
		x.MustFinalizeAll()
		if err != nil {
			return nil, err
		}
		flat, err := tensors.CopyFlatData[float32](y)
		y.MustFinalizeAll()
		if err != nil {
			return nil, err
		}
		for i, v := range flat[:n*k] {
			out = append(out, float64(v)*f.y.std[i%k]+f.y.mean[i%k])
		}
	}
	return out, nil
}
