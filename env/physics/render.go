package physics

import "math"

const (
	rowBytes   = Size * Channels
	frameBytes = Size * rowBytes
)

type rgb [Channels]uint8

// palette holds the colours of bodies. All have the mean 100, so that recolouring keeps a frame's intensity.
var palette = [...]rgb{
	{220, 40, 40}, {40, 220, 40}, {40, 40, 220}, {130, 130, 40},
	{130, 40, 130}, {40, 130, 130}, {190, 80, 30}, // unseen in training
}

const seenColours = 4

// rect is a rectangle of pixels, x1 and y1 excluded; it may reach out of the frame or be empty.
type rect struct{ x0, y0, x1, y1 int }

func (r rect) clip() rect {
	return rect{max(r.x0, 0), max(r.y0, 0), min(r.x1, Size), min(r.y1, Size)}
}

func (r rect) overlaps(o rect) bool {
	return r.x0 < o.x1 && o.x0 < r.x1 && r.y0 < o.y1 && o.y0 < r.y1
}

// screen hides what is behind it.
type screen struct {
	colour rgb
	at     [Frames]rect
}

// view turns the plane of simulation into the picture: transpose first, then mirror.
type view struct{ transpose, flipX, flipY bool }

func (v view) rect(r rect) rect {
	if v.transpose {
		r = rect{r.y0, r.x0, r.y1, r.x1}
	}
	if v.flipX {
		r.x0, r.x1 = Size-r.x1, Size-r.x0
	}
	if v.flipY {
		r.y0, r.y1 = Size-r.y1, Size-r.y0
	}
	return r
}

func (v view) point(x, y float64) (float64, float64) {
	if v.transpose {
		x, y = y, x
	}
	if v.flipX {
		x = Size - x
	}
	if v.flipY {
		y = Size - y
	}
	return x, y
}

// offset turns an offset in the picture back into one in the plane.
func (v view) offset(dx, dy float64) (float64, float64) {
	if v.flipX {
		dx = -dx
	}
	if v.flipY {
		dy = -dy
	}
	if v.transpose {
		dx, dy = dy, dx
	}
	return dx, dy
}

func fill(dst []uint8, r rect, c rgb) {
	r = r.clip()
	if r.x0 >= r.x1 || r.y0 >= r.y1 {
		return
	}
	first := dst[r.y0*rowBytes+r.x0*Channels : r.y0*rowBytes+r.x1*Channels]
	for i := 0; i < len(first); i += Channels {
		copy(first[i:], c[:])
	}
	for y := r.y0 + 1; y < r.y1; y++ {
		copy(dst[y*rowBytes+r.x0*Channels:], first)
	}
}

// grid is the fineness of a drawn position: 1/64 pixel. On it offsets and their squares are exact, so that every
// machine draws the same bytes.
const grid = 64

func snap(x float64) float64 { return math.Round(x*grid) / grid }

// faint is the share of a pixel below which it is left alone: more than snap can move an outline, so that a body
// whose extent is behind a screen is wholly hidden.
const faint = 1. / grid

// drawBody blends b over dst, [Size, Size, 3]. A pixel's share is 1/2 minus the signed distance of its centre from
// the outline, within [0, 1]: nothing is drawn beyond half a pixel from the body's extent.
func drawBody(dst []uint8, b body, v view) {
	x, y := v.point(b.x, b.y)
	x, y = snap(x), snap(y)
	hx, hy := b.half()
	if v.transpose {
		hx, hy = hy, hx
	}
	r := rect{
		int(math.Floor(x - hx - 0.5)), int(math.Floor(y - hy - 0.5)),
		int(math.Ceil(x+hx+0.5)) + 1, int(math.Ceil(y+hy+0.5)) + 1,
	}.clip()
	c := palette[b.colour]
	for j := r.y0; j < r.y1; j++ {
		row := dst[j*rowBytes : (j+1)*rowBytes]
		for i := r.x0; i < r.x1; i++ {
			dx, dy := v.offset(float64(i)+0.5-x, float64(j)+0.5-y)
			if d := 0.5 - b.shape.distance(dx, dy, b.r); d > faint {
				blend(row[i*Channels:], c, int(min(d, 1)*256))
			}
		}
	}
}

func blend(p []uint8, c rgb, share int) {
	for k := range Channels {
		p[k] = uint8((int(p[k])*(256-share) + int(c[k])*share) >> 8)
	}
}

// distance returns how far (dx, dy) is outside the outline of radius r; it is negative inside. It is exact for the
// disc and the ring, and beside the flat sides of the others.
func (s shape) distance(dx, dy, r float64) float64 {
	ax, ay := math.Abs(dx), math.Abs(dy)
	switch s {
	case square:
		return max(ax, ay) - squareHalf*r
	case diamond:
		h := diamondHalf * r
		return max((ax+ay-h)/math.Sqrt2, max(ax, ay)-h)
	case triangle:
		h := diamondHalf * r
		return max((2*ax-dy-h)/math.Sqrt(5), max(ax, ay)-h)
	case cross:
		w := crossArm * r
		return min(max(ax-w, ay-3*w), max(ax-3*w, ay-w))
	case ring:
		return math.Abs(math.Sqrt(dx*dx+dy*dy)-0.8*ringOuter*r) - 0.2*ringOuter*r
	case plank:
		return max(ax-diamondHalf*r, ay-plankHalf*r)
	}
	return math.Sqrt(dx*dx+dy*dy) - r
}
