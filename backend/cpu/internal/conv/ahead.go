package conv

import "unsafe"

// ahead brings the next image into the cache while the current one is computed, a bit at each
// step, as an image comes from memory in about the time that its arithmetic takes.
type ahead struct {
	k    *kernels
	rest []float32
	bite int // floats of a step
	call prefetchCall
}

// aheadFloats is the largest image worth fetching ahead: it must stay in the second-level
// cache beside the current one.
const aheadFloats = 64 << 10

// aim sets the image that steps fetch, all of it in the given number of steps.
func (a *ahead) aim(image []float32, steps int) {
	a.rest = nil
	if a.k.prefetch != nil && len(image) <= aheadFloats {
		a.rest, a.bite = image, roundUp(ceilDiv(len(image), max(1, steps)), 16)
	}
}

// step fetches the next bit, if any is left. A nil ahead does nothing.
func (a *ahead) step() {
	if a == nil || len(a.rest) == 0 {
		return
	}
	n := min(a.bite, len(a.rest))
	a.call = prefetchCall{p: unsafe.Pointer(&a.rest[0]), lines: ceilDiv(n, 16)}
	a.k.prefetch((*byte)(unsafe.Pointer(&a.call)))
	a.rest = a.rest[n:]
}
