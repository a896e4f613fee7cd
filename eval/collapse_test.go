package eval

import (
	"math"
	"strings"
	"testing"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/report"
	"foresee/train"
)

// TestDifference compares with the worked example of Newcombe 1998, table II (a): 56/70 against 48/80.
func TestDifference(t *testing.T) {
	lo, hi := difference(rate{56, 70}, rate{48, 80})
	if math.Abs(lo-0.0524) > 5e-5 || math.Abs(hi-0.3339) > 5e-5 {
		t.Errorf("interval of 56/70 - 48/80 is [%.4f, %.4f], want [0.0524, 0.3339]", lo, hi)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		published float64
		a, b      rate
		want      verdict
	}{
		{-50, rate{2, 20}, rate{19, 20}, reproduced},
		{-50, rate{19, 20}, rate{2, 20}, contradicted},
		{50, rate{19, 20}, rate{2, 20}, reproduced},
		{50, rate{2, 20}, rate{19, 20}, contradicted},
		{-50, rate{9, 20}, rate{10, 20}, undecided},
		{-50, rate{0, 20}, rate{0, 20}, undecided},
	} {
		if got := judge(c.published, c.a, c.b); got != c.want {
			t.Errorf("published %+g, %v against %v: %v, want %v", c.published, c.a, c.b, got, c.want)
		}
	}
}

func TestOrdering(t *testing.T) {
	of := func(published float64, k int) outcome {
		return outcome{ablation: ablation{published: published}, success: rate{k, 40}}
	}
	row, ok := ordering("p", []outcome{of(97, 38), of(47, 15), of(46, 39), of(1, 16)})
	// 97>47 and 97>1 hold, 97>46 is undecided, 47-46 is no difference, 47>1 undecided, 46>1 holds
	if !ok || row.Name != "collapse/p/ordering" || row.N != 5 || row.Value != 0.6 || !strings.Contains(row.Note, "0 contradicted, 2 undecided") {
		t.Errorf("ordering is %+v, %v", row, ok)
	}
	if row, _ := ordering("p", []outcome{of(97, 2), of(1, 38)}); row.Value != 0 || !strings.Contains(row.Note, "1 contradicted, 0 undecided") {
		t.Errorf("ordering of the reverse is %+v", row)
	}
	if _, ok := ordering("p", []outcome{of(math.NaN(), 2), of(math.NaN(), 38)}); ok {
		t.Error("an ordering without published figures")
	}
}

// TestAblationsSwitchOneGroupOff looks at what each ablation changes in the config of its preset.
func TestAblationsSwitchOneGroupOff(t *testing.T) {
	d := walks(t, 4)
	for preset, n := range map[string]int{"tworooms": 6, "eb-jepa": 5} {
		all, err := ablations(preset)
		if err != nil || len(all) != n || all[0].off != "none" {
			t.Fatalf("%s: %d ablations, error %v, want %d and none first", preset, len(all), err, n)
		}
		for i, a := range all {
			full, err := train.Preset(preset, d)
			if err != nil {
				t.Fatal(err)
			}
			cfg := full
			a.change(&cfg)
			if same := cfg.Train.Pixels.Weights == full.Train.Pixels.Weights && cfg.Train.Pixels.Within == full.Train.Pixels.Within; same != (i == 0) {
				t.Errorf("%s without %s: the loss is that of the preset: %v", preset, a.off, same)
			}
			if err := cfg.Validate(); err != nil {
				t.Errorf("%s without %s: %v", preset, a.off, err)
			}
		}
	}
	if _, err := ablations("video"); err == nil {
		t.Error("ablations of video")
	}
	if n := (CollapseConfig{}).Trainings(); n != 11 {
		t.Errorf("%d trainings, want 11", n)
	}
}

// walks is a small dataset of 33-px Two Rooms.
func walks(t *testing.T, n int) *data.Dataset {
	t.Helper()
	r, err := freshRooms(t.Context(), n, tworooms.SmallSize, tworooms.LayoutTrain, 7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r.Dataset
}

func TestMeasuredSeesEveryRow(t *testing.T) {
	d := walks(t, 12)
	seen := 0
	cfg := CollapseConfig{Seed: 1, Presets: []string{"tworooms"}, Steps: 1, Batch: 4, Episodes: -1, Measured: func(rows []report.Row) { seen += len(rows) }}.withDefaults()
	s := study{cfg: cfg, train: d, test: d, dir: t.TempDir()}
	found, err := s.preset(t.Context(), "tworooms")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 6 || seen != 6*6 {
		t.Errorf("%d trainings, %d rows measured, want 6 and 36", len(found), seen)
	}
}

func TestAblationIsTrainedAndMeasured(t *testing.T) {
	d := walks(t, 12)
	s := study{cfg: CollapseConfig{Seed: 1, Steps: 2, Batch: 4, Episodes: 1}.withDefaults(), train: d, test: d, dir: t.TempDir()}
	all, err := ablations("tworooms")
	if err != nil {
		t.Fatal(err)
	}
	full, err := s.run(t.Context(), "tworooms", all[0])
	if err != nil {
		t.Fatal(err)
	}
	doc := report.Document{Rows: full.rows}
	if err := doc.Validate(); err != nil {
		t.Error(err)
	}
	for _, what := range []string{"rank", "std", "static_share", "xy_rmse", "door_rmse", "copy_ratio", "success"} {
		if r := find(t, full.rows, "collapse/tworooms/none/"+what); !(r.Value >= 0) || r.N == 0 {
			t.Errorf("%s = %g, n = %d", r.Name, r.Value, r.N)
		}
	}
	other := outcome{ablation: ablation{off: "x", published: 47}, success: rate{1, 20}, rows: []report.Row{{Name: "x"}}}
	full.success, full.published = rate{19, 20}, 97
	other.compare(full)
	for _, word := range []string{"-90 points", "published 47 % against 97 %", "reproduced"} {
		if !strings.Contains(other.rows[0].Note, word) {
			t.Errorf("note %q does not say %q", other.rows[0].Note, word)
		}
	}
}
