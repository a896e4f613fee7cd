package watch_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foresee/data"
	"foresee/surprise"
	"foresee/watch"
)

// noted keeps the events of a source, which may come from two goroutines.
type noted struct {
	mu     sync.Mutex
	events []data.Event
}

func (n *noted) add(e data.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
}

func (n *noted) kinds() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, e := range n.events {
		out = append(out, e.Kind)
	}
	return out
}

// drained reads a source to its end, which it returns.
func drained(t *testing.T, src data.FrameSource) (seconds []float64, episodes []int, end error) {
	t.Helper()
	dst := make([]uint8, 192)
	for {
		at, err := src.Next(context.Background(), dst)
		if err != nil {
			return seconds, episodes, err
		}
		seconds, episodes = append(seconds, at.Seconds()), append(episodes, src.Episode())
	}
}

var quick = watch.FollowConfig{First: 10 * time.Millisecond, Most: 40 * time.Millisecond}

// TestFollowALiveSource loses a camera twice, once behind refusals to open: all
// its frames come, an episode for each connection, on the clock of the wall.
func TestFollowALiveSource(t *testing.T) {
	var n noted
	cfg, opened := quick, 0
	broken := errors.New("the cable is out")
	cfg.Live, cfg.Event, cfg.Attempts = true, n.add, 4
	cfg.Open = func(_ context.Context, from time.Duration) (data.FrameSource, error) {
		if opened++; opened == 2 || opened == 3 || opened > 5 {
			return nil, broken
		}
		if from != 0 {
			t.Errorf("a live source is asked to go on at %v", from)
		}
		src := newFake(3)
		if opened == 1 {
			src.end = broken
		}
		return src, nil
	}
	src, err := watch.Follow(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	seconds, episodes, end := drained(t, src)
	if !slices.Equal(episodes, []int{0, 0, 0, 1, 1, 1, 2, 2, 2}) || !slices.IsSorted(seconds) || seconds[3] < 0.599 || seconds[3] > 5 {
		t.Errorf("frames at %v of episodes %v", seconds, episodes)
	}
	if !errors.Is(end, broken) || !strings.Contains(end.Error(), "gave up after 4 attempts") {
		t.Errorf("the end is %v, want the cause after 4 attempts", end)
	}
	const lost, again, back = data.EventDisconnected, data.EventReconnecting, data.EventReconnected
	if want := []string{lost, again, again, again, back, lost, again, back, lost, again, again, again, again}; !slices.Equal(n.kinds(), want) {
		t.Errorf("events %v, want %v", n.kinds(), want)
	}
	var pauses []string
	for _, e := range n.events[9:] {
		pauses = append(pauses, strings.Fields(e.Detail)[3])
	}
	if want := []string{"10ms:", "20ms:", "40ms:", "40ms:"}; !slices.Equal(pauses, want) {
		t.Errorf("pauses %v, want %v", pauses, want)
	}
}

// TestFollowTheWallClock loses a camera for longer than its own clock shows, behind which it sees what it saw before:
// that is not a picture that stood still for all that time.
func TestFollowTheWallClock(t *testing.T) {
	cfg := quick
	var n noted
	cfg.Live, cfg.First, cfg.Most, cfg.Stale, cfg.Event = true, 900*time.Millisecond, time.Second, 500*time.Millisecond, n.add
	cfg.Open = func(context.Context, time.Duration) (data.FrameSource, error) { return newFake(1), nil }
	src, err := watch.Follow(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst := make([]uint8, 192)
	if _, err := src.Next(t.Context(), dst); err != nil {
		t.Fatal(err)
	}
	if at, err := src.Next(t.Context(), dst); err != nil || at < 900*time.Millisecond || at > 5*time.Second {
		t.Errorf("the frame after 0.9 s is at %v, %v", at, err)
	}
	if want := []string{data.EventDisconnected, data.EventReconnecting, data.EventReconnected}; !slices.Equal(n.kinds(), want) {
		t.Errorf("events %v, want %v", n.kinds(), want)
	}
}

// TestFollowARecording loses the connection to a recording: it goes on where it
// was, and ends.
func TestFollowARecording(t *testing.T) {
	cfg := quick
	var froms []time.Duration
	cfg.Open = func(_ context.Context, from time.Duration) (data.FrameSource, error) {
		froms = append(froms, from)
		if len(froms) == 1 {
			return warned{newFake(4), "the video ends at 0.8 s of 2 s"}, nil
		}
		return later{newFake(6), from}, nil
	}
	src, err := watch.Follow(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	seconds, episodes, end := drained(t, src)
	if end != io.EOF || len(seconds) != 10 || seconds[4] < 0.799 || seconds[4] > 0.801 || episodes[3] != 0 || episodes[4] != 1 {
		t.Errorf("frames at %v of episodes %v, then %v", seconds, episodes, end)
	}
	if !slices.Equal(froms, []time.Duration{0, 800 * time.Millisecond}) {
		t.Errorf("opened at %v, want 0 and 0.8 s", froms)
	}
}

// later is a source that begins at a time.
type later struct {
	data.FrameSource
	from time.Duration
}

func (l later) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	t, err := l.FrameSource.Next(ctx, dst)
	return t + l.from, err
}

// silent is a source that stops giving frames after a while.
type silent struct {
	data.FrameSource
	left int
}

func (s *silent) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	if s.left--; s.left < 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return s.FrameSource.Next(ctx, dst)
}

// TestFollowASilentSource sees silence told of, and ended by opening anew; a
// cancel meanwhile ends it at once.
func TestFollowASilentSource(t *testing.T) {
	var n noted
	cfg := quick
	cfg.Live, cfg.Event, cfg.Stale = true, n.add, 20*time.Millisecond
	cfg.Open = func(context.Context, time.Duration) (data.FrameSource, error) { return &silent{newFake(100), 2}, nil }
	src, err := watch.Follow(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	ctx, cancel := context.WithCancel(t.Context())
	dst := make([]uint8, 192)
	for range 3 {
		if _, err := src.Next(ctx, dst); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{data.EventStale, data.EventDisconnected, data.EventReconnecting, data.EventReconnected}
	if !slices.Equal(n.kinds(), want) {
		t.Errorf("events %v, want %v", n.kinds(), want)
	}
	time.AfterFunc(5*time.Millisecond, cancel)
	for err == nil {
		_, err = src.Next(ctx, dst)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
}

// stuck shows what its camera does, but in ranges the picture of their first frame.
type stuck struct {
	data.FrameSource
	number  int
	ranges  [][2]int // from, to
	picture []uint8
}

func (s *stuck) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	at, err := s.FrameSource.Next(ctx, dst)
	for _, r := range s.ranges {
		if s.number == r[0] {
			s.picture = slices.Clone(dst)
		}
		if s.number > r[0] && s.number <= r[1] {
			copy(dst, s.picture)
		}
	}
	s.number++
	return at, err
}

// TestFollowAFrozenPicture sees a picture that stands still told of once, and not
// told of where pictures have stood still before. There are 5 frames a second.
func TestFollowAFrozenPicture(t *testing.T) {
	for _, c := range []struct {
		name   string
		ranges [][2]int
		want   []float64 // seconds of the events
	}{
		{"a camera stuck twice, for 3 s and 2.8 s", [][2]int{{10, 25}, {40, 54}}, []float64{5}},
		{"one stuck again for much longer", [][2]int{{10, 26}, {40, 120}}, []float64{5, 8 + 4*3.2}},
		{"a screen that stands still for 2 s now and then", [][2]int{{3, 13}, {20, 30}, {40, 79}}, nil},
		{"and then for 8 s", [][2]int{{3, 13}, {40, 80}}, []float64{16}},
		{"never", nil, nil},
	} {
		var n noted
		src, err := watch.Follow(t.Context(), watch.FollowConfig{Event: n.add, Open: func(context.Context, time.Duration) (data.FrameSource, error) {
			return &stuck{FrameSource: newFake(130), ranges: c.ranges}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, end := drained(t, src); end != io.EOF {
			t.Fatal(end)
		}
		var at []float64
		for _, e := range n.events {
			if e.Kind != data.EventFrozen || !strings.Contains(e.Detail, "same picture") {
				t.Errorf("%s: event %+v", c.name, e)
			}
			at = append(at, e.Time.Seconds())
		}
		if !slices.EqualFunc(at, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%s: events at %v, want %v", c.name, at, c.want)
		}
		src.Close()
	}
}

// TestFollowFailsFirst gives the error of the first opening at once.
func TestFollowFailsFirst(t *testing.T) {
	broken := errors.New("no such camera")
	_, err := watch.Follow(t.Context(), watch.FollowConfig{Live: true, Open: func(context.Context, time.Duration) (data.FrameSource, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the opening", err)
	}
}

// TestDropsTheOldest lets a live source run ahead of a slow reader of records: it
// never waits, what is left out is counted and leaves a gap in the numbers, and a
// frame behind a gap is not judged by one before it.
func TestDropsTheOldest(t *testing.T) {
	m := untrained(t, 0, 1)
	const frames = 60
	w, err := watch.New(m, watch.Config{Live: true, Drop: true, Batch: 2, Expectation: surprise.Config{WarmUp: 3}})
	if err != nil {
		t.Fatal(err)
	}
	src := newFake(frames)
	read := make(chan struct{})
	src.pause = func(i int) {
		if i == frames-1 {
			close(read)
		}
	}
	var numbers []int
	var known []bool
	if err := w.Run(t.Context(), src, func(r watch.Record) error {
		if len(numbers) == 0 {
			select {
			case <-read:
			case <-time.After(10 * time.Second):
				t.Error("the source waits for its reader")
			}
		}
		numbers, known = append(numbers, r.Frame), append(known, r.Surprise != nil)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s := w.Stats()
	if s.Frames != len(numbers) || s.Frames+s.Dropped != frames || s.Dropped < frames/2 {
		t.Errorf("%d records, %+v of %d frames", len(numbers), s, frames)
	}
	if numbers[len(numbers)-1] != frames-1 {
		t.Errorf("the last frame is %d, want the newest, %d", numbers[len(numbers)-1], frames-1)
	}
	for i := 1; i < len(numbers); i++ {
		if known[i] != (numbers[i] == numbers[i-1]+1) {
			t.Errorf("frame %d after frame %d: surprise known: %v", numbers[i], numbers[i-1], known[i])
		}
	}
	if s.P50 <= 0 || s.P50 > s.P95 || s.P95 > s.P99 {
		t.Errorf("latencies %v, %v, %v", s.P50, s.P95, s.P99)
	}
}

// TestLatency compares quantiles with those of sorted times.
func TestLatency(t *testing.T) {
	var l watch.Latency
	if l.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for i := range 1000 { // 1 ms to 1 s
		l.Add(time.Duration(1+(i*387)%1000) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 500 * time.Millisecond, 0.95: 950 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := l.Quantile(q); got < want || float64(got) > 1.051*float64(want) {
			t.Errorf("quantile %g is %v, want %v to 5 %% more", q, got, want)
		}
	}
	l.Add(0)
	l.Add(1000 * time.Hour)
	if l.Quantile(0) != 10*time.Microsecond || l.Quantile(1) < 30*time.Minute {
		t.Errorf("the ends are %v and %v", l.Quantile(0), l.Quantile(1))
	}
}
