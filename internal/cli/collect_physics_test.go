package cli

import (
	"bytes"
	"path/filepath"
	"testing"

	"foresee/data"
	"foresee/env/physics"
)

// physicsClips records possible clips and opens them.
func physicsClips(t *testing.T, flags ...string) (*data.Dataset, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "physics")
	call(t, append([]string{"collect", "physics", "-o", dir}, flags...)...).want(t, ExitDone)
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, dir
}

// The frames are those of the world itself, in order, whatever the number of threads.
func TestCollectPhysicsWritesTheClips(t *testing.T) {
	for _, c := range []struct {
		every, frames int
		flags         []string
		world         physics.Config
	}{
		{1, 32, []string{"--threads", "1"}, physics.Config{}},
		{2, 16, []string{"--every", "2", "--noise", "N3", "--level", "4"}, physics.Config{Noise: physics.N3, Level: 4}},
		{3, 11, []string{"--every", "3", "--noise", "N7"}, physics.Config{Noise: physics.N7}},
		{4, 8, []string{"--every", "4", "--plain"}, physics.Config{Plain: true}},
	} {
		d, _ := physicsClips(t, append(c.flags, "--episodes", "23", "--seed", "9")...)
		if h, w, ch := d.FrameShape(); h != 64 || w != 64 || ch != 3 || d.Episodes() != 23 || d.Steps() != 23*c.frames || d.ActionWidth() != 0 {
			t.Fatalf("%v: %d episodes, %d steps of %dx%dx%d, %d actions; want 23, %d of 64x64x3, none", c.flags, d.Episodes(), d.Steps(), h, w, ch, d.ActionWidth(), 23*c.frames)
		}
		for e := range d.Episodes() {
			clip := physics.Train(c.world, 9, e)
			first, n := d.Episode(e)
			for i := range n {
				if !bytes.Equal(d.Frame(first+i), clip.Frame(c.every*i)) {
					t.Fatalf("%v: frame %d of episode %d is not frame %d of the clip", c.flags, i, e, c.every*i)
				}
			}
		}
	}
}

func TestCollectPhysicsSaysWhatItDid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "physics")
	d := call(t, "collect", "physics", "-o", dir, "--episodes", "3", "--every", "4", "--seed", "6", "--json").document(t)
	if row, ok := d.Find("collect/physics/frames"); !ok || row.Value != 24 || d.Seed != 6 {
		t.Errorf("document %+v, want 24 frames with seed 6", d)
	}
	call(t, "collect", "physics", "-o", dir).want(t, ExitFailed, dir, "already holds a dataset")
	other := dir + "2"
	call(t, "collect", "physics", "-o", other, "--noise", "N8").want(t, ExitUsage, "N8", "N7")
	call(t, "collect", "physics", "-o", other, "--level", "5").want(t, ExitUsage, "--level 5")
	call(t, "collect", "physics", "-o", other, "--level", "0").want(t, ExitUsage, "--level 0")
	call(t, "collect", "physics", "-o", other, "--every", "17").want(t, ExitUsage, "--every 17")
	call(t, "collect", "physics", "-o", other, "--episodes", "0").want(t, ExitUsage, "--episodes 0")
	call(t, "collect", "physics", "-o", other, "--split", "unseen-colours").want(t, ExitUsage, "--quads")
	call(t, "collect", "physics", "-o", other, "--quads", "2", "--every", "2").want(t, ExitUsage, "--every 2")
	call(t, "collect", "physics", "-o", other, "--quads=-1").want(t, ExitUsage, "--quads -1")
	call(t, "collect", "physics", "-o", other, "--quads", "2", "--families", "magic").want(t, ExitUsage, "magic", "permanence")
	call(t, "collect", "physics").want(t, ExitUsage, "--out")
}
