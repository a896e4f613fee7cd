package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"foresee/jepa"
	"foresee/nn/stack"
	"foresee/report"
)

// int16Note is behind the note of a row whose large products are sums of products of 16-bit integers.
const int16Note = "; large products and convolutions by way of 16-bit integers, a peer's in float32"

// inInt16 returns the configuration for the same work with the option of the backend cpu to take large products by way of
// 16-bit integers; false if the backend is another, is already told how to multiply or has no fast way here.
func (c Config) inInt16() (Config, bool) {
	switch c.Backend {
	case "", "cpu":
	default:
		return Config{}, false
	}
	c.Backend = "cpu:products=int16"
	backend, err := jepa.OpenBackend(c.Backend)
	if err != nil {
		return Config{}, false
	}
	backend.Finalize()
	return c, true
}

// both measures the work by way of 16-bit integers, and how far that is from single.
func (w blockWork) both(ctx context.Context, single, short Config) (rows []report.Row, err error) {
	row, err := w.apart(ctx, single, short)
	if err != nil {
		return nil, err
	}
	w.name, w.note = w.name+"-int16", w.note+int16Note
	rows, err = w.measure(ctx, short)
	return append(rows, row), err
}

// apart trains blocks in float32 and by way of 16-bit integers from the same weights on the same batches, and returns how
// far the losses are from each other in the end.
func (w blockWork) apart(ctx context.Context, single, short Config) (report.Row, error) {
	const steps = 30
	var losses [2]float64
	for i, cfg := range []Config{single, short} {
		loss, err := w.lossAfter(ctx, cfg, steps)
		if err != nil {
			return report.Row{}, err
		}
		losses[i] = loss
	}
	return report.Row{Name: "bench/blocks/" + w.name + "-int16/apart", Value: math.Abs(losses[1]-losses[0]) / losses[0], Unit: "1", N: 1,
		Note: fmt.Sprintf("of the losses after %d steps on as many batches, from %.6g in float32", steps, losses[0])}, nil
}

func (w blockWork) lossAfter(ctx context.Context, cfg Config, steps int) (loss float64, err error) {
	e, err := cfg.open()
	if err != nil {
		return 0, err
	}
	defer e.close()
	t, err := stack.New(e.options.Backend, w.cfg, cfg.Seed)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	rng := rand.New(rand.NewPCG(cfg.Seed, 2))
	width := w.cfg.Width
	for range steps {
		x := normals(rng, w.cfg.Batch*w.cfg.Tokens*width)
		target := make([]float32, len(x))
		for i := range target { // something to learn: each number moves one place in its token
			target[i] = x[i-i%width+(i+1)%width]
		}
		l, err := t.Step(x, target)
		if err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		loss = float64(l)
	}
	return loss, nil
}
