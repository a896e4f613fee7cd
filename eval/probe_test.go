package eval

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/report"
)

func TestProbeRows(t *testing.T) {
	m := tiny(t, nil)
	cfg := ProbeConfig{Seed: 1, Episodes: 60, SkipMLP: true}
	rows, err := Probe(t.Context(), m, nil, cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := report.Document{Rows: rows}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	for _, what := range []string{"position_rmse", "wall_rmse", "door_rmse", "floor/position_rmse", "floor/wall_rmse", "floor/door_rmse",
		"heldout/position_rmse", "heldout/wall_rmse", "heldout/door_rmse"} {
		if r := find(t, rows, "probe/tworooms/"+what); !(r.Value > 0) || r.N == 0 {
			t.Errorf("%s = %g, n = %d", r.Name, r.Value, r.N)
		}
	}
	again, err := Probe(t.Context(), m, nil, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, again); diff != "" {
		t.Errorf("the same seed gives other rows:\n%s", diff)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if strings.HasPrefix(e.Name(), "foresee-eval-") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

func TestRolloutRows(t *testing.T) {
	m := tiny(t, nil)
	rows, err := Rollout(t.Context(), m, nil, ProbeConfig{Seed: 1, Episodes: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"1", "8", "16", "32", "64"} {
		for _, what := range []string{"rmse/", "floor/stay/", "latent_mse/", "floor/copy_last/"} {
			find(t, rows, "rollout/tworooms/"+what+k)
		}
	}
	if len(rows) != 20 {
		t.Errorf("%d rows, want 20", len(rows))
	}
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "eval-test-*")
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", dir) // fresh trajectories go there, where nobody else's are
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func TestProbeRefusesOtherFrames(t *testing.T) {
	m := tiny(t, func(c *jepa.Config) { c.Frame.Height, c.Frame.Width = 65, 65 })
	if _, err := Probe(t.Context(), m, walks(t, 4), ProbeConfig{Episodes: 4}); err == nil || !strings.Contains(err.Error(), "33x33x2") {
		t.Errorf("error = %v, want one that names 33x33x2", err)
	}
	m = tiny(t, func(c *jepa.Config) { c.Frame.Height, c.Frame.Width = 48, 48 })
	if _, err := Rollout(t.Context(), m, nil, ProbeConfig{}); err == nil || !strings.Contains(err.Error(), "48x48x2") {
		t.Errorf("error = %v, want one that names 48x48x2", err)
	}
}

// TestFreshRoomsAreHeldOutWalks compares the recorded columns with the walks they are made of.
func TestFreshRoomsAreHeldOutWalks(t *testing.T) {
	r, err := heldOutRooms(t.Context(), 5, tworooms.SmallSize, 9)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	layout, _ := r.Privileged(data.LayoutColumn)
	state, _ := r.Privileged(data.StateColumn)
	action, _ := r.Column(data.ActionColumn)
	for e := range r.Episodes() {
		first, n := r.Episode(e)
		w := tworooms.Walks(tworooms.WalkConfig{Layout: tworooms.LayoutHeldOut}, 9, e)
		if l := (tworooms.Layout{WallX: int(layout.Row(first)[0]), DoorY: int(layout.Row(first)[1])}); l != w.Layout || !l.HeldOut() {
			t.Errorf("episode %d: layout %v, want %v", e, l, w.Layout)
		}
		for i := range n {
			p, a := state.Row(first+i), tworooms.Point{}
			if i < n-1 {
				a = w.Actions[i]
			}
			if q := w.Points[i]; p[0] != float32(q.X) || p[1] != float32(q.Y) {
				t.Errorf("episode %d, step %d: at %v, want %v", e, i, p, q)
			}
			if got := action.Row(first + i); got[0] != float32(a.X) || got[1] != float32(a.Y) {
				t.Errorf("episode %d, step %d: action %v, want %v", e, i, got, a)
			}
			want := make([]uint8, len(r.Frame(first+i)))
			tworooms.Render(want, tworooms.SmallSize, w.Layout, w.Points[i])
			if !cmp.Equal(r.Frame(first+i), want) {
				t.Errorf("episode %d, step %d: another frame", e, i)
			}
		}
	}
}

// TestRootMean works an example by hand: two episodes with mean squares 1 and 4, then of the second column alone.
func TestRootMean(t *testing.T) {
	squared, episodes := []float64{0, 2, 2, 0, 3, 5}, []int{3, 3, 8}
	r := rootMean("x", squared, []int{0, 1}, episodes, "")
	if want := math.Sqrt(2.5); r.Value != want || r.N != 2 {
		t.Errorf("both columns: %g of %d, want %g of 2", r.Value, r.N, want)
	}
	if r := rootMean("x", squared, []int{1}, episodes, ""); r.Value != math.Sqrt(3) {
		t.Errorf("second column: %g, want %g", r.Value, math.Sqrt(3))
	}
}

func TestSplitByLayout(t *testing.T) {
	m := tiny(t, nil)
	r, err := freshRooms(t.Context(), 40, tworooms.SmallSize, tworooms.LayoutRandom, 9)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fit, test, err := splitByLayout(t.Context(), m, r.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]seen{"fit": fit, "test": test} {
		n := len(s.groups)
		if n == 0 || s.z.Rows() != n || s.w.Rows() != n || s.state.Rows() != n || s.layout.Rows() != n {
			t.Errorf("%s: %d rows, %d latents, %d static codes", name, n, s.z.Rows(), s.w.Rows())
		}
		for i := range n {
			l := tworooms.Layout{WallX: int(s.layout.Row(i)[0]), DoorY: int(s.layout.Row(i)[1])}
			if l.HeldOut() != (name == "test") {
				t.Fatalf("%s has layout %v", name, l)
			}
		}
	}
	if n := len(fit.groups) + len(test.groups); n != 40*framesPerEpisode {
		t.Errorf("%d rows, want %d", n, 40*framesPerEpisode)
	}
}
