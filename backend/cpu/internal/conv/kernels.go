package conv

import "unsafe"

// maxVecs and the two limits below bound the tiles of every kernel set: channels of a tile in
// vectors, pixels of a forward tile, window positions of a weight-gradient tile.
const (
	maxVecs   = 3
	maxPixels = 24
	maxRows   = 24
)

// kernels is one instruction set's kernels. A set is filled once and then only read.
type kernels struct {
	name  string
	lanes int // floats in a vector; packed weights and biases are padded to a multiple of it
	vecs  int // most vectors in a tile

	narrow *kernels // what to use for at most narrow.lanes channels, or nil

	pixels [maxVecs + 1]int // most pixels of a forward tile, by its vectors
	rows   [maxVecs + 1]int // most window positions of a weight-gradient tile, by its vectors
	// By vectors of a tile and its pixels or window positions, forward512x13x2 for 13 pixels by 2 vectors.
	forward [maxVecs + 1][maxPixels + 1]func(*byte)
	weights [maxVecs + 1][maxRows + 1]func(*byte)

	maxPool                          func(*byte)
	maxPoolGrad                      func(*byte)
	maxThrees, maxThreesGrad, finite func(*byte) // all or none
	copyRows                         func(*byte)
	sumParts                         func(*byte)
	prefetch                         func(*byte) // may be nil

	winogradTiles  int         // fewest tiles of a pass that pay for the transform of the weights
	winogradTap    int         // fewest weights of a tap, Cin·Cout, that pay for the transforms but in a weight gradient
	winogradInput  func(*byte) // may be nil
	winogradOutput func(*byte)
	winogradGrad   func(*byte)
}

// fit returns the set that wastes the fewest lanes on some output channels.
func (k *kernels) fit(channels int) *kernels {
	if k.narrow != nil && channels <= k.narrow.lanes {
		return k.narrow
	}
	return k
}

// tileCall asks for tiles of neighbouring output pixels: along one row, or one in each of many planes. Steps are in bytes. The
// assembly knows the offsets of the fields, and counts tiles down.
type tileCall struct {
	x      unsafe.Pointer // first tap of the first pixel
	w      unsafe.Pointer // weights of the tile's first channel
	y      unsafe.Pointer // first pixel's first channel
	bias   unsafe.Pointer // vecs vectors; nil: y is the bare sum, without res and floor, and all lanes exist
	res    unsafe.Pointer // added before the floor, laid out like y; or nil
	taps   int            // tap rows (KH)
	depth  int            // floats of a tap row (KW·Cin)
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
	xTile  int            // from tile to tile: of x, y and res, and w
	yTile  int
	wTile  int
	near   int // with wNear: floats from pixel to pixel, which are depth/3
	wNear  int // not 0: sum in the order (tap row, float of a pixel, pixel), weights of pixels so far apart; vecs is 1
}

// outerCall asks for dw[m, :] += Σ over pixels of x[pixel, m] · dy[pixel, :]. Steps are in bytes.
type outerCall struct {
	x     unsafe.Pointer // first window position of the first pixel
	dy    unsafe.Pointer // first pixel's first channel
	dw    unsafe.Pointer // first sum
	rows  int            // pixel rows, at least 1
	cols  int            // pixels of a row, at least 1
	xPix  int            // from pixel to pixel
	dyPix int
	xRow  int // from the last pixel of a row, plus one, to the first of the next
	dyRow int
	ld    int    // from one row of dw to the next
	mask  uint64 // as in tileCall
	tail  int
	m     int // window positions of the tile
	vecs  int
	fresh int // not 0: overwrite dw instead of adding to it
	near  int // 1 or 3: the window positions are in three pixels each of so many tap rows; vecs is 1, whole, and cols at least 3
	gap   int // with near, from the end of a pixel's rows of dw to the next pixel's, else 0
	xTap  int // from tap row to tap row
}

// copyCall asks for dst = src, rows of n floats; steps in bytes from row to row.
type copyCall struct {
	dst, src         unsafe.Pointer
	rows, n          int // at least 1 each
	dstStep, srcStep int
}

// prefetchCall asks for lines of 64 bytes to be brought into the second-level cache.
type prefetchCall struct {
	p     unsafe.Pointer
	lines int // at least 1
}

// sumCall asks for dst = the sum of parts, in their order.
type sumCall struct {
	dst, src unsafe.Pointer // dst may be the first part
	vecs     int            // vectors of a part
	parts    int            // at least 1 each
	stride   int            // bytes from part to part
}

// best is the fastest kernel set that this processor runs.
var best = available()[0]

// vectors splits channels into the vector counts of the tiles that cover them.
func (k *kernels) vectors(channels int) int { return ceilDiv(channels, k.lanes) }

// block returns how many vectors the next tile takes when left remain: as many as fit, but
// 4 = 2+2 rather than 3+1.
func (k *kernels) block(left int) int {
	if left > k.vecs && left < 2*k.vecs {
		return ceilDiv(left, 2)
	}
	return min(left, k.vecs)
}

// lastLanes returns how many lanes exist in the last vector of a tile that starts at vector v.
func (k *kernels) lastLanes(channels, v, vecs int) int {
	return min(k.lanes, channels-(v+vecs-1)*k.lanes)
}
