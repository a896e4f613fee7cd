package camera

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"foresee/jepa"
	"foresee/surprise"
	"foresee/watch"
)

// part is a stretch of frames that follow each other, each [h·w] bytes that nobody changes.
type part = iter.Seq[[]uint8]

// seer is told what a scorer makes of frame at of a part.
type seer = func(at int, scores []float64, o watch.Observation) error

// scorer scores parts of a recording, each as an episode of its own.
type scorer interface {
	watch(ctx context.Context, p part, episode int, seen seer) error
}

// modelScorer is the product itself: a Watcher.
type modelScorer struct {
	w *watch.Watcher
	m *jepa.Model
}

func newModelScorer(m *jepa.Model) (scorer, error) {
	w, err := watch.New(m, watch.Config{})
	if err != nil {
		return nil, err
	}
	return &modelScorer{w, m}, nil
}

func (s *modelScorer) watch(ctx context.Context, p part, episode int, seen seer) error {
	next, stop := iter.Pull(p)
	defer stop()
	src := &shownFrames{next: next, f: s.m.Config().Frame, episode: episode}
	return s.w.Observe(ctx, src, func(o watch.Observation) error {
		at := o.Frame
		o.Frame += episode * cycleFrames // numbers of one stream
		return seen(at, o.Scores(), o)
	})
}

// shownFrames is a source of the frames of a part.
type shownFrames struct {
	next    func() ([]uint8, bool)
	f       jepa.FrameConfig
	episode int
	shown   int
}

func (s *shownFrames) FrameShape() (h, w, c int) { return s.f.Height, s.f.Width, s.f.Channels }
func (s *shownFrames) FPS() float64              { return s.f.FPS }
func (s *shownFrames) Episode() int              { return s.episode }
func (s *shownFrames) Close() error              { return nil }

func (s *shownFrames) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	frame, ok := s.next()
	if !ok {
		return 0, io.EOF
	}
	copy(dst, frame)
	s.shown++
	at := s.episode*cycleFrames + s.shown - 1
	return time.Duration(float64(at) / s.f.FPS * float64(time.Second)), nil
}

// perCell gives the error of every cell of a frame, given the one before (nil at
// the beginning of an episode); false if there is none.
type perCell func(frame, before []uint8) ([]float64, bool)

// cellSide is the side of the baselines' cells, that of the model's at 96 pixels.
const cellSide = 8

// cellScorer makes a baseline relative to what is usual, as the product does. It has
// one score, the highest of the four of surprise that the product has apart.
type cellScorer struct {
	rec    *recording
	errors perCell
	places *watch.Places
}

func newCellScorer(rec *recording, errors perCell) (scorer, error) {
	p, err := watch.NewPlaces(rec.h/cellSide, rec.w/cellSide, surprise.Config{})
	return &cellScorer{rec, errors, p}, err
}

func (s *cellScorer) watch(ctx context.Context, p part, _ int, seen seer) error {
	s.places.Break()
	var before []uint8
	at := 0
	for f := range p {
		if err := ctx.Err(); err != nil {
			return err
		}
		o := watch.Observation{}
		if cells, ok := s.errors(f, before); ok {
			r, err := s.places.Observe(cells)
			if err != nil {
				return err
			}
			if r.Ready {
				o.Relative, o.Sudden, o.Whole, o.Calm = &r.Relative, r.Sudden, r.Whole, r.Calm
			}
		}
		if err := seen(at, []float64{slices.Max(o.Scores()[:watch.Jump])}, o); err != nil {
			return err
		}
		before = f
		at++
	}
	return nil
}

// cellMeans returns the mean over each cell of square [h·w].
func cellMeans(square []float64, h, w int) []float64 {
	rows, cols := h/cellSide, w/cellSide
	out := make([]float64, rows*cols)
	for y := range rows * cellSide {
		for x := range cols * cellSide {
			out[y/cellSide*cols+x/cellSide] += square[y*w+x] / (cellSide * cellSide)
		}
	}
	return out
}

// differences is the squared difference to the frame before.
func differences() perCell {
	return func(frame, before []uint8) ([]float64, bool) {
		if before == nil {
			return nil, false
		}
		square := make([]float64, len(frame))
		for i, v := range frame {
			e := float64(v) - float64(before[i])
			square[i] = e * e
		}
		side := int(math.Sqrt(float64(len(frame))))
		return cellMeans(square, side, side), true
	}
}

const (
	pcaParts  = 32   // principal components that are normal
	pcaFrames = 1000 // frames that they are made of, at most: evenly from all
)

// pcaDetector fits principal components to the learnt frames; its error is what
// they leave of a frame (Q).
func pcaDetector(rec *recording) func() (scorer, error) {
	mean, basis, err := components(rec)
	errors := func(frame, _ []uint8) ([]float64, bool) {
		x := mat.NewVecDense(len(frame), nil)
		for i, v := range frame {
			x.SetVec(i, float64(v)-mean[i])
		}
		var along, back mat.VecDense
		along.MulVec(basis.T(), x)
		back.MulVec(basis, &along)
		square := make([]float64, len(frame))
		for i := range square {
			e := x.AtVec(i) - back.AtVec(i)
			square[i] = e * e
		}
		return cellMeans(square, rec.h, rec.w), true
	}
	return func() (scorer, error) {
		if err != nil {
			return nil, err
		}
		return newCellScorer(rec, errors)
	}
}

// components returns the mean of the learnt frames and their first principal
// components [pixels, pcaParts], through the Gram matrix of the frames.
func components(rec *recording) (mean []float64, basis *mat.Dense, err error) {
	all := slices.Concat(rec.learnt...)
	var frames [][]uint8
	for i := 0; i < len(all); i += (len(all) + pcaFrames - 1) / pcaFrames {
		frames = append(frames, all[i])
	}
	n, px := len(frames), rec.h*rec.w
	mean = make([]float64, px)
	for _, f := range frames {
		for i, v := range f {
			mean[i] += float64(v) / float64(n)
		}
	}
	x := mat.NewDense(n, px, nil)
	for k, f := range frames {
		for i, v := range f {
			x.Set(k, i, float64(v)-mean[i])
		}
	}
	gram := mat.NewSymDense(n, nil)
	gram.SymOuterK(1, x)
	var eig mat.EigenSym
	if !eig.Factorize(gram, true) {
		return nil, nil, fmt.Errorf("principal components of %d frames do not converge", n)
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors) // ascending
	k := min(pcaParts, n-1)
	basis = mat.NewDense(px, k, nil)
	values := eig.Values(nil)
	for j := range k {
		at := n - 1 - j
		col := mat.NewVecDense(px, nil)
		col.MulVec(x.T(), vectors.ColView(at))
		if values[at] > 0 {
			col.ScaleVec(1/math.Sqrt(values[at]), col)
		}
		basis.SetCol(j, col.RawVector().Data)
	}
	return mean, basis, nil
}
