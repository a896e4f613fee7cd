package physics

import (
	"fmt"
	"math"
	"slices"
)

// Trivial is a score that looks at a short window of frames and knows nothing of things. With a Window of at most
// Hidden+1 frames it is right in exactly half of the pairs of tier T0, under the mean.
type Trivial struct {
	Name   string
	Window int                              // frames it looks at
	pixels func(window [][]uint8) float64   // of Window frames, [H, W, C] each; >= 0
	pooled func(window [][]float64) float64 // the same of pooled frames, where pooling is enough
}

// Reference holds the shape of clips and what some of the trivial scores learn from them.
type Reference struct {
	h, w, c   int
	mean, std []float64               // of colour histograms
	ar        [maxOrder + 1][]float64 // coefficients by order, the last frame's first
}

const maxOrder = 5

// Fit learns from clips, each [T, h, w, c], the mean and spread of colour histograms and, by least squares over pooled
// pixels, the coefficients of linear prediction of order 1 to 5. Clips of fewer than 6 frames add nothing to the
// latter. There must be one clip at least; a clip that is no whole number of frames panics.
func Fit(h, w, c int, clips ...[]uint8) *Reference {
	ref := &Reference{h: h, w: w, c: c, mean: make([]float64, bins), std: make([]float64, bins)}
	var gram [maxOrder + 1][maxOrder + 1]float64
	count := 0.
	for _, clip := range clips {
		frames := ref.frames(clip)
		for _, f := range frames {
			count++
			for k, h := range ref.histogram(f) {
				ref.mean[k] += h
				ref.std[k] += h * h
			}
		}
		pooled := ref.pool(frames)
		for t := maxOrder; t < len(pooled); t++ {
			for j := range gram {
				for k := range gram {
					gram[j][k] += dot(pooled[t-j], pooled[t-k])
				}
			}
		}
	}
	for k := range ref.mean {
		ref.mean[k] /= count
		ref.std[k] = math.Sqrt(max(0, ref.std[k]/count-ref.mean[k]*ref.mean[k]))
	}
	for order := 1; order <= maxOrder; order++ {
		ref.ar[order] = solve(&gram, order)
	}
	return ref
}

// frames cuts a clip.
func (ref *Reference) frames(clip []uint8) [][]uint8 {
	size := ref.h * ref.w * ref.c
	if size == 0 || len(clip)%size != 0 {
		panic(fmt.Sprintf("physics: clip of %d bytes, want frames of %dx%dx%d", len(clip), ref.h, ref.w, ref.c))
	}
	frames := make([][]uint8, len(clip)/size)
	for t := range frames {
		frames[t] = clip[t*size : (t+1)*size]
	}
	return frames
}

// Apply scores every frame of a clip, [T, H, W, C], by each score: row k is that of ts[k]. Frames that end no window
// get 0.
func (ref *Reference) Apply(ts []Trivial, clip []uint8) [][]float64 {
	frames := ref.frames(clip)
	pooled := ref.pool(frames)
	rows := make([][]float64, len(ts))
	for k, b := range ts {
		rows[k] = make([]float64, len(frames))
		for t := b.Window - 1; t < len(frames); t++ {
			if b.pooled != nil {
				rows[k][t] = b.pooled(pooled[t-b.Window+1 : t+1])
			} else {
				rows[k][t] = b.pixels(frames[t-b.Window+1 : t+1])
			}
		}
	}
	return rows
}

// Trivials returns the trivial scores whose windows are at most hidden+1 frames: mean intensity, red pixels (of three
// channels only), colour histogram typicality, frame difference, second difference, linear prediction of order up to 5
// on pooled pixels, and five statistics of the path of the pooled pixels.
//
// Source of the last five: the training-free trajectory statistics of GeoPhys (2026): step length, curvature, spread
// of curvature, second difference, residual of linear extrapolation. Differs: pooled pixels in place of the features
// of a frozen network.
func (ref *Reference) Trivials(hidden int) []Trivial {
	order := max(1, min(maxOrder, hidden))
	a := ref.ar[order]
	ts := []Trivial{
		{Name: "intensity", Window: 1, pixels: intensity},
		{Name: "red-pixels", Window: 1, pixels: redPixels},
		{Name: "typicality", Window: 1, pixels: ref.typicality},
		{Name: "frame-difference", Window: 2, pixels: func(w [][]uint8) float64 { return difference(w, -1, 1) }},
		{Name: "second-difference", Window: 3, pixels: func(w [][]uint8) float64 { return difference(w, 1, -2, 1) }},
		{Name: "linear-prediction", Window: order + 1, pooled: func(f [][]float64) float64 { return residual(f, a) }},
		{Name: "path-step", Window: 2, pooled: func(f [][]float64) float64 { return norm(minus(f[1], f[0])) }},
		{Name: "path-curvature", Window: 3, pooled: curvature},
		{Name: "path-curvature-spread", Window: 5, pooled: curvatureSpread},
		{Name: "path-second-difference", Window: 3, pooled: func(f [][]float64) float64 {
			return norm(minus(minus(f[2], f[1]), minus(f[1], f[0])))
		}},
		{Name: "path-extrapolation", Window: 4, pooled: func(f [][]float64) float64 {
			return residual(f, []float64{4. / 3, 1. / 3, -2. / 3}) // the least-squares line through three frames
		}},
	}
	return slices.DeleteFunc(ts, func(b Trivial) bool {
		return b.Window > hidden+1 || b.Name == "red-pixels" && ref.c != Channels
	})
}

func intensity(w [][]uint8) float64 {
	sum := 0
	for _, v := range w[0] {
		sum += int(v)
	}
	return float64(sum) / float64(len(w[0]))
}

func redPixels(w [][]uint8) float64 {
	n, f := 0, w[0]
	for i := 0; i < len(f); i += Channels {
		if int(f[i]) > int(f[i+1])+60 && int(f[i]) > int(f[i+2])+60 {
			n++
		}
	}
	return float64(n)
}

const bins = 64 // 4 levels a channel, or 64 levels of the first where there are not three

func (ref *Reference) histogram(frame []uint8) []float64 {
	h := make([]float64, bins)
	if ref.c != Channels {
		for i := 0; i < len(frame); i += ref.c {
			h[frame[i]>>2]++
		}
		return h
	}
	for i := 0; i < len(frame); i += Channels {
		h[frame[i]>>6<<4|frame[i+1]>>6<<2|frame[i+2]>>6]++
	}
	return h
}

// typicality is the squared distance from the mean histogram in units of its spread.
func (ref *Reference) typicality(w [][]uint8) float64 {
	sum := 0.
	for k, h := range ref.histogram(w[0]) {
		d := (h - ref.mean[k]) / (ref.std[k] + 1)
		sum += d * d
	}
	return sum
}

// difference is the mean absolute value over pixels of the frames' sum weighted by c.
func difference(w [][]uint8, c ...int) float64 {
	sum := 0
	for i := range w[0] {
		d := 0
		for k, weight := range c {
			d += weight * int(w[k][i])
		}
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(w[0]))
}

// pool averages 4 x 4 pixels, fewer at the right and lower edge: [⌈H/4⌉, ⌈W/4⌉, C] a frame.
func (ref *Reference) pool(frames [][]uint8) [][]float64 {
	const cell = 4
	wide, row := (ref.w+cell-1)/cell*ref.c, ref.w*ref.c
	sums, count := make([]int32, (ref.h+cell-1)/cell*wide), make([]float64, (ref.h+cell-1)/cell*wide)
	out := make([][]float64, len(frames))
	for t, frame := range frames {
		clear(sums)
		for y := range ref.h {
			from, to := frame[y*row:(y+1)*row], sums[y/cell*wide:]
			for x := range ref.w {
				for c := range ref.c {
					to[x/cell*ref.c+c] += int32(from[x*ref.c+c])
				}
			}
		}
		out[t] = make([]float64, len(sums))
		for i, s := range sums {
			if t == 0 {
				count[i] = float64(min(cell, ref.h-i/wide*cell) * min(cell, ref.w-i%wide/ref.c*cell))
			}
			out[t][i] = float64(s) / count[i]
		}
	}
	return out
}

// residual is the distance of the last frame from the sum of those before it weighted by a, the latest first.
func residual(f [][]float64, a []float64) float64 {
	last := len(f) - 1
	sum := 0.
	for i, x := range f[last] {
		for k, c := range a {
			x -= c * f[last-1-k][i]
		}
		sum += x * x
	}
	return math.Sqrt(sum)
}

// curvature is 1 minus the cosine between the two steps of three frames, 0 where one of them is none.
func curvature(f [][]float64) float64 {
	p, q := minus(f[1], f[0]), minus(f[2], f[1])
	n := norm(p) * norm(q)
	if n == 0 {
		return 0
	}
	return max(0, 1-dot(p, q)/n)
}

// curvatureSpread is the standard deviation of the curvature along five frames.
func curvatureSpread(f [][]float64) float64 {
	sum, squares := 0., 0.
	for i := range 3 {
		c := curvature(f[i : i+3])
		sum += c
		squares += c * c
	}
	return math.Sqrt(max(0, squares/3-sum*sum/9))
}

func minus(p, q []float64) []float64 {
	d := make([]float64, len(p))
	for i := range d {
		d[i] = p[i] - q[i]
	}
	return d
}

func dot(p, q []float64) float64 {
	sum := 0.
	for i, x := range p {
		sum += x * q[i]
	}
	return sum
}

func norm(p []float64) float64 { return math.Sqrt(dot(p, p)) }

// solve returns the a that minimise |f(t) - Σ a_k f(t-1-k)|² from the frames' inner products, by elimination. A small
// ridge keeps still clips solvable.
func solve(gram *[maxOrder + 1][maxOrder + 1]float64, order int) []float64 {
	m := make([][]float64, order)
	for j := range m {
		m[j] = make([]float64, order+1)
		for k := range order {
			m[j][k] = gram[j+1][k+1]
		}
		m[j][j] *= 1 + 1e-9
		m[j][order] = gram[j+1][0]
	}
	for p := range m {
		for j := p + 1; j < order; j++ {
			f := m[j][p] / m[p][p]
			for k := p; k <= order; k++ {
				m[j][k] -= f * m[p][k]
			}
		}
	}
	a := make([]float64, order)
	if gram[1][1] == 0 { // black, or too short
		return a
	}
	for j := order - 1; j >= 0; j-- {
		a[j] = m[j][order]
		for k := j + 1; k < order; k++ {
			a[j] -= m[j][k] * a[k]
		}
		a[j] /= m[j][j]
	}
	return a
}
