package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"foresee/data/importer"
	"foresee/internal/bench"
	"foresee/report"
)

// benchCmd measures speed beside a peer.
type benchCmd struct {
	Part string `arg:"" optional:"" help:"What to measure: ${benches}; all of them if left out."`
	Runs int    `default:"0" help:"Measured runs behind a figure; 0 = enough for a median."`
	Seed uint64 `default:"1" help:"Seed of the inputs (${default})."`

	Peers      bool   `help:"Measure PyTorch's time for the same work beside ours; see scripts/peers."`
	PeerPython string `name:"peer-python" env:"FORESEE_PEER_PYTHON" default:"python3" placeholder:"PROGRAM" help:"Python of the peers, with torch 2 and numpy (${default})."`
	PeerDir    string `name:"peer-dir" default:"scripts/peers" placeholder:"DIR" help:"Folder of the peers' programs (${default})."`
	JAX        bool   `name:"jax" help:"With --peers, measure JAX too where its peer knows the work."`
	Explain    bool   `help:"Write the compiled plans to stderr: time, GFLOP/s and bytes of each kernel."`
}

// benchPart is one thing that foresee bench measures.
type benchPart struct {
	name string
	rate bool // its figures are shares of the matrix-product rate, measured before
	run  func(ctx context.Context, cfg bench.Config) ([]report.Row, error)
}

// benchParts lists what foresee bench measures, in the order in which it does.
func benchParts() []benchPart {
	return []benchPart{
		{"sgemm", true, nil},
		{"train", true, bench.Train},
		{"blocks", true, bench.Blocks},
		{"rollout", true, bench.Rollout},
		{"latency", false, bench.Latency},
		{"video", false, bench.Video},
	}
}

// benchNames returns the names for help and messages.
func benchNames() string {
	var names []string
	for _, p := range benchParts() {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// Run measures and prints the rows.
func (c *benchCmd) Run(ctx context.Context, a *app) error {
	parts := benchParts()
	if c.Part != "" {
		parts = slices.DeleteFunc(parts, func(p benchPart) bool { return p.name != c.Part })
	}
	if len(parts) == 0 {
		return usagef("bench: %q is not one of %s", c.Part, benchNames())
	}
	rows, err := c.measure(ctx, a, parts)
	if err != nil {
		return err
	}
	d := a.document(c.Seed, sgemmRate(rows))
	d.Add(rows...)
	return a.print(d)
}

// measure returns the rows of the parts, those of the matrix products first if any part needs them.
func (c *benchCmd) measure(ctx context.Context, a *app, parts []benchPart) (rows []report.Row, err error) {
	if slices.ContainsFunc(parts, func(p benchPart) bool { return p.rate }) {
		a.log.Info("bench", "part", "sgemm")
		if rows, err = bench.Sgemm(ctx, bench.SgemmConfig{Runs: c.Runs, Backend: a.flags.Backend, Seed: c.Seed}); err != nil {
			return nil, err
		}
	}
	cfg := bench.Config{Runs: c.Runs, Backend: a.flags.Backend, Seed: c.Seed, Rate: bench.BestRate(rows)}
	if c.Peers {
		cfg.Peer = bench.PeerConfig{Python: c.PeerPython, Dir: c.PeerDir, JAX: c.JAX}
	}
	if c.Explain {
		cfg.Explain = a.stderr
	}
	for _, p := range parts {
		if p.run == nil {
			continue
		}
		a.log.Info("bench", "part", p.name)
		r, err := p.run(ctx, cfg)
		if c.Part == "" && errors.Is(err, importer.ErrNoFFmpeg) {
			a.log.Warn("bench", "part", p.name, "not measured", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

// sgemmRate returns the best matrix-product rate among the rows, ours or the
// peer's: what the machine can do. 0 if none was measured.
func sgemmRate(rows []report.Row) float64 {
	best := 0.0
	for _, r := range rows {
		if strings.HasPrefix(r.Name, "bench/sgemm/") && r.Unit == "gflops" {
			best = max(best, r.Value)
		}
	}
	return best
}
