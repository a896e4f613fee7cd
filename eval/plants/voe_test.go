package plants

import (
	"context"
	"strings"
	"testing"

	"foresee/env/plant"
	"foresee/report"
)

// TestNullsAreExact runs all families: every score of a few readings is worth 0.5
// and not a bit more, the oracle 1, and so is persistence, which sees two readings.
func TestNullsAreExact(t *testing.T) {
	cfg := ExpectationConfig{Seed: 1, Train: 40, Quads: 10}
	rows, err := Expectations(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	doc := report.Document{Rows: rows}
	if err := doc.Validate(); err != nil {
		t.Error(err)
	}
	nulls, oracles := 0, 0
	for _, r := range rows {
		reversal := strings.Contains(r.Name, plant.FamilyReversal)
		switch {
		case strings.Contains(r.Name, "/null/"), strings.Contains(r.Name, "/persistence/") && !reversal:
			if nulls++; r.Value != 0.5 {
				t.Errorf("%s = %g, want exactly 0.5", r.Name, r.Value)
			}
		case strings.Contains(r.Name, "/oracle/"):
			if oracles++; r.Value != 1 {
				t.Errorf("%s = %g, want 1", r.Name, r.Value)
			}
		}
		if r.N != cfg.Quads {
			t.Errorf("%s: n = %d, want %d", r.Name, r.N, cfg.Quads)
		}
	}
	if want := 2*2*5 + 3; nulls != want || oracles != 5 {
		t.Errorf("%d nulls and %d oracles, want %d and 5", nulls, oracles, want)
	}
}

// TestPairsByHand scores by the readings themselves.
func TestPairsByHand(t *testing.T) {
	value := named{judge: linear([][]float64{{1}})}
	q := &plant.Quad{Channels: []string{"x"}, Splice: 1, P1: []float64{9, 1}, P2: []float64{8, 2}, I1: []float64{9, 2}, I2: []float64{8, 1}}
	// S: P1 1, P2 2, I1 2, I2 1; prefix 1 < 2 right, 2 > 1 wrong; suffix ties
	if p, s, err := value.pairs(q); p != 0.5 || s != 0.5 || err != nil {
		t.Errorf("prefix %g, suffix %g, %v", p, s, err)
	}
	q.I2 = []float64{8, 3} // both prefix pairs right; suffix: 3 over 1 right, 2 and 2 tie
	if p, s, err := value.pairs(q); p != 1 || s != 0.75 || err != nil {
		t.Errorf("prefix %g, suffix %g, %v", p, s, err)
	}
	q = &plant.Quad{Channels: []string{"x"}, P1: []float64{3, 1}, I1: []float64{2, 1}}
	if p, _, err := value.pairs(q); p != 0 || err != nil {
		t.Errorf("whole recordings: %g, %v", p, err)
	}
}
