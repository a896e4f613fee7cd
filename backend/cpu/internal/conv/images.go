package conv

import "foresee/backend/cpu/internal/pool"

// ImageJob is a pass whose images are computed a few at a time, each once and in any order, and together with
// those of other passes: what one wrote is still in the cache when the next reads it.
type ImageJob interface {
	// Images computes the images of a turn. Turns at the same time have different workers.
	Images(t Turn)
}

// Turn is some images [Lo, Hi) of a numbered part of the batch.
type Turn struct {
	Worker, Part, Lo, Hi int
	First                bool      // of the part
	Soon                 []float32 // what the worker reads or writes next, brought into its cache meanwhile unless it is large; may be nil
}

// SumJob is a weight gradient whose images are added a few at a time to numbered partial sums.
type SumJob interface {
	// Add adds the images of a turn to the sum of its part. Turns at the same time have different workers and
	// different parts.
	Add(t Turn)
	// Finish writes the sum of all parts, in their order, once every part has had its first images.
	Finish(p *pool.Pool)
}

type imageJob interface {
	pool.Job
	ImageJob
	parts() int
}

type sumJob interface {
	pool.Job
	SumJob
	sums() int
}

// Crew is who does a pass: so many workers, and in image-by-image passes in how many parts the images come, at least 1
// and at most one for each image; a weight gradient has a partial sum for each. Without Parts the pass cuts the work
// itself, into images or bands of rows.
type Crew struct{ Threads, Parts int }

// ForwardImages is Forward image by image, with a workspace of ForwardWorkspace floats. Operands must not be empty.
func ForwardImages(s Shape, c Crew, a ForwardArgs) ImageJob {
	return best.prepareForward(s, a, c)
}

// DataImages is BackwardData image by image, with a workspace of BackwardDataWorkspace floats. Operands must not be empty.
func DataImages(s Shape, c Crew, a DataArgs) ImageJob { return best.prepareData(s, a, c) }

// WeightImages is BackwardWeights image by image, with a workspace of BackwardWeightsWorkspace floats. Operands must
// not be empty. The number of partial sums decides the bits.
func WeightImages(s Shape, c Crew, a WeightArgs) SumJob { return best.prepareWeights(s, a, c) }

// MaxPoolImages is MaxPoolForward image by image.
func MaxPoolImages(s PoolShape, threads int, x, y []float32) ImageJob {
	s.check("MaxPoolImages", len(x), len(y))
	return best.prepareMaxPool(s, x, y, Crew{Threads: threads, Parts: 1})
}

// MaxPoolBackwardImages is MaxPoolBackward image by image.
func MaxPoolBackwardImages(s PoolShape, threads int, x, dy, dx []float32) ImageJob {
	s.check("MaxPoolBackwardImages", len(x), len(dy))
	checkLen("MaxPoolBackwardImages", "dx", len(dx), len(x))
	return best.prepareMaxPoolGrad(s, x, dy, dx, Crew{Threads: threads, Parts: 1})
}

func (c Crew) split(images, height int, flop float64) split {
	if c.Parts > 0 {
		return splitImages(images, height, flop, 1)
	}
	return splitImages(images, height, flop, c.Threads)
}

// sums returns how many partial sums a weight gradient has where its shape alone asks for n.
func (c Crew) sums(n int) int {
	if c.Parts > 0 {
		return c.Parts
	}
	return n
}

// states are what the workers of a job keep from one call to the next.
type states[T any] []*T

func newStates[T any](threads int) states[T] { return make([]*T, threads) }

// of returns the state of a worker, which begin fills in when it is new.
func (s states[T]) of(worker int, begin func(*T)) *T {
	if s[worker] == nil {
		s[worker] = new(T)
		begin(s[worker])
	}
	return s[worker]
}

// rowRange is some rows over all images that are added to the sum of a part, or begin it.
type rowRange struct {
	worker, part, from, to int
	fresh                  bool
	soon                   []float32
}

func (t Turn) rows(each int) rowRange {
	return rowRange{t.Worker, t.Part, t.Lo * each, t.Hi * each, t.First, t.Soon}
}

func (r rowRange) flag() int {
	if r.fresh {
		return 1
	}
	return 0
}
