package data_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"foresee/data"
)

func newLoader(t testing.TB, d *data.Dataset, cfg data.ClipConfig) *data.Loader {
	t.Helper()
	l, err := data.NewLoader(d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestClipsAreWhatTheySay compares every part of a batch with the dataset.
func TestClipsAreWhatTheySay(t *testing.T) {
	d := openDataset(t, writeDataset(t, 9, 3, 8))
	act, _ := d.Column(data.ActionColumn)
	l := newLoader(t, d, data.ClipConfig{Batch: 5, Offsets: []int{0, 1, 4}, Context: true, Seed: 3})
	if l.Clips() != 5+4 || l.Span() != 4 || l.Frames() != 4 {
		t.Fatalf("%d clips, span %d, %d frames; want 9, 4, 4", l.Clips(), l.Span(), l.Frames())
	}
	checked := 0
	for k := range uint64(20) {
		b := l.Batch(k)
		for i := range 5 {
			offset, length := d.Episode(b.Episode[i])
			if b.Start[i] < offset || b.Start[i]+4 >= offset+length {
				t.Fatalf("clip at %d leaves its episode [%d, %d)", b.Start[i], offset, offset+length)
			}
			if b.Context[i] < offset || b.Context[i] >= offset+length {
				t.Fatalf("context at %d leaves its episode [%d, %d)", b.Context[i], offset, offset+length)
			}
			for f, step := range []int{b.Start[i], b.Start[i] + 1, b.Start[i] + 4, b.Context[i]} {
				at := (i*4 + f) * 30
				if !slices.Equal(b.Pixels[at:at+30], d.Frame(step)) {
					t.Fatalf("batch %d clip %d frame %d is not step %d", k, i, f, step)
				}
			}
			if !slices.Equal(b.Actions[i*8:i*8+8], act.Rows(b.Start[i], 4)) {
				t.Fatalf("batch %d clip %d has other actions", k, i)
			}
			checked++
		}
	}
	if checked != 100 {
		t.Errorf("%d clips checked, want 100", checked)
	}
}

func TestEveryStartOnceAnEpoch(t *testing.T) {
	d := openDataset(t, writeDataset(t, 9, 3, 40, 8))
	skip := func(episode int) bool { return episode != 0 }
	// Batches of 7 do not divide the 2 + 39 + 7 = 48 starts: they span epochs.
	l := newLoader(t, d, data.ClipConfig{Batch: 7, Offsets: []int{1, 0}, Seed: 5, Filter: skip, NoPixels: true})
	if l.Clips() != 48 {
		t.Fatalf("%d clips, want 48", l.Clips())
	}
	var items []int
	for k := uint64(0); len(items) < 4*48; k++ {
		b := l.Batch(k)
		if len(b.Pixels) != 0 || len(b.Actions) != 7*2 {
			t.Fatalf("%d bytes of pixels, %d of actions; want 0 and 14", len(b.Pixels), len(b.Actions))
		}
		items = append(items, b.Start...)
	}
	var want []int
	for e := 1; e < 4; e++ {
		offset, length := d.Episode(e)
		for s := range length - 1 {
			want = append(want, offset+s)
		}
	}
	var orders [][]int
	for e := range 4 {
		order := items[e*48 : (e+1)*48]
		sorted := slices.Sorted(slices.Values(order))
		if diff := cmp.Diff(want, sorted); diff != "" {
			t.Errorf("epoch %d (-want +got):\n%s", e, diff)
		}
		for i, o := range append(orders, want) {
			if slices.Equal(o, order) {
				t.Errorf("epoch %d has the order of %d", e, i)
			}
		}
		orders = append(orders, order)
	}
}

func TestBatchIsPure(t *testing.T) {
	dir := writeDataset(t, 30, 12, 25)
	cfg := data.ClipConfig{Batch: 4, Offsets: []int{0, 3}, Context: true, Seed: 9}
	collect := func(prefetch int) []*data.Batch {
		d := openDataset(t, dir)
		cfg.Prefetch = prefetch
		l := newLoader(t, d, cfg)
		var out []*data.Batch
		for range 40 {
			b, err := l.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, clone(b))
		}
		l.Seek(17)
		for k := uint64(17); k < 20; k++ {
			b, err := l.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(out[k], b); diff != "" {
				t.Errorf("prefetch %d: batch %d after Seek (-first +second):\n%s", prefetch, k, diff)
			}
			if diff := cmp.Diff(b, l.Batch(k)); diff != "" {
				t.Errorf("prefetch %d: Next and Batch(%d) differ:\n%s", prefetch, k, diff)
			}
		}
		return out
	}
	want := collect(-1)
	for _, prefetch := range []int{0, 1, 5} {
		if diff := cmp.Diff(want, collect(prefetch)); diff != "" {
			t.Errorf("prefetch %d changes batches:\n%s", prefetch, diff)
		}
	}
	cfg.Seed = 10
	if cmp.Equal(want[0].Start, collect(0)[0].Start) {
		t.Error("another seed draws the same clips")
	}
}

func clone(b *data.Batch) *data.Batch {
	c := *b
	c.Pixels, c.Actions = slices.Clone(b.Pixels), slices.Clone(b.Actions)
	c.Start, c.Context, c.Episode = slices.Clone(b.Start), slices.Clone(b.Context), slices.Clone(b.Episode)
	return &c
}

// TestContextIsUniform draws the context of the only clip of a 4-step episode.
func TestContextIsUniform(t *testing.T) {
	d := openDataset(t, writeDataset(t, 4))
	l := newLoader(t, d, data.ClipConfig{Batch: 1000, Offsets: []int{3}, Context: true, Seed: 1})
	var count [4]int
	for k := range uint64(4) {
		for _, c := range l.Batch(k).Context {
			count[c]++
		}
	}
	for c, n := range count {
		if n < 900 || n > 1100 { // 1000 expected, standard deviation 27
			t.Errorf("context %d drawn %d times of 4000", c, n)
		}
	}
}

func TestLoaderStopsCleanly(t *testing.T) {
	defer goleak.VerifyNone(t)
	d := openDataset(t, writeDataset(t, 30))
	l, err := data.NewLoader(d, data.ClipConfig{Batch: 3, Offsets: []int{0, 2}, Prefetch: 3})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := l.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
		l.Seek(2)
		if _, err := l.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next with a cancelled context: %v", err)
	}
	b, err := l.Next(context.Background())
	if err != nil || b.Index != 3 {
		t.Errorf("Next after a cancelled one: batch %+v, %v; want 3", b, err)
	}
	l.Close()
	l.Close()
	_, err = l.Next(context.Background())
	wantError(t, err, "already closed")
}

func TestLoaderReusesBuffers(t *testing.T) {
	d := openDataset(t, writeDataset(t, 50))
	l := newLoader(t, d, data.ClipConfig{Batch: 8, Offsets: []int{0, 1}, Context: true})
	var b data.Batch
	k := uint64(0)
	l.Fill(&b, k)
	if n := testing.AllocsPerRun(50, func() { k++; l.Fill(&b, k) }); n != 0 {
		t.Errorf("Fill into a used batch allocates %v times", n)
	}
}

func TestLoaderRefuses(t *testing.T) {
	dir := writeDataset(t, 5, 3)
	d := openDataset(t, dir)
	cases := []struct {
		cfg   data.ClipConfig
		parts []string
	}{
		{data.ClipConfig{Offsets: []int{0}}, []string{"batch of 0"}},
		{data.ClipConfig{Batch: 1}, []string{"no frame offsets"}},
		{data.ClipConfig{Batch: 1, Offsets: []int{0, -1}}, []string{"offset -1"}},
		{data.ClipConfig{Batch: 1, Offsets: []int{5}}, []string{"needs 6 steps", "has 5"}},
		{data.ClipConfig{Batch: 1, Offsets: []int{4}, Filter: func(e int) bool { return e == 1 }}, []string{"needs 5 steps", "has 3"}},
		{data.ClipConfig{Batch: 1, Offsets: []int{0}, Filter: func(int) bool { return false }}, []string{"keeps none of 2"}},
	}
	for _, c := range cases {
		_, err := data.NewLoader(d, c.cfg)
		wantError(t, err, append(c.parts, dir)...)
	}
}

func BenchmarkFill(b *testing.B) {
	d := openDataset(b, writeDataset(b, slices.Repeat([]int{91}, 100)...))
	l := newLoader(b, d, data.ClipConfig{Batch: 64, Offsets: []int{0, 1, 2, 3, 4, 8, 16}, Context: true})
	var batch data.Batch
	k := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		l.Fill(&batch, k)
		k++
	}
}
