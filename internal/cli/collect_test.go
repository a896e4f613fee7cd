package cli

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/data"
	"foresee/env/tworooms"
)

// collected records a small dataset and opens it.
func collected(t *testing.T, flags ...string) (*data.Dataset, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rooms")
	call(t, append([]string{"collect", "tworooms", "-o", dir}, flags...)...).want(t, ExitDone)
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, dir
}

// TestCollectWritesTheWalks compares every frame, action and privileged row
// with the world itself.
func TestCollectWritesTheWalks(t *testing.T) {
	d, _ := collected(t, "--episodes", "5", "--steps", "9", "--size", "33", "--seed", "7")
	if h, w, c := d.FrameShape(); h != 33 || w != 33 || c != 2 || d.Episodes() != 5 || d.Steps() != 45 {
		t.Fatalf("dataset of %d episodes, %d steps, frames %dx%dx%d; want 5, 45, 33x33x2", d.Episodes(), d.Steps(), h, w, c)
	}
	action, _ := d.Column(data.ActionColumn)
	state, _ := d.Privileged(data.StateColumn)
	layout, _ := d.Privileged(data.LayoutColumn)
	for e := range 5 {
		walk := tworooms.Walks(tworooms.WalkConfig{Frames: 9, Layout: tworooms.LayoutTrain}, 7, e)
		frames := walk.Render(33)
		first, n := d.Episode(e)
		if n != 9 {
			t.Fatalf("episode %d has %d steps, want 9", e, n)
		}
		for i := range n {
			step, size := first+i, len(frames)/n
			if !bytes.Equal(d.Frame(step), frames[i*size:(i+1)*size]) {
				t.Errorf("episode %d, step %d: the frame is not the world's", e, i)
			}
			want := tworooms.Point{}
			if i < n-1 {
				want = walk.Actions[i]
			}
			if a := action.Row(step); a[0] != float32(want.X) || a[1] != float32(want.Y) {
				t.Errorf("episode %d, step %d: action %v, want %v", e, i, a, want)
			}
			if s := state.Row(step); s[0] != float32(walk.Points[i].X) || s[1] != float32(walk.Points[i].Y) {
				t.Errorf("episode %d, step %d: state %v, want %v", e, i, s, walk.Points[i])
			}
			if l := layout.Row(step); int(l[0]) != walk.Layout.WallX || int(l[1]) != walk.Layout.DoorY {
				t.Errorf("episode %d, step %d: layout %v, want %v", e, i, l, walk.Layout)
			}
		}
	}
}

// layouts counts the layouts of a dataset's episodes and those held out.
func layouts(d *data.Dataset) (different, heldOut int) {
	seen := map[tworooms.Layout]bool{}
	column, _ := d.Privileged(data.LayoutColumn)
	for e := range d.Episodes() {
		first, _ := d.Episode(e)
		row := column.Row(first)
		l := tworooms.Layout{WallX: int(row[0]), DoorY: int(row[1])}
		if !seen[l] {
			different++
		}
		seen[l] = true
		if l.HeldOut() {
			heldOut++
		}
	}
	return different, heldOut
}

func TestCollectLayouts(t *testing.T) {
	few := []string{"--episodes", "300", "--steps", "2", "--size", "33"}
	d, _ := collected(t, few...)
	if n, held := layouts(d); n < 100 || held != 0 {
		t.Errorf("default: %d layouts, %d episodes held out; want many and none", n, held)
	}
	d, _ = collected(t, append(few, "--heldout")...)
	if n, held := layouts(d); n < 100 || held < 10 || held > 60 {
		t.Errorf("--heldout: %d layouts, %d of 300 episodes held out; want about 30", n, held)
	}
	d, _ = collected(t, append(few, "--layout", "fixed")...)
	if n, _ := layouts(d); n != 1 {
		t.Errorf("--layout fixed: %d layouts, want 1", n)
	}
}

func TestCollectSeeds(t *testing.T) {
	read := func(seed string) []byte {
		_, dir := collected(t, "--episodes", "3", "--steps", "5", "--size", "33", "--seed", seed)
		b, err := os.ReadFile(filepath.Join(dir, "pixels.npy"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, again, two := read("1"), read("1"), read("2")
	if !bytes.Equal(one, again) {
		t.Error("the same seed gives different frames")
	}
	if bytes.Equal(one, two) {
		t.Error("two seeds give the same frames")
	}
}

func TestCollectJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rooms")
	d := call(t, "collect", "tworooms", "-o", dir, "--episodes", "2", "--steps", "3", "--size", "33", "--seed", "5", "--json").document(t)
	row, ok := d.Find("collect/tworooms/frames")
	if !ok || row.Value != 6 || d.Seed != 5 || math.IsNaN(row.Value) {
		t.Errorf("document %+v, want 6 frames with seed 5", d)
	}
}

func TestCollectRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(flags ...string) []string {
		return append([]string{"collect", "tworooms", "-o", filepath.Join(dir, "new")}, flags...)
	}
	call(t, "collect", "tworooms").want(t, ExitUsage, "--out")
	call(t, "collect", "mars", "-o", dir).want(t, ExitUsage, "mars", "tworooms")
	call(t, at("--size", "64")...).want(t, ExitUsage, "--size 64", "65", "33")
	call(t, at("--episodes", "0")...).want(t, ExitUsage, "--episodes 0")
	call(t, at("--steps", "1")...).want(t, ExitUsage, "--steps 1")
	call(t, at("--layout", "fixed", "--heldout")...).want(t, ExitUsage, "--heldout")
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("dear"), 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "collect", "tworooms", "-o", dir).want(t, ExitFailed, dir, "other files")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("after refusals the folder holds %v (%v), want thesis.txt alone", left, err)
	}
}

// TestCollectInterrupted shows that a cancelled recording leaves nothing.
func TestCollectInterrupted(t *testing.T) {
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := Run(ctx, []string{"collect", "tworooms", "-o", filepath.Join(parent, "rooms")}, strings.NewReader(""), &out, &errs)
	if code != ExitFailed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d, stderr %q; want 1 and \"interrupted\"", code, errs.String())
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
		t.Errorf("an interrupted recording left %v (%v)", left, err)
	}
}
