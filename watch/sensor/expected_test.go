package sensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// uneven returns a machine whose second channel trembles up to ten times as much where the
// first is far from 0, on either side, and where that is.
func uneven(seed uint64, readings int) (*Table, []bool) {
	rng := rand.New(rand.NewPCG(seed, 0))
	out, loud, x := &Table{Channels: []string{"drive", "tremble"}, Source: "uneven"}, []bool(nil), 0.0
	phase := 2 * math.Pi * rng.Float64()
	for i := range readings {
		drive := math.Sin(2*math.Pi*float64(i)/400 + phase)
		loud = append(loud, math.Abs(drive) > math.Sqrt(0.5))
		x = 0.5*x + 0.1*math.Pow(10, drive*drive)*rng.NormFloat64()
		out.Rows = append(out.Rows, Row{begin.Add(time.Duration(i) * time.Second), []float64{drive + 0.01*rng.NormFloat64(), x}, i + 2})
	}
	return out, loud
}

// A bump that would be nothing where the machine trembles is much where it is quiet.
func TestErrorsAreSetAgainstWhatIsUsualThere(t *testing.T) {
	table, _ := uneven(1, 20000)
	m := fit(t, ModelConfig{Inputs: []string{"drive"}}, table)
	score := func(table *Table) []float64 {
		scores, _, err := Scores(m, table, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float64, len(table.Rows))
		for i, s := range scores {
			out[i+len(table.Rows)-len(scores)] = s
		}
		return out
	}
	normal, loud := uneven(2, 20000)
	scores := score(normal)
	sorted := slices.Sorted(slices.Values(scores))
	bumps, found := 0, 0
	for i := 2000; i < len(loud)-60; i += 500 {
		for loud[i] || loud[i+3] || loud[i-20] {
			i++
		}
		bumped, _ := uneven(2, i+1)
		bumped.Rows[i].Values[1] += 1
		bumped.Rows = bumped.Rows[i-1500:]
		s := score(bumped)
		if bumps++; s[len(s)-1] > sorted[len(sorted)*99/100] {
			found++
		}
	}
	if float64(found) < 0.9*float64(bumps) {
		t.Errorf("%d of %d bumps of ten deviations in quiet times are stranger than 99 %% of readings", found, bumps)
	}
}
