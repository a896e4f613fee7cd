package physics

import (
	"math"
	"slices"
)

// Trivial is a score that looks at a short window of frames and knows nothing of things. With a Window of at most
// Hidden+1 frames it is right in exactly half of the pairs of tier T0, under the mean.
type Trivial struct {
	Name   string
	Window int                              // frames it looks at
	Score  func(window []uint8) float64     // of Window frames, [Window, Size, Size, Channels]; >= 0
	at     func(pooled [][]float64) float64 // the same of pooled frames, where pooling is enough
}

// Apply scores every frame of a clip, [T, Size, Size, Channels], that ends a window; the frames before get 0.
func (b Trivial) Apply(pixels []uint8) []float64 {
	n := len(pixels) / frameBytes
	s := make([]float64, n)
	if b.at != nil {
		frames := make([][]float64, n)
		for t := range frames {
			frames[t] = pool(pixels[t*frameBytes : (t+1)*frameBytes])
		}
		for t := b.Window - 1; t < n; t++ {
			s[t] = b.at(frames[t-b.Window+1 : t+1])
		}
		return s
	}
	for t := b.Window - 1; t < n; t++ {
		s[t] = b.Score(pixels[(t-b.Window+1)*frameBytes : (t+1)*frameBytes])
	}
	return s
}

// Quad scores the four clips of q.
func (b Trivial) Quad(q *Quadruplet) Scores {
	var s Scores
	for c, clip := range q.Clips() {
		s[c] = b.Apply(clip.Pixels)
	}
	return s
}

// Reference holds what some of the trivial scores learn from possible clips.
type Reference struct {
	mean, std []float64               // of colour histograms
	ar        [maxOrder + 1][]float64 // coefficients by order, the last frame's first
}

const maxOrder = 5

// Fit learns from the first n training clips of cfg and seed the mean and spread of colour histograms and, by least
// squares over pooled pixels, the coefficients of linear prediction of order 1 to 5. n must be positive.
func Fit(cfg Config, seed uint64, n int) *Reference {
	ref := &Reference{mean: make([]float64, bins), std: make([]float64, bins)}
	var gram [maxOrder + 1][maxOrder + 1]float64
	for i := range n {
		clip := Train(cfg, seed, i)
		var frames [Frames][]float64
		for t := range frames {
			frames[t] = pool(clip.Frame(t))
			for k, h := range histogram(clip.Frame(t)) {
				ref.mean[k] += h
				ref.std[k] += h * h
			}
		}
		for t := maxOrder; t < Frames; t++ {
			for j := range gram {
				for k := range gram {
					gram[j][k] += dot(frames[t-j], frames[t-k])
				}
			}
		}
	}
	for k := range ref.mean {
		count := float64(n * Frames)
		ref.mean[k] /= count
		ref.std[k] = math.Sqrt(max(0, ref.std[k]/count-ref.mean[k]*ref.mean[k]))
	}
	for order := 1; order <= maxOrder; order++ {
		ref.ar[order] = solve(&gram, order)
	}
	return ref
}

// Trivials returns the trivial scores whose windows are at most hidden+1 frames: mean intensity, red pixels, colour
// histogram typicality, frame difference, second difference, linear prediction of order up to 5 on pooled pixels, and
// five statistics of the path of the pooled pixels.
//
// Source of the last five: the training-free trajectory statistics of GeoPhys (2026): step length, curvature, spread
// of curvature, second difference, residual of linear extrapolation. Differs: pooled pixels in place of the features
// of a frozen network.
func (ref *Reference) Trivials(hidden int) []Trivial {
	ts := []Trivial{
		{Name: "intensity", Window: 1, Score: intensity},
		{Name: "red-pixels", Window: 1, Score: redPixels},
		{Name: "typicality", Window: 1, Score: ref.typicality},
		{Name: "frame-difference", Window: 2, Score: func(w []uint8) float64 { return difference(w, -1, 1) }},
		{Name: "second-difference", Window: 3, Score: func(w []uint8) float64 { return difference(w, 1, -2, 1) }},
	}
	order := max(1, min(maxOrder, hidden))
	a := ref.ar[order]
	pooled := []Trivial{
		{Name: "linear-prediction", Window: order + 1, at: func(f [][]float64) float64 { return residual(f, a) }},
		{Name: "path-step", Window: 2, at: func(f [][]float64) float64 { return norm(minus(f[1], f[0])) }},
		{Name: "path-curvature", Window: 3, at: curvature},
		{Name: "path-curvature-spread", Window: 5, at: curvatureSpread},
		{Name: "path-second-difference", Window: 3, at: func(f [][]float64) float64 {
			return norm(minus(minus(f[2], f[1]), minus(f[1], f[0])))
		}},
		{Name: "path-extrapolation", Window: 4, at: func(f [][]float64) float64 {
			return residual(f, []float64{4. / 3, 1. / 3, -2. / 3}) // the least-squares line through three frames
		}},
	}
	for _, b := range pooled {
		b.Score = b.pooledScore
		ts = append(ts, b)
	}
	return slices.DeleteFunc(ts, func(b Trivial) bool { return b.Window > hidden+1 })
}

func (b Trivial) pooledScore(window []uint8) float64 {
	frames := make([][]float64, b.Window)
	for t := range frames {
		frames[t] = pool(window[t*frameBytes : (t+1)*frameBytes])
	}
	return b.at(frames)
}

func intensity(w []uint8) float64 {
	sum := 0
	for _, v := range w {
		sum += int(v)
	}
	return float64(sum) / float64(len(w))
}

func redPixels(w []uint8) float64 {
	n := 0
	for i := 0; i < len(w); i += Channels {
		if int(w[i]) > int(w[i+1])+60 && int(w[i]) > int(w[i+2])+60 {
			n++
		}
	}
	return float64(n)
}

const bins = 64 // 4 levels a channel

func histogram(frame []uint8) []float64 {
	h := make([]float64, bins)
	for i := 0; i < len(frame); i += Channels {
		h[frame[i]>>6<<4|frame[i+1]>>6<<2|frame[i+2]>>6]++
	}
	return h
}

// typicality is the squared distance from the mean histogram in units of its spread.
func (ref *Reference) typicality(w []uint8) float64 {
	sum := 0.
	for k, h := range histogram(w) {
		d := (h - ref.mean[k]) / (ref.std[k] + 1)
		sum += d * d
	}
	return sum
}

// difference is the mean absolute value over pixels of the frames' sum weighted by c.
func difference(w []uint8, c ...int) float64 {
	sum := 0
	for i := range frameBytes {
		d := 0
		for k, weight := range c {
			d += weight * int(w[k*frameBytes+i])
		}
		sum += max(d, -d)
	}
	return float64(sum) / frameBytes
}

// pool averages 4 x 4 pixels: [16, 16, 3].
func pool(frame []uint8) []float64 {
	const cell, side = 4, Size / 4
	var sums [side * side * Channels]int32
	for y := range Size {
		row, to := frame[y*rowBytes:(y+1)*rowBytes], sums[y/cell*side*Channels:]
		for x := range Size {
			for c := range Channels {
				to[x/cell*Channels+c] += int32(row[x*Channels+c])
			}
		}
	}
	p := make([]float64, len(sums))
	for i, s := range sums {
		p[i] = float64(s) / (cell * cell)
	}
	return p
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
	for j := order - 1; j >= 0; j-- {
		a[j] = m[j][order]
		for k := j + 1; k < order; k++ {
			a[j] -= m[j][k] * a[k]
		}
		a[j] /= m[j][j]
	}
	return a
}
