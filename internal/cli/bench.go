package cli

import (
	"context"
	"slices"
	"strings"

	"foresee/internal/bench"
	"foresee/report"
)

// benchCmd measures speed beside a peer.
type benchCmd struct {
	Part string `arg:"" optional:"" help:"What to measure: ${benches}; all of them if left out."`
	Runs int    `default:"0" help:"Measured runs behind a figure; 0 = enough for a median."`
	Seed uint64 `default:"1" help:"Seed of the inputs (${default})."`
}

// benchPart is one thing that foresee bench measures.
type benchPart struct {
	name string
	run  func(ctx context.Context, a *app, c *benchCmd) ([]report.Row, error)
}

// benchParts lists what foresee bench measures, in the order in which it does.
func benchParts() []benchPart {
	return []benchPart{
		{"sgemm", runBenchSgemm},
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
	var rows []report.Row
	for _, p := range parts {
		a.log.Info("bench", "part", p.name)
		r, err := p.run(ctx, a, c)
		if err != nil {
			return err
		}
		rows = append(rows, r...)
	}
	d := a.document(c.Seed, sgemmRate(rows))
	d.Add(rows...)
	return a.print(d)
}

func runBenchSgemm(ctx context.Context, a *app, c *benchCmd) ([]report.Row, error) {
	return bench.Sgemm(ctx, bench.SgemmConfig{Runs: c.Runs, Backend: a.flags.Backend, Seed: c.Seed})
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
