// Package winograd holds the transforms of Winograd's F(3x3, 3x3) that touch weights, which are few. A tile of 3x3 outputs
// of a 3x3 stride-1 convolution is
//
//	y = At·[(G·g·Gt) ⊙ (Bt·d·B)]·A,  d the 5x5 inputs under the tile, g the kernel
//
// summed over input channels inside of the brackets: 25 products a channel instead of 81. Its transpose gives the weight
// gradient, dg = Gt·[(A·dy·At) ⊙ (Bt·d·B)]·G summed over tiles. The 25 planes of the brackets are matrix products. With the
// points 0, 1, -1, 2 and infinity
//
//	Bt = 2 -1 -2  1  0    G = 1/2   0    0     At = 1  1  1  1  0
//	     0 -2 -1  1  0       -1/2 -1/2 -1/2         0  1 -1  2  0
//	     0  2 -3  1  0       -1/6  1/6 -1/6         0  1  1  4  1
//	     0 -1  0  1  0        1/6  1/3  2/3
//	     0  2 -1 -2  1         0    0    1
//
// Tiles of 3x3 rather than 2x2 take 0.69 of the products and planes for each output, and images of 9, 17 or 33 pixels fill
// 3, 6 or 11 of them, where tiles of 2x2 or 4x4 reach over the edge.
//
// Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", section 4; their section 4.3 has tiles of 4x4.
package winograd

// Tile is the side of a tile of outputs, Window of the inputs under it.
const (
	Tile   = 3
	Window = Tile + 2
	Planes = Window * Window
)

// Weights writes G·g·Gt of w [3, 3, rows, cols] to u [25, rows, cols], or with flip, for a data gradient, of the kernel
// turned by 180 degrees to u [25, cols, rows].
func Weights(u, w []float32, rows, cols int, flip bool) {
	size := rows * cols
	for i := range size {
		var g [9]float32
		at := i
		for t := range g {
			g[t] = w[t*size+i]
		}
		if flip {
			at = i%cols*rows + i/cols
			for t := range 4 {
				g[t], g[8-t] = g[8-t], g[t]
			}
		}
		var h [Window][Tile]float32 // G·g
		for c := range Tile {
			for r, v := range kernel(g[c], g[3+c], g[6+c]) {
				h[r][c] = v
			}
		}
		for r := range h {
			for c, v := range kernel(h[r][0], h[r][1], h[r][2]) {
				u[(Window*r+c)*size+at] = v
			}
		}
	}
}

// kernel returns G·(a, b, c).
func kernel(a, b, c float32) [Window]float32 {
	return [Window]float32{a / 2, -(a + b + c) / 2, (b - a - c) / 6, (a + 2*b + 4*c) / 6, c}
}

// Gradient writes Gt·u·G of u [25, size] to dw [3, 3, size]. It divides last, and so is exact where integers are.
func Gradient(dw, u []float32, size int) {
	for i := range size {
		var h [Tile][Window]float32 // 6·Gt·u
		for c := range Window {
			at := func(r int) float32 { return u[(Window*r+c)*size+i] }
			for r, v := range turned(at(0), at(1), at(2), at(3), at(4)) {
				h[r][c] = v
			}
		}
		for r, v := range h {
			for c, v := range turned(v[0], v[1], v[2], v[3], v[4]) {
				dw[(Tile*r+c)*size+i] = v / 36
			}
		}
	}
}

// turned returns 6·Gt·(a, b, c, d, e).
func turned(a, b, c, d, e float32) [Tile]float32 {
	return [Tile]float32{3*(a-b) - c + d, c - 3*b + 2*d, 4*d - 3*b - c + 6*e}
}
