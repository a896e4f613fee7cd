package winograd

import (
	"math/rand/v2"
	"testing"
)

// TestTileByDefinition multiplies the matrices of the package comment in float64 and compares with a convolution of one tile.
func TestTileByDefinition(t *testing.T) {
	bt := [Window][Window]float64{{2, -1, -2, 1, 0}, {0, -2, -1, 1, 0}, {0, 2, -3, 1, 0}, {0, -1, 0, 1, 0}, {0, 2, -1, -2, 1}}
	a := [Tile][Window]float64{{1, 1, 1, 1, 0}, {0, 1, -1, 2, 0}, {0, 1, 1, 4, 1}}
	r := rand.New(rand.NewPCG(1, 1))
	var d [Window][Window]float64
	for i := range d {
		for j := range d {
			d[i][j] = float64(r.IntN(9) - 4)
		}
	}
	for _, flip := range []bool{false, true} {
		g, u := make([]float32, 9), make([]float32, Planes)
		for i := range g {
			g[i] = float32(36 * (r.IntN(9) - 4))
		}
		Weights(u, g, 1, 1, flip)
		for y := range Tile {
			for x := range Tile {
				var got, want float64
				for p := range Planes {
					v := 0.0
					for i := range Window {
						for j := range Window {
							v += bt[p/Window][i] * d[i][j] * bt[p%Window][j]
						}
					}
					got += a[y][p/Window] * a[x][p%Window] * float64(u[p]) * v
				}
				for k := range 9 {
					w := g[k]
					if flip {
						w = g[8-k]
					}
					want += d[y+k/3][x+k%3] * float64(w)
				}
				if got != want {
					t.Errorf("flip %v: output %d, %d is %g, want %g", flip, y, x, got, want)
				}
			}
		}
	}
}

// TestGradientIsTransposed holds Σ u·Weights(g) = Σ g·Gradient(u) for all g and u.
func TestGradientIsTransposed(t *testing.T) {
	const rows, cols = 3, 5
	r := rand.New(rand.NewPCG(2, 1))
	g, u := make([]float32, 9*rows*cols), make([]float32, Planes*rows*cols)
	for i := range g {
		g[i] = float32(36 * (r.IntN(9) - 4))
	}
	for i := range u {
		u[i] = float32(36 * (r.IntN(9) - 4))
	}
	gu, dg := make([]float32, len(u)), make([]float32, len(g))
	Weights(gu, g, rows, cols, false)
	Gradient(dg, u, rows*cols)
	var left, right float64
	for i := range u {
		left += float64(u[i]) * float64(gu[i])
	}
	for i := range g {
		right += float64(g[i]) * float64(dg[i])
	}
	if left != right {
		t.Errorf("sums of products %g and %g", left, right)
	}
}
