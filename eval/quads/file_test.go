package quads

import (
	"encoding/json"
	"fmt"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foresee/data"
	"foresee/eval"
	"foresee/report"
)

// quadSpec is a quadruplet for a test: noise frames of a given size whose clips agree as spliced ones do.
type quadSpec struct {
	family               string
	frames, splice, h, w int
	hidden, sayHidden    int
	unlike               bool // the four clips share nothing
	seed                 uint64
}

// writeQuad makes the folder of a quadruplet.
func writeQuad(t *testing.T, dir string, s quadSpec) {
	t.Helper()
	r := rand.New(rand.NewPCG(s.seed, 1))
	frame := func() []uint8 {
		f := make([]uint8, s.h*s.w*3)
		for i := range f {
			f[i] = uint8(r.IntN(256))
		}
		return f
	}
	var halves [2][][]uint8 // of P1 and P2
	for u := range s.frames {
		a, b := frame(), frame()
		if u >= s.splice-s.hidden && u < s.splice {
			b = a
		}
		halves[0], halves[1] = append(halves[0], a), append(halves[1], b)
	}
	for c, from := range [4][2]int{{0, 0}, {1, 1}, {0, 1}, {1, 0}} {
		for u := range s.frames {
			which := from[0]
			if u >= s.splice {
				which = from[1]
			}
			f := halves[which][u]
			if s.unlike {
				f = frame()
			}
			savePNG(t, filepath.Join(dir, clipNames[c], fmt.Sprintf("%04d.png", u)), f, s.h, s.w)
		}
	}
	q := fmt.Sprintf(`{"family": %q, "splice": %d, "hidden": %d, "clips": {"P1": "P1", "P2": "P2", "I1": "I1", "I2": "I2"}}`, s.family, s.splice, s.sayHidden)
	saveFile(t, filepath.Join(dir, "quad.json"), q)
}

func savePNG(t *testing.T, path string, frame []uint8, h, w int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, report.FrameImage(frame, h, w, 3)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func saveFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Clips of any length, size and family: the nulls are exact on matched ones, and neither family, splice nor hidden
// reach the scorer or a prefix score.
func TestClipsOfAnyKind(t *testing.T) {
	frame := data.Frame{Height: 11, Width: 7, Channels: 3}
	write := func(change func(s *quadSpec)) string {
		dir := t.TempDir()
		for i, s := range []quadSpec{
			{family: "drop / red", frames: 9, splice: 6, hidden: 3, seed: 1},
			{family: "drop / red", frames: 9, splice: 5, hidden: 2, seed: 2},
			{family: "gravity", frames: 40, splice: 20, hidden: 9, seed: 3},
			{family: "drop / red", frames: 23, splice: 12, hidden: 1, seed: 4},
		} {
			s.h, s.w, s.sayHidden = 11, 7, s.hidden
			if change != nil {
				change(&s)
			}
			writeQuad(t, filepath.Join(dir, fmt.Sprint("q", i)), s)
		}
		saveFile(t, filepath.Join(dir, "notes.txt"), "not a quadruplet")
		return dir
	}
	var lengths []int
	s := scorerFunc(func(c eval.Frames) []float64 {
		lengths = append(lengths, c.T)
		return sinceFirst(c)
	})
	rows := surprised(t, s, Config{Seed: 1, Clips: write(nil), Frame: frame})
	slices.Sort(lengths)
	if want := []int{9, 9, 9, 9, 9, 9, 9, 9, 23, 23, 23, 23, 40, 40, 40, 40}; !slices.Equal(lengths, want) {
		t.Errorf("clips of %v frames scored, want %v", lengths, want)
	}
	nulls := 0
	for _, r := range rows {
		if strings.HasPrefix(r.Name, "null/") {
			nulls++
			if r.Value != 0.5 {
				t.Errorf("%s = %v, want exactly one half", r.Name, r.Value)
			}
		}
	}
	if nulls < 12 {
		t.Errorf("%d null rows", nulls)
	}
	wantRow(t, rows, "surprise/setting/matched", 1, 4)
	wantRow(t, rows, "surprise/setting/quads", 4, 0)
	for name, n := range map[string]int{"mean": 8, "drop / red": 6, "gravity": 2} {
		for _, kind := range []string{"prefix", "suffix"} {
			if r := find(t, rows, "surprise/"+name+"/"+kind); r.N != n {
				t.Errorf("%s of %d pairs, want %d", r.Name, r.N, n)
			}
		}
		find(t, rows, "surprise/"+name+"/auroc")
	}
	find(t, rows, "surprise/mean/hidden/9/prefix")
	// What the file says changes groups and suffix scores alone; some are hidden for longer than the splice is from the start.
	other := surprised(t, s, Config{Seed: 1, Frame: frame, Clips: write(func(s *quadSpec) { s.sayHidden = 9 })})
	for _, r := range rows {
		if strings.HasSuffix(r.Name, "prefix") && !strings.Contains(r.Name, "/hidden/") && bare(find(t, other, r.Name)) != bare(r) {
			t.Errorf("with another hidden %s is %s, it was %s", r.Name, bare(find(t, other, r.Name)), bare(r))
		}
	}
}

// The splice that the file names moves suffix scores and nothing else, and clips that share nothing are said to be
// unmatched.
func TestSpliceReachesSuffixAlone(t *testing.T) {
	dir := t.TempDir()
	spec := quadSpec{family: "a", frames: 12, splice: 6, hidden: 2, h: 8, w: 8, seed: 7}
	writeQuad(t, filepath.Join(dir, "q"), spec)
	s := scorerFunc(sinceFirst)
	cfg := Config{Clips: dir, Frame: data.Frame{Height: 8, Width: 8, Channels: 3}}
	first := surprised(t, s, cfg)
	path := filepath.Join(dir, "q", "quad.json")
	moved := 0
	for splice := 1; splice < 12; splice++ {
		saveFile(t, path, fmt.Sprintf(`{"family": "a", "splice": %d, "clips": {"P1": "P1", "P2": "P2", "I1": "I1", "I2": "I2"}}`, splice))
		rows := surprised(t, s, cfg)
		for _, r := range first {
			if strings.HasSuffix(r.Name, "prefix") && !strings.Contains(r.Name, "/hidden/") && bare(find(t, rows, r.Name)) != bare(r) {
				t.Errorf("splice %d: %s is %s, it was %s", splice, r.Name, bare(find(t, rows, r.Name)), bare(r))
			}
		}
		if find(t, rows, "surprise/a/suffix").Value != find(t, first, "surprise/a/suffix").Value {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no splice moves the suffix score, so the test sees nothing")
	}
	spec.unlike = true
	writeQuad(t, filepath.Join(dir, "q"), spec)
	wantRow(t, surprised(t, s, cfg), "surprise/setting/matched", 0, 1)
}

// Each fault is an error that says what and where.
func TestQuadFaults(t *testing.T) {
	const clips = `"clips": {"P1": "P1", "P2": "P2", "I1": "I1", "I2": "I2"}`
	for _, c := range []struct {
		name string
		json string
		harm func(dir string)
		want []string
	}{
		{"unknown field", `{"family": "a", "splice": 4, "colour": "red", ` + clips + `}`, nil, []string{"quad.json", "colour"}},
		{"unknown clip", `{"family": "a", "splice": 4, "clips": {"P1": "P1", "P2": "P2", "I1": "I1", "I2": "I2", "P3": "P3"}}`, nil, []string{"quad.json", "P3"}},
		{"no splice", `{"family": "a", ` + clips + `}`, nil, []string{"splice is missing"}},
		{"splice 0", `{"family": "a", "splice": 0, ` + clips + `}`, nil, []string{"splice 0"}},
		{"splice at the end", `{"family": "a", "splice": 8, ` + clips + `}`, nil, []string{"splice 8", "frame 7"}},
		{"hidden for less than no time", `{"family": "a", "splice": 4, "hidden": -1, ` + clips + `}`, nil, []string{"hidden -1"}},
		{"hidden for longer than the clip", `{"family": "a", "splice": 4, "hidden": 9, ` + clips + `}`, nil, []string{"hidden 9", "8 frames"}},
		{"again before splice", `{"family": "a", "splice": 4, "again": 3, ` + clips + `}`, nil, []string{"again 3"}},
		{"again after the end", `{"family": "a", "splice": 4, "again": 8, ` + clips + `}`, nil, []string{"again 8"}},
		{"no family", `{"splice": 4, ` + clips + `}`, nil, []string{"family"}},
		{"a family of all", `{"family": "mean", "splice": 4, ` + clips + `}`, nil, []string{`"mean"`, "taken"}},
		{"no clips", `{"family": "a", "splice": 4}`, nil, []string{"clips is missing"}},
		{"one clip missing", `{"family": "a", "splice": 4, "clips": {"P1": "P1", "P2": "P2", "I1": "I1"}}`, nil, []string{"clips.I2 is missing"}},
		{"one clip twice", `{"family": "a", "splice": 4, "clips": {"P1": "P1", "P2": "P2", "I1": "P1", "I2": "I2"}}`, nil, []string{"clips.I1", "P1 is the same folder"}},
		{"a clip elsewhere", `{"family": "a", "splice": 4, "clips": {"P1": "../../etc", "P2": "P2", "I1": "I1", "I2": "I2"}}`, nil, []string{"clips.P1", "../../etc"}},
		{"no JSON", `family: a`, nil, []string{"quad.json", "invalid character"}},
		{"two objects", `{"family": "a", "splice": 4, ` + clips + `}{}`, nil, []string{"more data"}},
		{"no folder", "", func(dir string) { os.RemoveAll(filepath.Join(dir, "I2")) }, []string{"clips.I2", "no clip folder"}},
		{"a frame missing", "", func(dir string) { os.Remove(filepath.Join(dir, "P2", "0003.png")) }, []string{"P2", "0003.png is missing"}},
		{"unequal lengths", "", func(dir string) { os.Remove(filepath.Join(dir, "I1", "0007.png")) }, []string{"I1 has 7 frames", "P1 has 8"}},
		{"an odd name", "", func(dir string) {
			os.Rename(filepath.Join(dir, "P1", "0000.png"), filepath.Join(dir, "P1", "first.png"))
		}, []string{"first.png", "0000.png"}},
		{"an empty clip", "", func(dir string) {
			os.RemoveAll(filepath.Join(dir, "P1"))
			os.Mkdir(filepath.Join(dir, "P1"), 0o777)
		}, []string{"P1", "holds no pictures"}},
		{"a broken picture", "", func(dir string) { os.Truncate(filepath.Join(dir, "I1", "0005.png"), 40) }, []string{filepath.Join("I1", "0005.png")}},
		{"another size", "", func(dir string) {
			for u := range 8 {
				savePNG(t, filepath.Join(dir, "P2", fmt.Sprintf("%04d.png", u)), make([]uint8, 6*5*3), 6, 5)
			}
		}, []string{"P2", "5x6", "8x8", "resize"}},
		{"a frame of another size", "", func(dir string) {
			savePNG(t, filepath.Join(dir, "P2", "0004.png"), make([]uint8, 6*5*3), 6, 5)
		}, []string{filepath.Join("P2", "0004.png"), "5x6", "8x8"}},
	} {
		dir := t.TempDir()
		at := filepath.Join(dir, "q1")
		writeQuad(t, at, quadSpec{family: "a", frames: 8, splice: 4, h: 8, w: 8})
		if c.json != "" {
			saveFile(t, filepath.Join(at, "quad.json"), c.json)
		}
		if c.harm != nil {
			c.harm(at)
		}
		_, err := Score(t.Context(), scorerFunc(change), Config{Clips: dir, Frame: data.Frame{Height: 8, Width: 8, Channels: 3}})
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range append(c.want, "q1") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v; want it to say %q", c.name, err, w)
			}
		}
	}
	cfg := Config{Frame: data.Frame{Height: 8, Width: 8, Channels: 3}}
	cfg.Clips = t.TempDir()
	if _, err := Score(t.Context(), scorerFunc(change), cfg); err == nil || !strings.Contains(err.Error(), "holds no quadruplet") {
		t.Errorf("an empty folder: %v", err)
	}
	writeQuad(t, cfg.Clips, quadSpec{family: "a", frames: 8, splice: 4, h: 8, w: 8})
	if _, err := Score(t.Context(), scorerFunc(change), cfg); err == nil || !strings.Contains(err.Error(), "is one quadruplet") {
		t.Errorf("a quadruplet's own folder: %v", err)
	}
	cfg.Clips = filepath.Join(cfg.Clips, "nowhere")
	if _, err := Score(t.Context(), scorerFunc(change), cfg); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("no folder: %v", err)
	}
}

// Whatever a quad.json holds, decoding ends in an error or in something that is written back the same.
func FuzzDecodeQuad(f *testing.F) {
	f.Add([]byte(`{"family": "a", "splice": 16, "hidden": 12, "clips": {"P1": "P1", "P2": "P2", "I1": "I1", "I2": "I2"}}`))
	f.Add([]byte(`{"family": "a", "splice": 1e99, "clips": null}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := decodeQuad(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeQuad(again)
		if err != nil || *back.Splice != *q.Splice || *back.Clips != *q.Clips || back.Family != q.Family {
			t.Errorf("%s is read as %+v, written as %s, then %v", text, q, again, err)
		}
	})
}
