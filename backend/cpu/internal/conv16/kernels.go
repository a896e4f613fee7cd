package conv16

import "unsafe"

const (
	lanes     = 16 // channels of a vector
	maxVecs   = 3
	maxPixels = 24
	maxInputs = 8
)

// kernels is one instruction set's kernels. A set is filled once and then only read.
type kernels struct {
	name   string
	vecs   int              // most vectors of channels in a forward tile
	pixels [maxVecs + 1]int // most pixels of a forward tile, by its vectors
	rows   [maxVecs + 1]int // most input channels of a weight-gradient tile, by its vectors; 0 for none
	// By vectors of a tile and its pixels or input channels, forward512x13x2 for 13 pixels by 2 vectors.
	forward [maxVecs + 1][maxPixels + 1]func(*byte)
	weights [maxVecs + 1][maxInputs + 1]func(*byte)

	rowNorms, rowQuants func(*byte) // of a rowCall
	channelScales       func(*byte)
	pairs, pairsTwice   func(*byte) // of a pairCall
	prefetch            func(*byte) // may be nil
}

// best is the fastest kernel set that this processor runs.
var best = available()[0]

// Fast reports whether this machine has kernels that are faster than those of package conv.
func Fast() bool { return best.prefetch != nil }

// The calls below are what kernels are told. The assembly knows the offsets of the fields; steps are in bytes.

// tileCall asks for tiles of neighbouring pixels of a row, like conv.tileCall; a pair is two channels of a pixel.
type tileCall struct {
	x      unsafe.Pointer // first tap of the first pixel
	w      unsafe.Pointer // weights of the tile's first channel
	y      unsafe.Pointer // first pixel's first channel
	bias   unsafe.Pointer // vecs vectors
	res    unsafe.Pointer // added before the floor, laid out like y; or nil
	taps   int            // tap rows (KH)
	depth  int            // pairs of a tap row (KW·Cin/2)
	xRow   int            // from the end of a tap row to the start of the next
	xPix   int            // from pixel to pixel
	wStep  int            // from one of the taps·depth weight rows to the next
	yPix   int            // from output pixel to output pixel
	tiles  int            // number of tiles
	mask   uint64         // lanes of the last vector that exist, as bits
	floor  float32        // y = max(floor, sum): 0 for ReLU, else -Inf
	tail   int32          // lanes of the last vector that exist, as a count
	pixels int            // pixels of a tile
	vecs   int            // vectors of a tile
	at     [4]uintptr     // scratch of the assembly
	xTile  int            // from tile to tile: of x, y and res
	yTile  int
	wTile  int            // 0
	near   int            // with wNear: pairs from pixel to pixel, which are depth/3
	wNear  int            // not 0: weights of neighbouring taps of a row are so far apart; vecs is 1
	scales unsafe.Pointer // of the tile's channels
	scale  float32        // of the image
}

// outerCall asks for sums over pairs of pixels, for three taps of a row, m input channels and vecs vectors of channels.
type outerCall struct {
	x       unsafe.Pointer // first pair of the first channel: pixels -1 and 0
	dy      unsafe.Pointer // first pair of the first channel: pixels 0 and 1, and dyPix/2 further pixels -1 and 0
	sums    unsafe.Pointer // of the first tap, which are int32
	rows    int            // at least 1
	whole   int            // pairs of a row behind the first, of which all windows exist
	xPix    int            // from pair to pair; rows follow each other
	dyPix   int
	ld      int // from one input channel's sums to the next
	gap     int // from the end of a tap's sums to the next tap's
	fresh   int // not 0: overwrite the sums instead of adding to them
	last    int // not 0: a pair follows that is half outside of the image
	m, vecs int
	// With the last rows of an image: dst, which lies like sums, += sums·inputs·outputs, or = that if begin is not 0.
	dst             unsafe.Pointer // nil before: the sums are kept
	inputs, outputs unsafe.Pointer // scales of the channels
	begin           int
}

// rowCall asks for rows of whole vectors and the lanes of rest behind them: for their norms, or to round them.
type rowCall struct {
	dst, src         unsafe.Pointer
	rows             int // at least 1
	dstStep, srcStep int
	whole            int
	rest             uint64
	squares, high    unsafe.Pointer // of each row
	inverse          float32
	_                float32
}

// channelCall asks for the scales and their inverses of vectors of channels over all pixels.
type channelCall struct {
	src            unsafe.Pointer
	vecs, pixels   int // at least 1
	step           int // from pixel to pixel
	scale, inverse unsafe.Pointer
	bad            uint64 // set to not 0 if some are to be found otherwise
}

// pairCall asks for a row of pixels in pairs.
type pairCall struct {
	dst, src         unsafe.Pointer
	vecs             int
	pairs            int // of pixels
	srcStep, dstStep int // from pixel to pixel, from pair to pair
	odd              int // 1: a pixel follows them
	inverse          unsafe.Pointer
}

// prefetchCall asks for lines of 64 bytes to be brought into the second-level cache.
type prefetchCall struct {
	p     unsafe.Pointer
	lines int // at least 1
}

// Turn is some images [Lo, Hi). Turns at the same time have different workers.
type Turn struct {
	Worker, Part, Lo, Hi int       // Part is of a weight gradient, and different too at the same time
	First                bool      // of the part
	Soon                 []float32 // what the worker reads next, fetched with the last image unless it is large; may be nil
}

// block returns how many vectors the next tile takes when left remain: as many as fit, but 4 = 2+2 rather than 3+1.
func (k *kernels) block(left int) int {
	if left > k.vecs && left < 2*k.vecs {
		return ceilDiv(left, 2)
	}
	return min(left, k.vecs)
}

// ahead brings the next image into the cache while the current one is computed, a bit at each step.
type ahead struct {
	k    *kernels
	rest []float32
	bite int // floats of a step
	call prefetchCall
}

// aheadFloats is the largest image worth fetching ahead: it must stay in the second-level cache beside the current one.
const aheadFloats = 64 << 10

// aim sets the image that steps fetch, all of it in the given number of steps.
func (a *ahead) aim(image []float32, steps int) {
	a.rest = nil
	if a.k.prefetch != nil && len(image) <= aheadFloats {
		a.rest, a.bite = image, roundUp(ceilDiv(len(image), max(1, steps)), lanes)
	}
}

// step fetches the next bit, if any is left.
func (a *ahead) step() {
	if len(a.rest) == 0 {
		return
	}
	n := min(a.bite, len(a.rest))
	a.call = prefetchCall{p: unsafe.Pointer(&a.rest[0]), lines: ceilDiv(n, lanes)}
	a.k.prefetch((*byte)(unsafe.Pointer(&a.call)))
	a.rest = a.rest[n:]
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
func roundUp(a, b int) int { return ceilDiv(a, b) * b }
