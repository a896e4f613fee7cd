package plants

import (
	"context"
	"slices"
	"strings"
	"testing"

	"foresee/env/plant"
	"foresee/report"
)

// TestNullsAreExact runs all families: every score of a few readings of single channels
// is worth 0.5 and not a bit more, and so is persistence, which sees two readings, where
// those are matched; the oracle is worth 1. Of controls PCA finds all, and none of their
// rows is named as a family's.
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
	windows := []string{plant.FamilyLevel, plant.FamilyVelocity, plant.FamilyCycle}
	nulls, oracles, controls := 0, 0, 0
	for _, r := range rows {
		part := strings.Split(r.Name, "/")
		control := part[2] == "control"
		switch {
		case slices.Contains(part, "null"), slices.Contains(part, "persistence") && slices.Contains(windows, part[2]):
			if nulls++; r.Value != 0.5 || control {
				t.Errorf("%s = %g, want exactly 0.5, of no control", r.Name, r.Value)
			}
		case slices.Contains(part, "oracle"), slices.Contains(part, "pca") && control:
			if oracles++; r.Value != 1 {
				t.Errorf("%s = %g, want 1", r.Name, r.Value)
			}
		}
		if control {
			controls++
		} else if !slices.Contains(plant.Families(), part[2]) {
			t.Errorf("%s is of no family", r.Name)
		}
		if r.N != cfg.Quads {
			t.Errorf("%s: n = %d, want %d", r.Name, r.N, cfg.Quads)
		}
	}
	if want := 3*2*5 + 3*4 + 3; nulls != want || oracles != 3*2+4+3*2 || controls != 3*9 {
		t.Errorf("%d nulls, %d oracles and controls that PCA sees, %d rows of controls; want %d, 16 and 27", nulls, oracles, controls, want)
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
	q = &plant.Quad{Match: plant.MatchValues, Channels: []string{"x"}, P1: []float64{3, 1}, I1: []float64{2, 1}}
	if p, _, err := value.pairs(q); p != 0 || err != nil {
		t.Errorf("whole recordings: %g, %v", p, err)
	}
}
