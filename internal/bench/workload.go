package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"foresee/backend/cpu"
	"foresee/jepa"
	"foresee/report"
	"foresee/train"
)

// Config says how to measure a workload. The zero value means 20 runs on the
// backend cpu, no shares and no peer.
type Config struct {
	Runs    int    // measured runs behind a figure; 0 means 20, fewer than 10 is an error
	Backend string // GoMLX backend configuration; "" means cpu
	Seed    uint64 // of weights and inputs
	Rate    Rate   // the machine's matrix-product rate measured in the same run
	Peer    PeerConfig
	Explain io.Writer // where the compiled plans with the time of each kernel go; nil = nowhere
}

// Rate is the best matrix-product rate of a machine. The zero value is none.
type Rate struct {
	GFLOPS float64
	Source string // what reached it
}

// BestRate returns the highest rate among rows of Sgemm, ours or OpenBLAS's; the
// zero Rate if OpenBLAS is not among them, for then nobody knows what the machine can do.
func BestRate(rows []report.Row) Rate {
	var best Rate
	peer := false
	for _, r := range rows {
		if !strings.HasPrefix(r.Name, "bench/sgemm/") || r.Unit != "gflops" {
			continue
		}
		theirs := strings.HasSuffix(r.Name, "/openblas")
		peer = peer || theirs
		if r.Value > best.GFLOPS {
			best = Rate{r.Value, "ours"}
			if theirs {
				best.Source = r.Note
			}
		}
	}
	if !peer {
		return Rate{}
	}
	return best
}

// share returns the row of gflop / seconds / rate, or none without a rate.
func (r Rate) share(name string, gflop float64, s sample) []report.Row {
	if r.GFLOPS == 0 {
		return nil
	}
	note := fmt.Sprintf("%g GFLOP over the time over %.0f GFLOP/s of sgemm (%s)", gflop, r.GFLOPS, r.Source)
	return []report.Row{s.rate(name, "1", gflop/r.GFLOPS, note)}
}

// engine is an open backend.
type engine struct {
	options   train.Options // with the backend
	explainer cpu.Explainer // nil if the backend has no times to tell
	close     func()
}

// open checks the config and opens its backend.
func (c *Config) open() (e engine, err error) {
	if c.Runs, err = enoughRuns(c.Runs); err != nil {
		return engine{}, err
	}
	backend, err := jepa.OpenBackend(c.Backend)
	if err != nil {
		return engine{}, fmt.Errorf("bench: %w", err)
	}
	e = engine{options: train.Options{Backend: backend}, close: backend.Finalize}
	e.explainer, _ = backend.(cpu.Explainer)
	return e, nil
}

// model returns an untrained model.
func (e engine) model(cfg jepa.Config, seed uint64) (*jepa.Model, error) {
	return train.Untrained(e.options.Backend, cfg, seed)
}

// allocated returns how many bytes Go allocated in one of n runs of work.
func allocated(n int, work func() error) (float64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if err := work(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / float64(n), nil
}

// explain writes the compiled plan of work with the time of each kernel in three runs, if that is wanted and
// the backend can say.
func (c *Config) explain(ctx context.Context, e engine, name string, work func() error) error {
	if c.Explain == nil || e.explainer == nil {
		return ctx.Err()
	}
	const runs = 3
	e.explainer.SetProfile(true)
	defer e.explainer.SetProfile(false)
	for range runs {
		if err := work(); err != nil {
			return err
		}
	}
	rows := e.explainer.Explain()
	total := 0.0
	for _, r := range rows {
		total += r.Time.Seconds()
	}
	if _, err := fmt.Fprintf(c.Explain, "%s: %d kernels, %.3f ms in them a run, the slowest first\n", name, len(rows), 1e3*total/runs); err != nil {
		return fmt.Errorf("bench: explain: %w", err)
	}
	if err := cpu.WriteSteps(c.Explain, rows, explainRows); err != nil {
		return fmt.Errorf("bench: explain: %w", err)
	}
	return ctx.Err()
}

// explainRows is the number of kernels and shapes that explain lists.
const explainRows = 60
