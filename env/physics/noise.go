package physics

import "math"

// mix is the finaliser of SplitMix64: a bijection of 64-bit words in which every input bit stirs every output bit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const golden = 0x9e3779b97f4a7c15

// key folds words into one.
func key(words ...uint64) uint64 {
	h := uint64(golden)
	for _, w := range words {
		h = mix(h+golden) ^ mix(w+golden)
		h = mix(h)
	}
	return h
}

// stream yields words by counter: a pure function of its key.
type stream struct{ key, n uint64 }

func (s *stream) next() uint64 {
	s.n++
	return mix(s.key + s.n*golden)
}

// below returns a number in [0, n) of the next word.
func (s *stream) below(n int) int { return int(s.next() >> 33 % uint64(n)) }

// noise draws the noise of one quadruplet. Every frame's is a function of (key, t) alone.
type noise struct {
	kind  Noise
	level int // 1 to MaxLevel
	key   uint64
	patch rect
	a, b  []int32 // textures [Size, Size, 3], in grey levels / 128; b is where a drifts to, less a
	discs []drift
}

type drift struct {
	x, y, vx, vy, r float64
	colour          rgb
}

func newNoise(cfg Config, k uint64) *noise {
	n := &noise{kind: cfg.Noise, level: cfg.level(), key: k}
	s := &stream{key: key(k, 1)}
	switch n.kind {
	case N1:
		side := math.Sqrt([...]float64{0.05, 0.1, 0.2, 0.4}[n.level-1]) * Size
		w := int(math.Round(side * (0.8 + 0.1*float64(s.below(5)))))
		h := int(math.Round(side * side / float64(w)))
		x, y := s.below(Size-w+1), s.below(Size-h+1)
		n.patch = rect{x, y, x + w, y + h}
	case N3:
		n.a = texture(s, 4<<n.level)
	case N4:
		n.a, n.b = texture(s, 4<<n.level), texture(s, 4<<n.level)
		for i := range n.b {
			n.b[i] -= n.a[i]
		}
	case N5:
		for range n.level {
			n.discs = append(n.discs, drift{
				x: float64(s.below(Size)), y: float64(s.below(Size)), r: 3 + float64(s.below(4)),
				vx: float64(s.below(65)-32) / 16, vy: float64(s.below(65)-32) / 16,
				colour: rgb{uint8(90 + s.below(160)), uint8(90 + s.below(160)), uint8(90 + s.below(160))},
			})
		}
	}
	return n
}

// texture draws smooth random values, [Size, Size, 3]: a grid of 4-pixel cells, linear between its corners.
func texture(s *stream, amplitude int) []int32 {
	const cell, corners = 4, Size/4 + 1
	var g [corners][corners][Channels]int
	for y := range g {
		for x := range g[y] {
			w := s.next()
			for c := range Channels {
				g[y][x][c] = int(w>>(8*c)&255) - 128
			}
		}
	}
	tex := make([]int32, frameBytes)
	for y := range Size {
		for x := range Size {
			j, i, fy, fx := y/cell, x/cell, y%cell, x%cell
			for c := range Channels {
				up := g[j][i][c]*(cell-fx) + g[j][i+1][c]*fx
				low := g[j+1][i][c]*(cell-fx) + g[j+1][i+1][c]*fx
				tex[(y*Size+x)*Channels+c] = int32((up*(cell-fy) + low*fy) * amplitude / (cell * cell))
			}
		}
	}
	return tex
}

// still draws what lies behind bodies and screens and does not change.
func (n *noise) still(dst []uint8) {
	if n.kind == N3 {
		for i, v := range n.a {
			dst[i] = clamp8(int(dst[i]) + int(v>>7))
		}
	}
}

// behind draws what lies behind bodies and screens and changes.
func (n *noise) behind(dst []uint8, t int) {
	switch n.kind {
	case N1:
		s := &stream{key: key(n.key, 2, uint64(t))}
		for y := n.patch.y0; y < n.patch.y1; y++ {
			row := dst[y*rowBytes+n.patch.x0*Channels : y*rowBytes+n.patch.x1*Channels]
			for i := range row {
				row[i] = uint8(s.next() >> 56)
			}
		}
	case N4:
		const log = 8 // of the period
		phase := int32(t) + int32(n.key%(1<<log-Frames))
		dst, to := dst[:len(n.a)], n.b[:len(n.a)]
		for i, v := range n.a {
			dst[i] = clamp8(int(dst[i]) + int((v+to[i]*phase>>log)>>7))
		}
	case N5:
		for _, d := range n.discs {
			d.draw(dst, t)
		}
	}
}

func (d drift) draw(dst []uint8, t int) {
	const span = Size + 16 // it leaves on one side and comes back on the other
	wrap := func(x float64) float64 { return snap(math.Mod(math.Mod(x, span)+span, span) - 8) }
	x, y := wrap(d.x+d.vx*float64(t)+8), wrap(d.y+d.vy*float64(t)+8)
	r := rect{int(x-d.r) - 1, int(y-d.r) - 1, int(x+d.r) + 2, int(y+d.r) + 2}.clip()
	for j := r.y0; j < r.y1; j++ {
		for i := r.x0; i < r.x1; i++ {
			if share := 0.5 - disc.distance(float64(i)+0.5-x, float64(j)+0.5-y, d.r); share > 0 {
				blend(dst[(j*Size+i)*Channels:], d.colour, int(min(share, 1)*256))
			}
		}
	}
}

// before draws what lies before everything, and the light and the sensor.
func (n *noise) before(dst []uint8, t int) {
	switch n.kind {
	case N2:
		s := &stream{key: key(n.key, 3, uint64(t))}
		for range 1 << n.level {
			x, y := s.below(Size+4)-4, s.below(Size+4)-4
			c := rgb{uint8(60 + s.below(60)), uint8(100 + s.below(60)), uint8(30 + s.below(40))}
			fill(dst, rect{x, y + 1, x + 4, y + 3}, c)
			fill(dst, rect{x + 1, y, x + 3, y + 4}, c)
		}
	case N6:
		most := [...]int{20, 51, 102, 205}[n.level-1] // of 1024
		s := &stream{key: key(n.key, 4, uint64(t))}
		gain(dst, 1024-most+s.below(2*most+1))
	case N7:
		// Four uniform bytes add to mean 510, std 147.80. A word makes two such sums.
		scale := int(math.Round([...]float64{2, 8, 16, 24}[n.level-1] / 147.80 * (1 << 20)))
		s := &stream{key: key(n.key, 5, uint64(t))}
		for i := 0; i < len(dst); i += 2 {
			w := s.next()
			w = w&0x00ff00ff00ff00ff + w>>8&0x00ff00ff00ff00ff
			w += w >> 16
			p, q := int(w&0xffff), int(w>>32&0xffff)
			dst[i] = clamp8(int(dst[i]) + ((p-510)*scale+1<<19)>>20)
			dst[i+1] = clamp8(int(dst[i+1]) + ((q-510)*scale+1<<19)>>20)
		}
	}
}

// gain multiplies a frame by g/1024.
func gain(dst []uint8, g int) {
	var to [256]uint8
	for v := range to {
		to[v] = clamp8(v * g >> 10)
	}
	for i, v := range dst {
		dst[i] = to[v]
	}
}

// clamp8 limits v to a byte. The limits are rare, so the branch is cheaper than min and max.
func clamp8(v int) uint8 {
	if uint(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}
