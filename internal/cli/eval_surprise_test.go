package cli

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foresee/report"
)

// physicsModel trains a model without memory on possible clips in a moment.
func physicsModel(t *testing.T) string {
	t.Helper()
	_, dataset := physicsClips(t, "--episodes", "12")
	model := filepath.Join(t.TempDir(), "model")
	args := []string{"train", "-d", dataset, "-o", model, "--preset", "video", "--steps", "2"}
	for _, a := range []string{"train.log_every=1", "train.save_every=2", "train.stop_on_collapse=false", "train.pixels.batch=2",
		"model.encoder.channels=[4, 4, 4, 4]", "model.encoder.latent=256", "model.predictor.hidden=[4]"} {
		args = append(args, "--set", a)
	}
	call(t, args...).want(t, ExitDone)
	return model
}

// The built-in quadruplets, and the same written as pictures: a model without memory gets exactly half of either, and
// every row is the same.
func TestEvalSurprise(t *testing.T) {
	model := physicsModel(t)
	file := filepath.Join(t.TempDir(), "results", "video.n1.s1.json")
	choice := []string{"--quads", "2", "--families", "shape,solidity", "--noise", "N1", "--seed", "4"}
	args := append([]string{"eval", "surprise", "-m", model, "--nulls", "2", "-o", file, "--json"}, choice...)
	d := call(t, args...).document(t)
	for _, name := range []string{"surprise/mean/prefix", "surprise/mean/suffix", "surprise/shape/prefix", "null/frame-difference/prefix",
		"null/worst/suffix", "surprise/mean/floor/untrained"} {
		if r, ok := d.Find(name); !ok || r.Value != 0.5 {
			t.Errorf("%s = %+v, want exactly one half", name, r)
		}
	}
	if r, ok := d.Find("surprise/mean/auroc"); !ok || r.N != 16 || d.Seed != 4 {
		t.Errorf("surprise/mean/auroc = %+v with seed %d, want 16 clips and seed 4", r, d.Seed)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written, err := report.Decode(f)
	if err != nil || len(written.Rows) != len(d.Rows) {
		t.Errorf("-o wrote %d rows (%v), --json printed %d", len(written.Rows), err, len(d.Rows))
	}

	clips := filepath.Join(t.TempDir(), "quads")
	made := call(t, append([]string{"collect", "physics", "-o", clips, "--json"}, choice...)...).document(t)
	if r, ok := made.Find("collect/physics/episodes"); !ok || r.Value != 16 {
		t.Errorf("collect/physics/episodes = %+v, want 16", r)
	}
	read := call(t, "eval", "surprise", "-m", model, "--clips", clips, "--nulls", "2", "--seed", "4", "--json").document(t)
	same := 0
	for _, r := range read.Rows {
		if strings.HasPrefix(r.Name, "surprise/setting/") {
			continue
		}
		if b, ok := d.Find(r.Name); !ok || b.Value != r.Value || b.N != r.N {
			t.Errorf("%s = %v of %d from pictures, %v of %d built in", r.Name, r.Value, r.N, b.Value, b.N)
		}
		same++
	}
	if same < 60 {
		t.Errorf("%d rows compared", same)
	}
	text := call(t, "eval", "surprise", "-m", model, "--clips", clips, "--nulls", "0")
	text.want(t, ExitDone)
	if !strings.Contains(text.stdout, "surprise/mean/prefix") || strings.Contains(text.stdout, "/curve/") {
		t.Errorf("the table is\n%s\nwant the scores and no curve", text.stdout)
	}
	call(t, "import", clips, "-o", filepath.Join(t.TempDir(), "d")).want(t, ExitFailed, "quad.json", "impossible")
}

// Families of all tiers, benign events and all, are documented.
func TestEvalSurpriseTiers(t *testing.T) {
	model := physicsModel(t)
	d := call(t, "eval", "surprise", "-m", model, "--quads", "2", "--nulls", "0", "--families", "support,visible-teleport,teleport", "--json").document(t)
	for _, name := range []string{"surprise/support/floor/frame-difference", "surprise/visible-teleport/benign/light", "surprise/visible-teleport/benign/floor/door"} {
		if _, ok := d.Find(name); !ok {
			t.Errorf("no row %s", name)
		}
	}
	if r, ok := d.Find("surprise/mean/prefix"); !ok || r.N != 4 {
		t.Errorf("surprise/mean/prefix = %+v, want 4 pairs: teleport alone", r)
	}
	call(t, "eval", "surprise", "-m", model, "--quads", "2", "--nulls", "0", "--families", "support", "--json").document(t)
	plain := call(t, "eval", "surprise", "-m", model, "--quads", "2", "--nulls", "0", "--families", "support", "--plain", "--json").document(t)
	if r, ok := plain.Find("surprise/setting/plain"); !ok || r.Value != 1 {
		t.Errorf("surprise/setting/plain = %+v of plain clips, want 1", r)
	}
	if r, ok := d.Find("surprise/setting/plain"); !ok || r.Value != 0 {
		t.Errorf("surprise/setting/plain = %+v of others, want 0", r)
	}
}

func TestEvalSurpriseMistakes(t *testing.T) {
	rooms, _ := tinyModel(t)
	model := physicsModel(t)
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	call(t, "eval", "surprise").want(t, ExitUsage, "--model")
	call(t, "eval", "surprise", "-m", nowhere).want(t, ExitFailed, nowhere, "no model")
	call(t, "eval", "surprise", "-m", rooms).want(t, ExitFailed, rooms, "actions")
	call(t, "eval", "surprise", "-m", model, "--quads", "0").want(t, ExitUsage, "--quads 0")
	call(t, "eval", "surprise", "-m", model, "--nulls=-1").want(t, ExitUsage, "--nulls -1")
	call(t, "eval", "surprise", "-m", model, "--families", "shape,shape").want(t, ExitUsage, "shape is there twice")
	call(t, "eval", "surprise", "-m", model, "--families", "magic").want(t, ExitUsage, "magic", "inertia-speed")
	call(t, "eval", "surprise", "-m", model, "--hidden", "5").want(t, ExitUsage, "5")
	call(t, "eval", "surprise", "-m", model, "--level", "9").want(t, ExitUsage, "--level 9")
	call(t, "eval", "surprise", "-m", model, "--plain", "--split", "unseen-speeds").want(t, ExitUsage, "--plain with --split unseen-speeds")
	call(t, "eval", "surprise", "-m", model, "--split", "unseen").want(t, ExitUsage, "unseen")
	call(t, "eval", "surprise", "-m", model, "--clips", nowhere).want(t, ExitFailed, nowhere)
	small := filepath.Join(t.TempDir(), "small")
	for _, clip := range []string{"P1", "P2", "I1", "I2"} {
		if err := os.MkdirAll(filepath.Join(small, "q"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(pictures(t, 4), filepath.Join(small, "q", clip)); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if err := os.Rename(filepath.Join(small, "q", clip, "frame"+string(rune('0'+i))+".png"), filepath.Join(small, "q", clip, "000"+string(rune('0'+i))+".png")); err != nil {
				t.Fatal(err)
			}
		}
	}
	quad := `{"family": "own", "splice": 2, "hidden": 1, "clips": {"P1": "P1", "P2": "P2", "I1": "I1", "I2": "I2"}}`
	if err := os.WriteFile(filepath.Join(small, "q", "quad.json"), []byte(quad), 0o666); err != nil {
		t.Fatal(err)
	}
	call(t, "eval", "surprise", "-m", model, "--clips", small).want(t, ExitFailed, filepath.Join("q", "P1"), "40x30", "64x64")
}

// The share of pairs is a number between its bounds, whatever the family.
func TestEvalSurpriseIntervals(t *testing.T) {
	model := physicsModel(t)
	d := call(t, "eval", "surprise", "-m", model, "--quads", "2", "--nulls", "0", "--families", "colour", "--hidden", "8", "--json").document(t)
	checked := 0
	for _, r := range d.Rows {
		if r.Unit == "ratio" && r.Lo != nil && !math.IsNaN(r.Value) {
			checked++
			if *r.Lo < 0 || *r.Hi > 1 || r.Value < *r.Lo || r.Value > *r.Hi {
				t.Errorf("%s = %v in [%v, %v]", r.Name, r.Value, *r.Lo, *r.Hi)
			}
		}
	}
	if checked < 30 {
		t.Errorf("%d intervals checked", checked)
	}
	var runs []string
	for _, r := range d.Rows {
		if strings.HasPrefix(r.Name, "surprise/mean/hidden/") {
			runs = append(runs, r.Name)
		}
	}
	if want := []string{"surprise/mean/hidden/8/prefix", "surprise/mean/hidden/8/suffix"}; !slices.Equal(runs, want) {
		t.Errorf("rows %v, want %v", runs, want)
	}
}
