package data

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// A ClipConfig says which clips a [Loader] draws.
type ClipConfig struct {
	// Batch is B, clips of a batch, at least 1.
	Batch int
	// Offsets are the frames of a clip, in steps from its start, each >= 0. The
	// largest, T, is the number of actions of a clip.
	Offsets []int
	// Context adds a last frame from a uniformly random time of the clip's
	// episode, the clip's own time included.
	Context bool
	// Seed keys the order of the clips and the context times.
	Seed uint64
	// Filter says which episodes take part; nil means all. It is called once for
	// each episode by NewLoader.
	Filter func(episode int) bool
	// Prefetch is the number of batches that Next prepares ahead in a goroutine;
	// 0 means 2, negative none and no goroutine.
	Prefetch int
	// NoPixels leaves Pixels empty, for training on cached latents.
	NoPixels bool
}

// A Batch holds B clips. Zero-size parts are empty, not nil.
type Batch struct {
	Index   uint64    // k, the number of the batch
	Pixels  []uint8   // [B, F, H, W, C]; F = len(Offsets), plus 1 for the context frame, the last
	Actions []float32 // [B, T, A], T = the largest offset; row t leads from Start+t to Start+t+1
	Start   []int     // [B] global step of a clip's start
	Context []int     // [B] global step of the context frame; empty without Context
	Episode []int     // [B] episode of the clip
}

// A Loader draws clips from every valid start of every kept episode, in a random
// order, each once an epoch. Clip i of all batches laid end to end is item
// i mod P of epoch i / P, where P counts the starts; a batch may span two epochs.
// Batch k is a pure function of the dataset, the config and k, so a training run
// resumes with Seek.
//
// Batch and Fill are safe for concurrent use; Next, Seek and Close are for one
// goroutine. The dataset must stay open until Close.
type Loader struct {
	d       *Dataset
	cfg     ClipConfig
	actions *Column // nil without actions
	span    int     // T
	kept    []int   // episodes with at least one start
	ends    []int   // ends[i] = starts in kept[:i+1]

	next   uint64
	held   *Batch // what Next handed out last
	ahead  *prefetch
	closed bool
}

// NewLoader prepares a loader. It is an error if the config is out of range, or
// if no kept episode is long enough for one clip.
func NewLoader(d *Dataset, cfg ClipConfig) (*Loader, error) {
	l := &Loader{d: d, cfg: cfg}
	if err := l.init(); err != nil {
		return nil, fmt.Errorf("data: load %s: %w", d.dir, err)
	}
	return l, nil
}

func (l *Loader) init() error {
	if l.cfg.Batch < 1 {
		return fmt.Errorf("batch of %d clips: want at least 1", l.cfg.Batch)
	}
	if len(l.cfg.Offsets) == 0 {
		return errors.New("no frame offsets")
	}
	l.cfg.Offsets = slices.Clone(l.cfg.Offsets)
	if low := slices.Min(l.cfg.Offsets); low < 0 {
		return fmt.Errorf("frame offset %d: want at least 0", low)
	}
	l.span = slices.Max(l.cfg.Offsets)
	l.actions, _ = l.d.Column(ActionColumn)
	episodes, longest, total := 0, 0, 0
	for i := range l.d.Episodes() {
		if l.cfg.Filter != nil && !l.cfg.Filter(i) {
			continue
		}
		_, length := l.d.Episode(i)
		episodes, longest = episodes+1, max(longest, length)
		if starts := length - l.span; starts > 0 {
			total += starts
			l.kept, l.ends = append(l.kept, i), append(l.ends, total)
		}
	}
	if episodes == 0 {
		return fmt.Errorf("the filter keeps none of %d episodes", l.d.Episodes())
	}
	if total == 0 {
		return fmt.Errorf("a clip needs %d steps, the longest of %d kept episodes has %d", l.span+1, episodes, longest)
	}
	if l.cfg.Prefetch == 0 {
		l.cfg.Prefetch = 2
	}
	return nil
}

// Clips returns P, the starts of one epoch.
func (l *Loader) Clips() int { return l.ends[len(l.ends)-1] }

// Frames returns F, the frames of a clip, with the context frame.
func (l *Loader) Frames() int {
	if l.cfg.Context {
		return len(l.cfg.Offsets) + 1
	}
	return len(l.cfg.Offsets)
}

// Span returns T, the actions of a clip.
func (l *Loader) Span() int { return l.span }

// Batch returns batch k in memory of its own.
func (l *Loader) Batch(k uint64) *Batch {
	b := new(Batch)
	l.Fill(b, k)
	return b
}

// Fill is [Loader.Batch] into b, whose memory it reuses where it suffices.
func (l *Loader) Fill(b *Batch, k uint64) {
	n, frame := l.cfg.Batch, l.d.meta.Frame.Size()
	if l.cfg.NoPixels {
		frame = 0
	}
	b.Index = k
	b.Start, b.Episode, b.Context = resize(b.Start, n), resize(b.Episode, n), resize(b.Context, 0)
	b.Pixels = resize(b.Pixels, n*l.Frames()*frame)
	b.Actions = resize(b.Actions, n*l.span*l.d.ActionWidth())
	if l.cfg.Context {
		b.Context = resize(b.Context, n)
	}
	total := uint64(l.Clips())
	var epoch uint64
	var order permutation
	for i := range n {
		item := k*uint64(n) + uint64(i)
		if e := item / total; i == 0 || e != epoch {
			epoch, order = e, newPermutation(total, l.cfg.Seed, e)
		}
		l.place(b, i, order.at(item%total), order.keys[0])
		l.copyClip(b, i, frame)
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n || s == nil {
		return make([]T, n)
	}
	return s[:n]
}

// place sets episode, start and context time of clip i to the start with a given
// number. key is that of the epoch.
func (l *Loader) place(b *Batch, i int, number, key uint64) {
	e := sort.SearchInts(l.ends, int(number)+1)
	first := 0
	if e > 0 {
		first = l.ends[e-1]
	}
	b.Episode[i] = l.kept[e]
	offset, length := l.d.Episode(l.kept[e])
	b.Start[i] = offset + int(number) - first
	if l.cfg.Context {
		b.Context[i] = offset + int(below(mix64(mix64(number)^key), uint64(length)))
	}
}

// copyClip copies frames and actions of clip i.
func (l *Loader) copyClip(b *Batch, i, frame int) {
	if l.actions != nil {
		n := l.span * l.actions.Width()
		copy(b.Actions[i*n:(i+1)*n], l.actions.Rows(b.Start[i], l.span))
	}
	if frame == 0 {
		return
	}
	dst := b.Pixels[i*l.Frames()*frame : (i+1)*l.Frames()*frame]
	for _, o := range l.cfg.Offsets {
		copy(dst[:frame], l.d.Frame(b.Start[i]+o))
		dst = dst[frame:]
	}
	if l.cfg.Context {
		copy(dst, l.d.Frame(b.Context[i]))
	}
}

// Next returns the next batch, starting with 0. The batch belongs to the loader
// again at the following call of Next, Seek or Close. The error is that of ctx,
// or says that the loader is closed; after an error of ctx the same batch comes
// next.
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	if l.closed {
		return nil, fmt.Errorf("data: load %s: %w", l.d.dir, errClosed)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.cfg.Prefetch < 0 {
		if l.held == nil {
			l.held = new(Batch)
		}
		l.Fill(l.held, l.next)
		l.next++
		return l.held, nil
	}
	if l.ahead == nil {
		l.ahead = startPrefetch(l, l.next)
	}
	if l.held != nil {
		l.ahead.free <- l.held
		l.held = nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case b := <-l.ahead.ready:
		l.held = b
		l.next++
		return b, nil
	}
}

// Seek makes k the batch that Next returns next.
func (l *Loader) Seek(k uint64) {
	l.stop()
	l.next = k
}

// Close stops the goroutine of Next and waits for it. It never fails; Batch and
// Fill still work.
func (l *Loader) Close() error {
	l.stop()
	l.closed = true
	return nil
}

func (l *Loader) stop() {
	if l.ahead != nil {
		close(l.ahead.quit)
		<-l.ahead.done
	}
	l.ahead, l.held = nil, nil
}

// prefetch fills batches ahead of Next. Buffers circle between free and ready:
// as many as the queue holds, one being filled, one in the hands of the caller.
type prefetch struct {
	ready, free chan *Batch
	quit, done  chan struct{}
}

func startPrefetch(l *Loader, k uint64) *prefetch {
	p := &prefetch{
		ready: make(chan *Batch, l.cfg.Prefetch),
		free:  make(chan *Batch, l.cfg.Prefetch+2),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	for range cap(p.free) {
		p.free <- new(Batch)
	}
	go p.run(l, k)
	return p
}

func (p *prefetch) run(l *Loader, k uint64) {
	defer close(p.done)
	for ; ; k++ {
		var b *Batch
		select {
		case <-p.quit:
			return
		case b = <-p.free:
		}
		l.Fill(b, k)
		select {
		case <-p.quit:
			return
		case p.ready <- b:
		}
	}
}
