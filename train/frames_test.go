package train

import (
	"fmt"
	"path/filepath"
	"testing"

	"foresee/data"
	"foresee/jepa"
)

// Which frame is which row of the cache: of every episode those half a stride apart, or, with Sparse, a whole stride apart
// from the first on or from half a stride on, by turns, and in the mirror image the others. Each comes once, as it is or
// left for right.
func TestStretches(t *testing.T) {
	const stride = 4
	lengths := []int{32, 1, 2, 3, 9, 2100, 10, 6, 7}
	d := numbered(t, lengths)
	for _, sparse := range []bool{false, true} {
		for _, views := range []int{1, 2} {
			tr := &trainer{opts: Options{Data: d}, cfg: Config{Model: jepa.Config{Predictor: jepa.PredictorConfig{Kind: jepa.PredictorTransformer, Stride: stride}}}}
			tr.cfg.Train.Latents.Sparse, tr.cfg.Train.Latents.Mirror = sparse, views == 2
			var want []string
			c := tr.layout()
			for view := range views {
				for e := range lengths {
					first, length := d.Episode(e)
					from, every := 0, 2
					if sparse {
						from, every = 2*((e+view)%2), 4
					}
					if got := c.first[view*len(lengths)+e]; got != len(want) {
						t.Fatalf("sparse %t: episode %d of view %d begins in row %d, want %d", sparse, e, view, got, len(want))
					}
					for s := first + from; s < first+length; s += every {
						want = append(want, string([]byte{byte(s), byte(s >> 8)}))
						if view == 1 {
							want[len(want)-1] = string([]byte{byte(s >> 8), byte(s)})
						}
					}
					if got := c.first[view*len(lengths)+e] + c.length[view*len(lengths)+e]; got != len(want) {
						t.Fatalf("sparse %t: episode %d of view %d ends before row %d, want %d", sparse, e, view, got, len(want))
					}
				}
			}
			got := make([]string, len(want))
			for s := range tr.stretches(c) {
				for i := range s.N {
					if got[s.First+i] != "" {
						t.Fatalf("sparse %t, %d views: row %d comes twice", sparse, views, s.First+i)
					}
					got[s.First+i] = string(s.Pixels[2*i : 2*i+2])
				}
			}
			for row := range want {
				if got[row] != want[row] {
					t.Fatalf("sparse %t, %d views: row %d is %q, want %q", sparse, views, row, got[row], want[row])
				}
			}
		}
	}
}

// The physics preset leaves out phases only where clips are many.
func TestPhysicsSparse(t *testing.T) {
	for _, many := range []bool{false, true} {
		lengths := make([]int, manyClips)
		if many {
			lengths = append(lengths, 1)
		}
		for i := range lengths {
			lengths[i] = 1
		}
		cfg := physics(jepa.FrameConfig{Height: 1, Width: 2, Channels: 1}, numbered(t, lengths))
		if cfg.Train.Latents.Sparse != many || cfg.Model.Predictor.Colours {
			t.Errorf("%d clips of one channel: sparse %t and colours %t, want %t and false", len(lengths), cfg.Train.Latents.Sparse, cfg.Model.Predictor.Colours, many)
		}
	}
}

// numbered is a dataset of episodes of these lengths whose frames of two pixels hold the number of their step.
func numbered(t *testing.T, lengths []int) *data.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "numbered")
	w, err := data.Create(dir, data.Meta{Name: "numbered", Frame: data.Frame{Height: 1, Width: 2, Channels: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	step := 0
	for e, length := range lengths {
		for range length {
			if err := w.Append([]byte{byte(step), byte(step >> 8)}, nil); err != nil {
				t.Fatal(err)
			}
			step++
		}
		if err := w.EndEpisode(); err != nil {
			t.Fatal(fmt.Errorf("episode %d: %w", e, err))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}
