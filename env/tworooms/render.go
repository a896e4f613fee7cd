package tworooms

import (
	"fmt"
	"math"
)

// Render draws one frame of layout l with the dot at p into dst, [size, size, 2] uint8 row-major, channel 0 the dot
// and channel 1 the walls.
//
//	dot(x, y)  = trunc(255 · exp(-((x-p.X)² + (y-p.Y)²) / (2 · 1.3²)))
//	wall(x, y) = 255 on rows and columns 4 and 60, and on columns WallX-1 .. WallX+1 except rows DoorY-4 .. DoorY+4
//
// size is 65, or 33 for every second row and column of the 65-px frame (all 1,125 layouts stay distinct). Another
// size and a dst of another length panic. A position that is not finite draws no dot.
//
// Source: EB-JEPA and PLDM, DotWall, rendering of dot and walls. Differs: float64, so a value within rounding of an
// integer may be one grey level off; 33 px is ours.
func Render(dst []uint8, size int, l Layout, p Point) {
	NewRenderer(size, l).Draw(dst, p)
}

// Renderer draws many frames of one layout: the walls are drawn once. It is safe for concurrent use.
type Renderer struct {
	size, stride int
	walls        []uint8
}

// NewRenderer returns a renderer of frames [size, size, 2] for layout l. A size other than 65 and 33 panics.
func NewRenderer(size int, l Layout) *Renderer {
	if size != Size && size != SmallSize {
		panic(fmt.Sprintf("tworooms: frame size %d, want %d or %d", size, Size, SmallSize))
	}
	r := &Renderer{size: size, stride: (Size - 1) / (size - 1), walls: make([]uint8, size*size*Channels)}
	for i := range size {
		for j := range size {
			if wallPixel(l, j*r.stride, i*r.stride) {
				r.walls[(i*size+j)*Channels+1] = 255
			}
		}
	}
	return r
}

// FrameSize returns the bytes of one frame, size·size·2.
func (r *Renderer) FrameSize() int { return len(r.walls) }

// wallPixel reports whether pixel (x, y) of the 65-px frame shows a wall.
func wallPixel(l Layout, x, y int) bool {
	if x == borderLow || x == borderHigh || y == borderLow || y == borderHigh {
		return true
	}
	across, along := x-l.WallX, y-l.DoorY
	return across >= -wallHalf && across <= wallHalf && (along < -doorHalf || along > doorHalf)
}

// dotReach is the distance beyond which the dot's grey level truncates to 0: sqrt(2·1.3²·ln 255) = 4.33.
const dotReach = 4.34

// Draw writes the frame with the dot at p to dst, which must have FrameSize bytes or it panics.
func (r *Renderer) Draw(dst []uint8, p Point) {
	if len(dst) != len(r.walls) {
		panic(fmt.Sprintf("tworooms: frame buffer has %d bytes, want %d", len(dst), len(r.walls)))
	}
	copy(dst, r.walls)
	var gx, gy [2*4 + 1]float64 // pixels within dotReach of a point, at most
	x0, nx := r.profile(gx[:], p.X)
	y0, ny := r.profile(gy[:], p.Y)
	for i := range ny {
		row := dst[((y0+i)*r.size+x0)*Channels:]
		level := 255 * gy[i]
		for j := range nx {
			row[j*Channels] = uint8(level * gx[j])
		}
	}
}

// profile writes the dot's Gaussian along one axis and returns the first pixel it reaches and how many. The
// Gaussian is separable, so a frame costs some 20 exponentials.
func (r *Renderer) profile(g []float64, centre float64) (first, n int) {
	if !(centre >= -dotReach && centre <= Size-1+dotReach) {
		return 0, 0
	}
	step := float64(r.stride)
	first = max(0, int(math.Ceil((centre-dotReach)/step)))
	last := min(r.size-1, int(math.Floor((centre+dotReach)/step)))
	for i := first; i <= last; i++ {
		d := float64(i)*step - centre
		g[i-first] = math.Exp(-d * d / (2 * DotStd * DotStd))
	}
	return first, max(0, last-first+1)
}
