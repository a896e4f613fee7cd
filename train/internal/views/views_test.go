package views_test

import (
	"path/filepath"
	"slices"
	"testing"

	"foresee/data"
	"foresee/train/internal/views"
)

// episodes is a dataset of episodes of these lengths, of frames of one pixel.
func episodes(t *testing.T, lengths ...int) *data.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	w, err := data.Create(dir, data.Meta{Name: "views", Frame: data.Frame{Height: 1, Width: 1, Channels: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for e, length := range lengths {
		for range length {
			if err := w.Append([]uint8{uint8(e)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.EndEpisode(); err != nil {
			t.Fatal(err)
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

// Pairs lie half an episode apart, in the episodes that are kept, first as many of these as can be and then more of each.
func TestPairs(t *testing.T) {
	d := episodes(t, 8, 5, 1, 6) // they begin with steps 0, 8, 13, 14
	all := func(int) bool { return true }
	for name, c := range map[string]struct {
		views, most int
		keep        func(int) bool
		want        []int
	}{
		"one of each":           {1, 4, all, []int{2, 6, 9, 11, 13, 13, 15, 18}},
		"of two, spread":        {1, 2, all, []int{2, 6, 13, 13}},
		"both views":            {2, 4, all, []int{2, 6, 13, 13, 22, 26, 33, 33}},
		"all there are":         {1, 100, func(e int) bool { return e != 0 }, []int{8, 10, 9, 11, 13, 13, 14, 17, 15, 18, 16, 19}},
		"two of one":            {1, 2, func(e int) bool { return e == 0 }, []int{1, 5, 3, 7}},
		"no episode to be kept": {1, 4, func(int) bool { return false }, nil},
	} {
		got := views.Plan{Views: c.views, Phase: 1}.Pairs(d, c.most, c.keep)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestClips(t *testing.T) {
	d := episodes(t, 5, 9, 3, 12, 9)
	all := func(int) bool { return true }
	for _, c := range []struct {
		most   int
		use    func(int) bool
		from   []int
		length int
	}{
		{9, all, []int{5, 17, 29}, 9},
		{20, all, []int{17}, 12},
		{4, all, []int{0, 5, 17, 29}, 4},
		{9, func(e int) bool { return e == 0 || e == 2 }, []int{0}, 5},
		{9, func(int) bool { return false }, nil, 0},
	} {
		if from, length := views.Clips(d, c.most, c.use); !slices.Equal(from, c.from) || length != c.length {
			t.Errorf("at most %d: from %v, %d long, want %v, %d", c.most, from, length, c.from, c.length)
		}
	}
}
