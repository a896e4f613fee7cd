package loss

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Directions returns m random unit vectors as the columns of a matrix [d, m], row-major: normal
// numbers by inversion, one of rng each, in row-major order, then each column divided by its norm.
// Draw them anew for each step, keyed by the seed and the step.
func Directions[T float32 | float64](rng *rand.Rand, d, m int) []T {
	raw := make([]float64, d*m)
	for i := range raw {
		u := (float64(rng.Uint64()>>12) + 0.5) * 0x1p-52
		raw[i] = math.Sqrt2 * math.Erfinv(2*u-1)
	}
	out := make([]T, d*m)
	for j := range m {
		norm := 0.0
		for i := range d {
			norm += raw[i*m+j] * raw[i*m+j]
		}
		norm = math.Sqrt(norm)
		for i := range d {
			out[i*m+j] = T(raw[i*m+j] / norm)
		}
	}
	return out
}

// SIGReg returns how far projections of the rows of z are from a standard normal distribution, in the
// units of stable-worldmodel, which grow with the batch B:
//
//	mean_m B·Σ_k w_k·[(mean_b cos(t_k·y_bm) - φ_k)² + (mean_b sin(t_k·y_bm))²],   y = z·A
//	t_k = 3k/16, k = 0..16;   φ_k = exp(-t_k²/2);   w_k = 2·3/16·φ_k, half that at both ends
//
// z is [B, D], or [B, T, D] and then each time step is a batch of its own and the results are averaged.
// directions is A [D, M] with unit columns, see Directions, of z's dtype. Standard normal z gives
// about 1.055 at any B; a batch of zeros 0.402·B.
//
// Source: Balestriero, LeCun, "LeJEPA", arXiv 2511.08544; stable-worldmodel v0.1.1, the LeWM loss.
func SIGReg(z, directions *graph.Node) *graph.Node {
	const last, top = 16, 3.0
	knots := make([]knot, last+1)
	for k := range knots {
		t := top * float64(k) / last
		w := 2 * top / last
		if k == 0 || k == last {
			w /= 2
		}
		knots[k] = knot{t: t, weight: w * math.Exp(-t*t/2)}
	}
	return graph.MulScalar(characteristic("SIGReg", z, directions, knots), float64(z.Shape().Dimensions[0]))
}

// EppsPulley is SIGReg in eb_jepa's units and quadrature: no factor B, the whole line instead of twice
// the half, ten points t = -3, -7/3, ..., 3 by the trapezoid rule. At equal weight it is about SIGReg/B;
// standard normal z gives about 1.04/B, a batch of zeros 0.400.
//
// Source: eb_jepa, its epps_pulley and BCS losses.
func EppsPulley(z, directions *graph.Node) *graph.Node {
	const last, top = 9, 3.0
	knots := make([]knot, last+1)
	for k := range knots {
		t := -top + 2*top*float64(k)/last
		w := 2 * top / last
		if k == 0 || k == last {
			w /= 2
		}
		knots[k] = knot{t: t, weight: w * math.Exp(-t*t/2)}
	}
	return characteristic("EppsPulley", z, directions, knots)
}

// knot is a point of the quadrature and its weight, the normal density's factor included.
type knot struct{ t, weight float64 }

// characteristic returns the weighted squared distance of the empirical characteristic function of
// z·directions, over the first axis, from exp(-t²/2), averaged over everything else.
func characteristic(op string, z, directions *graph.Node, knots []knot) *graph.Node {
	must((z.Rank() == 2 || z.Rank() == 3) && z.DType().IsFloat() && z.Shape().Size() > 0,
		op, "float [B, D] or [B, T, D], not empty", "%s", z.Shape())
	dims := z.Shape().Dimensions
	b, d := dims[0], dims[len(dims)-1]
	must(directions.Rank() == 2 && directions.Shape().Dimensions[0] == d && directions.DType() == z.DType(), op,
		"directions [D, M] of z's dtype", "z %s, directions %s", z.Shape(), directions.Shape())
	y := graph.DotProduct(graph.Reshape(z, -1, d), directions)
	y = graph.Reshape(y, b, -1) // [B, T·M]
	var total *graph.Node
	for _, k := range knots {
		phi := math.Exp(-k.t * k.t / 2)
		ty := graph.MulScalar(y, k.t)
		re := graph.AddScalar(graph.ReduceMean(graph.Cos(ty), 0), -phi)
		im := graph.ReduceMean(graph.Sin(ty), 0)
		e := graph.MulScalar(graph.Add(graph.Square(re), graph.Square(im)), k.weight)
		if total == nil {
			total = e
		} else {
			total = graph.Add(total, e)
		}
	}
	return graph.ReduceAllMean(total)
}

// DirectionsTensor returns Directions as a tensor [d, m] of the given dtype, float32 or float64, ready to be a graph's input.
func DirectionsTensor(rng *rand.Rand, dtype dtypes.DType, d, m int) *tensors.Tensor {
	if dtype == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(Directions[float64](rng, d, m), d, m)
	}
	must(dtype == dtypes.Float32, "DirectionsTensor", "float32 or float64", "%s", dtype)
	return tensors.FromFlatDataAndDimensions(Directions[float32](rng, d, m), d, m)
}
