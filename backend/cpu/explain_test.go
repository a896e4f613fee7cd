package cpu_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"foresee/backend/cpu"
)

func TestExplain(t *testing.T) {
	b, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	in := []tensor{{make([]float32, 12), []int{4, 3}}, {make([]float32, 15), []int{3, 5}}, {make([]float32, 20), []int{4, 5}}}
	e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		y, err := f.DotGeneral(x[0], []int{1}, nil, x[1], []int{0}, nil, compute.DotGeneralConfig{})
		if err != nil {
			return nil, err
		}
		if y, err = f.Tanh(y); err != nil {
			return nil, err
		}
		y, err = f.Mul(y, x[2])
		return []compute.Value{y}, err
	})
	profile := e.(cpu.Explainer)
	profile.SetProfile(true)
	for range 3 {
		if _, err := e.Execute(buffers(t, b, in), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	rows := profile.Explain()
	want := map[string]cpu.StepTime{
		"[4 3] [3 5] -> [4 5]": {Graph: "test", Kernel: "DotGeneral", Step: 0, Calls: 3, FLOP: 2 * 4 * 3 * 5, Bytes: 4 * (12 + 15 + 20)},
		"Tanh Mul [4 5]":       {Graph: "test", Kernel: "Fused", Step: 1, Calls: 3, FLOP: 40, Bytes: 4 * (20 + 20 + 20)},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d: %+v", len(rows), len(want), rows)
	}
	for _, r := range rows {
		w, ok := want[r.Shape]
		w.Shape, w.Time, w.Least = r.Shape, r.Time, r.Least
		if !ok || r != w || r.Least <= 0 || r.Time < 3*r.Least {
			t.Errorf("row %+v, want %+v", r, w)
		}
	}
	var table strings.Builder
	if err := cpu.WriteSteps(&table, rows, 1); err != nil {
		t.Fatal(err)
	}
	if got := table.String(); strings.Count(got, "\n") != 3 || !strings.Contains(got, "1 more rows: ") || !strings.Contains(got, rows[0].Shape) {
		t.Errorf("table:\n%s", got)
	}
	table.Reset()
	twice := append(slices.Clone(rows), rows...)
	twice[3].Least, twice[3].Time = 1, 1e9
	if err := cpu.WriteSteps(&table, twice, 0); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(table.String(), "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], rows[1].Shape) || !strings.Contains(lines[1], "   0      6  ") {
		t.Errorf("table of steps that come twice, the second kernel's more slowly but for once:\n%s", table.String())
	}
}
