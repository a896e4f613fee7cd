package quads

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"foresee/data"
	"foresee/env/physics"
	"foresee/eval"
	"foresee/report"
)

// scorerFunc scores clip by clip.
type scorerFunc func(c eval.Frames) []float64

func (f scorerFunc) Score(_ context.Context, clips []eval.Frames) ([][]float64, error) {
	var rows [][]float64
	for _, c := range clips {
		rows = append(rows, f(c))
	}
	return rows, nil
}

func sum(pixels []uint8) [32]byte { return sha256.Sum256(pixels) }

// told is a scorer that is told, by the clips' bytes, what each clip is: it gives of(family, clip) at frame at(q).
func told(families []physics.Family, world physics.Config, n int, seed uint64, of func(f physics.Family, c int) float64, at func(q *physics.Quadruplet) int) scorerFunc {
	type known struct {
		value float64
		frame int
	}
	all := map[[32]byte]known{}
	for _, f := range families {
		for i := range n {
			q := physics.Quad(world, f, eval.Seed("surprise", seed), i)
			for c, clip := range q.Clips() {
				all[sum(clip.Pixels)] = known{of(f, c), at(&q)}
			}
		}
	}
	return func(c eval.Frames) []float64 {
		row := make([]float64, c.T)
		for t := range row {
			row[t] = 1
		}
		if k, ok := all[sum(c.Pixels)]; ok {
			row[k.frame] = k.value
		}
		return row
	}
}

// change is the mean absolute difference of consecutive frames: a score of two-frame windows.
func change(c eval.Frames) []float64 {
	row, size := make([]float64, c.T), c.H*c.W*c.C
	for t := 1; t < c.T; t++ {
		for i, v := range c.Pixels[t*size : (t+1)*size] {
			row[t] += math.Abs(float64(v)-float64(c.Pixels[(t-1)*size+i])) / float64(size)
		}
	}
	return row
}

// sinceFirst is how much has changed since the first frame: a score with a memory.
func sinceFirst(c eval.Frames) []float64 {
	row, size := make([]float64, c.T), c.H*c.W*c.C
	for t := range row {
		for i, v := range c.Pixels[t*size : (t+1)*size] {
			d := float64(v) - float64(c.Pixels[i])
			row[t] += d * d
		}
	}
	return row
}

func physicsConfig(n int, families ...physics.Family) Config {
	return Config{Seed: 5, Quads: n, Families: families, Frame: physicsFrame()}
}

func surprised(t *testing.T, s eval.ClipScorer, cfg Config) []report.Row {
	t.Helper()
	rows, err := Score(t.Context(), s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := report.Document{Rows: rows}
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func wantRow(t *testing.T, rows []report.Row, name string, value float64, n int) {
	t.Helper()
	if r := find(t, rows, name); math.Abs(r.Value-value) > 1e-12 || r.N != n {
		t.Errorf("%s = %v of %d, want %v of %d", name, r.Value, r.N, value, n)
	}
}

// A score of short windows gets exactly half of the pairs, as every trivial score does; in full view it wins.
func TestSurpriseNulls(t *testing.T) {
	cfg := physicsConfig(2, physics.ColourConstancy, physics.Solidity, physics.VisibleTeleport)
	cfg.World = physics.Config{Noise: physics.N3, Level: 3}
	rows := surprised(t, scorerFunc(change), cfg)
	nulls := 0
	for _, r := range rows {
		if !strings.HasPrefix(r.Name, "null/") {
			continue
		}
		nulls++
		if r.Value != 0.5 {
			t.Errorf("%s = %v, want exactly one half", r.Name, r.Value)
		}
	}
	if nulls != 24 {
		t.Errorf("%d null rows, want 11 scores and the worst, twice", nulls)
	}
	for _, name := range []string{"mean/prefix", "mean/suffix", "memory/prefix", "physics/suffix", "colour/prefix", "solidity/prefix"} {
		if r := find(t, rows, "surprise/"+name); r.Value != 0.5 {
			t.Errorf("%s = %v, want exactly one half", r.Name, r.Value)
		}
	}
	wantRow(t, rows, "surprise/visible-teleport/prefix", 1, 4)
	wantRow(t, rows, "surprise/visible-teleport/floor/frame-difference", 1, 4)
	wantRow(t, rows, "surprise/mean/oracle/prefix", 1, 8)
	wantRow(t, rows, "surprise/mean/oracle/suffix", 1, 8)
	wantRow(t, rows, "surprise/memory/floor/still", 1, 4)
	wantRow(t, rows, "surprise/physics/floor/still", 0.5, 4)
	wantRow(t, rows, "surprise/setting/matched", 1, 4)
	wantRow(t, rows, "surprise/setting/noise", 3, 0)
	wantRow(t, rows, "surprise/setting/level", 3, 0)
}

// Who knows gets everything; what T1 and T2 get is pooled with nothing.
func TestSurpriseOfOneWhoKnows(t *testing.T) {
	families := []physics.Family{physics.Permanence, physics.Collision, physics.Support, physics.VisibleTeleport}
	onT0 := func(f physics.Family, c int) float64 {
		if f.Tier() == 0 && c >= 2 {
			return 9
		}
		return 1
	}
	splice := func(q *physics.Quadruplet) int { return q.Splice }
	rows := surprised(t, told(families, physics.Config{}, 3, 5, onT0, splice), physicsConfig(3, families...))
	for name, want := range map[string]float64{"mean": 1, "memory": 1, "physics": 1, "permanence": 1, "collision": 1, "support": 0.5, "visible-teleport": 0.5} {
		for _, kind := range []string{"prefix", "suffix", "prefix_max", "auroc", "auroc_mean"} {
			if r := find(t, rows, "surprise/"+name+"/"+kind); r.Value != want || r.Lo == nil || r.Hi == nil {
				t.Errorf("%s = %+v, want %g with an interval", r.Name, r, want)
			}
		}
	}
	wantRow(t, rows, "surprise/mean/prefix", 1, 12)
	wantRow(t, rows, "surprise/mean/auroc", 1, 24)
	for _, h := range []int{4, 8, 12, 16} { // the curve is flat but for impossible clips at the splice
		d := report.Document{Rows: rows}
		if r, ok := d.Find(fmt.Sprintf("surprise/mean/hidden/%d/prefix", h)); ok && r.Value != 1 {
			t.Errorf("%s = %v", r.Name, r.Value)
		}
	}
	for k := -8; k <= 8; k++ {
		d := report.Document{Rows: rows}
		for kind, want := range map[string]float64{"possible": 1, "impossible": 1} {
			r, ok := d.Find(fmt.Sprintf("surprise/mean/curve/%s/%d", kind, k))
			if kind == "impossible" && k == 0 {
				want = 9
			}
			if ok && math.Abs(r.Value-want) > 1e-12 {
				t.Errorf("%s = %v, want %v", r.Name, r.Value, want)
			}
			if !ok && k <= 6 {
				t.Errorf("no row of the curve at %d", k)
			}
		}
	}
}

// Suffix pairs are judged on frames from the splice on, prefix pairs on all; one who looks a frame too early is wrong
// about the first alone.
func TestSuffixBeginsAtTheSplice(t *testing.T) {
	families := []physics.Family{physics.ShapeConstancy}
	for _, c := range []struct {
		early  int
		suffix float64
	}{{0, 1}, {1, 0.5}} {
		s := told(families, physics.Config{}, 4, 5, func(_ physics.Family, c int) float64 { return float64(1 + c/2) },
			func(q *physics.Quadruplet) int { return q.Splice - c.early })
		rows := surprised(t, s, physicsConfig(4, families...))
		wantRow(t, rows, "surprise/shape/suffix", c.suffix, 8)
		wantRow(t, rows, "surprise/shape/prefix", 1, 8)
	}
}

// Where frames are expected better than by one who remembers nothing, surprise is below 0: pairs are compared all the
// same, and the curve, in units of the mean absolute surprise of possible clips, shows it.
func TestSurpriseBelowZero(t *testing.T) {
	s := told([]physics.Family{physics.Gravity}, physics.Config{}, 3, 5, func(_ physics.Family, c int) float64 { return float64(c/2) - 4 },
		func(q *physics.Quadruplet) int { return q.Splice })
	below := scorerFunc(func(c eval.Frames) []float64 {
		row := s(c)
		for t := range row {
			if row[t] == 1 {
				row[t] = -2
			}
		}
		return row
	})
	rows := surprised(t, below, physicsConfig(3, physics.Gravity))
	wantRow(t, rows, "surprise/gravity/prefix", 1, 6)
	wantRow(t, rows, "surprise/gravity/suffix", 1, 6)
	unit := (31*2. + 4) / 32
	for name, want := range map[string]float64{"possible/0": -4, "impossible/0": -3, "possible/1": -2, "impossible/-1": -2} {
		if r := find(t, rows, "surprise/mean/curve/"+name); math.Abs(r.Value-want/unit) > 1e-12 {
			t.Errorf("%s = %v, want %v", r.Name, r.Value, want/unit)
		}
	}
}

// Seeds, splits and development draw different clips, and none of them is a training clip.
func TestSurpriseSeeds(t *testing.T) {
	seen := map[[32]byte]string{}
	for i := range 50 {
		seen[sum(physics.Train(physics.Config{}, 5, i).Pixels)] = "training"
	}
	for _, cfg := range []Config{
		physicsConfig(2, physics.Teleport),
		{Seed: 6, Quads: 2, Families: []physics.Family{physics.Teleport}, Frame: physicsFrame()},
		{Seed: 5, Quads: 2, Families: []physics.Family{physics.Teleport}, Frame: physicsFrame(), Development: true},
		{Seed: 5, Quads: 2, Families: []physics.Family{physics.Teleport}, Frame: physicsFrame(), World: physics.Config{Split: physics.UnseenColours}},
	} {
		clips := 0
		surprised(t, scorerFunc(func(c eval.Frames) []float64 {
			clips++
			name := fmt.Sprintf("%+v", cfg)
			if old := seen[sum(c.Pixels)]; old != "" {
				t.Errorf("a clip of %s is one of %s", name, old)
			}
			seen[sum(c.Pixels)] = name
			return make([]float64, c.T)
		}), cfg)
		if clips != 8 {
			t.Errorf("%d clips scored, want 8", clips)
		}
	}
}

// Untrained nets go through the same pairs, each on its own.
func TestUntrainedNets(t *testing.T) {
	families := []physics.Family{physics.Permanence, physics.Gravity}
	cfg := physicsConfig(3, families...)
	right := told(families, physics.Config{}, 3, 5, func(_ physics.Family, c int) float64 { return float64(1 + c/2) }, func(q *physics.Quadruplet) int { return q.Splice })
	wrong := told(families, physics.Config{}, 3, 5, func(_ physics.Family, c int) float64 { return float64(2 - c/2) }, func(q *physics.Quadruplet) int { return q.Splice })
	opened, closed := map[uint64]bool{}, 0
	cfg.Nets, cfg.NetQuads = 4, 2
	cfg.Untrained = func(seed uint64) (eval.ClipScorer, func(), error) {
		opened[seed] = true
		s := right
		if len(opened) == 1 {
			s = wrong
		}
		return s, func() { closed++ }, nil
	}
	begun := 0
	cfg.Begun = func() { begun++ }
	total, err := cfg.Quadruplets()
	if err != nil {
		t.Fatal(err)
	}
	rows := surprised(t, right, cfg)
	if len(opened) != 4 || closed != 4 || begun != total || total != 6+4*4 {
		t.Errorf("%d nets opened, %d closed; %d of %d quadruplets, want 4, 4, 22 of 22", len(opened), closed, begun, total)
	}
	wantRow(t, rows, "surprise/mean/prefix", 1, 12)
	for _, name := range []string{"mean/floor/untrained", "gravity/floor/untrained", "memory/floor/untrained_suffix", "mean/floor/untrained_auroc"} {
		wantRow(t, rows, "surprise/"+name, 0.75, 4)
	}
	if r := find(t, rows, "surprise/mean/floor/untrained"); !strings.Contains(r.Note, "std 0.500, best 1.000; 4 quadruplets") {
		t.Errorf("note %q", r.Note)
	}
}

// A score that is no surprise is an error that says where.
func TestSurpriseRefusesScores(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		s := scorerFunc(func(c eval.Frames) []float64 {
			row := make([]float64, c.T)
			row[17] = bad
			return row
		})
		_, err := Score(t.Context(), s, physicsConfig(1, physics.Gravity))
		if err == nil || !strings.Contains(err.Error(), "gravity 0, clip P1") || !strings.Contains(err.Error(), "frame 17") {
			t.Errorf("score %g: error %v, want one that names gravity 0, clip P1 and frame 17", bad, err)
		}
	}
	cfg := physicsConfig(1, physics.Gravity)
	cfg.Frame = data.Frame{Height: 65, Width: 65, Channels: 2}
	if _, err := Score(t.Context(), scorerFunc(change), cfg); err == nil || !strings.Contains(err.Error(), "65x65x2") {
		t.Errorf("another frame size: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Score(ctx, scorerFunc(change), physicsConfig(1, physics.Gravity)); err == nil {
		t.Error("no error after the context ended")
	}
}

// Written quadruplets give the rows of the built-in run, to the last bit.
func TestQuadsRoundTrip(t *testing.T) {
	cfg := physicsConfig(2, physics.Continuity, physics.ColourConstancy)
	cfg.World = physics.Config{Noise: physics.N7, Level: 1, Split: physics.UnseenColours}
	dir := filepath.Join(t.TempDir(), "sub", "quads")
	n, err := Write(t.Context(), dir, cfg)
	if err != nil || n != 4 {
		t.Fatalf("%d quadruplets, %v", n, err)
	}
	for i := range 2 {
		q, err := readQuadFolder(filepath.Join(dir, fmt.Sprintf("%05d-continuity", i)))
		if w := physics.Quad(cfg.World, physics.Continuity, cfg.seed(), i); err != nil || *q.Splice != w.Splice || q.Hidden != w.Hidden || q.Again != w.Again {
			t.Errorf("continuity %d: splice %d, hidden %d, again %d (%v); want %d, %d, %d", i, *q.Splice, q.Hidden, q.Again, err, w.Splice, w.Hidden, w.Again)
		}
	}
	s := scorerFunc(sinceFirst)
	folder := Config{Seed: 5, Clips: dir, Frame: physicsFrame()}
	built, read := surprised(t, s, cfg), surprised(t, s, folder)
	compared := 0
	for _, r := range read {
		if strings.HasPrefix(r.Name, "surprise/setting/") {
			continue
		}
		want := find(t, built, r.Name)
		if bare(r) != bare(want) {
			t.Errorf("%s: %v from the folder, %v built in", r.Name, bare(r), bare(want))
		}
		compared++
	}
	if compared < 75 {
		t.Errorf("%d rows compared", compared)
	}
	if r := find(t, read, "surprise/mean/prefix"); r.Value == 0.5 {
		t.Error("the score has no memory, so the comparison says little")
	}
	if _, err := Write(t.Context(), dir, cfg); err == nil {
		t.Error("quadruplets are written into a folder that holds some")
	}
}

// bare shows all of a row but its note.
func bare(r report.Row) string {
	r.Note = ""
	text, err := r.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return string(text)
}
