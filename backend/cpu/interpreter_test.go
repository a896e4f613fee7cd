package cpu_test

import (
	"math"
	"slices"
)

// approx is what the interpreter holds for a float32 tensor: float64 values, and for each a bound
// on how far float32 arithmetic, in any order, may be from it. Where a comparison is too close to
// call the bound covers both ways, so nothing needs to be left out.
type approx struct {
	dims []int
	v, e []float64
}

// unit is the rounding error of float32, with room for functions of a few units in the last place.
const unit = 4 * 0x1p-24

func newApprox(dims []int) approx {
	n := size(dims)
	return approx{dims, make([]float64, n), make([]float64, n)}
}

// set stores a value that was rounded, e beside the error of its inputs.
func (a approx) set(i int, v, e float64) {
	a.v[i], a.e[i] = v, e+unit*math.Abs(v)+1e-37
}

// monotone applies a monotone function, and slack times the rounding unit around its result.
func monotone(f func(float64) float64, slack float64) func(in []approx) approx {
	return func(in []approx) approx {
		out := newApprox(in[0].dims)
		for i, x := range in[0].v {
			y, e := f(x), in[0].e[i]
			out.set(i, y, max(math.Abs(f(x+e)-y), math.Abs(f(x-e)-y))+slack*unit)
		}
		return out
	}
}

// gentle applies a function whose slope is at most 1, such as sin.
func gentle(f func(float64) float64) func(in []approx) approx {
	return func(in []approx) approx {
		out := newApprox(in[0].dims)
		for i, x := range in[0].v {
			out.set(i, f(x), in[0].e[i]+unit)
		}
		return out
	}
}

// pairs applies f to values and errors of two tensors that broadcast.
func pairs(dims []int, f func(a, b, ea, eb float64) (y, e float64)) func(in []approx) approx {
	return func(in []approx) approx {
		out := newApprox(dims)
		for i := range out.v {
			j, k := broadcastAt(dims, in[0].dims, i), broadcastAt(dims, in[1].dims, i)
			y, e := f(in[0].v[j], in[1].v[k], in[0].e[j], in[1].e[k])
			out.set(i, y, e)
		}
		return out
	}
}

// broadcastAt returns the position in a tensor of dims small that element i of dims reads.
func broadcastAt(dims, small []int, i int) int {
	if len(small) == 0 {
		return 0
	}
	index := indexOf(dims, i)
	for k, d := range small {
		if d == 1 {
			index[k] = 0
		}
	}
	return at(small, index)
}

func sumOf(a, b, ea, eb float64) (y, e float64)        { return a + b, ea + eb }
func differenceOf(a, b, ea, eb float64) (y, e float64) { return a - b, ea + eb }
func maximumOf(a, b, ea, eb float64) (y, e float64)    { return max(a, b), max(ea, eb) }
func minimumOf(a, b, ea, eb float64) (y, e float64)    { return min(a, b), max(ea, eb) }
func productOf(a, b, ea, eb float64) (y, e float64) {
	return a * b, math.Abs(a)*eb + math.Abs(b)*ea + ea*eb
}

// quotientOf knows nothing where b may be near 0.
func quotientOf(a, b, ea, eb float64) (y, e float64) {
	if math.Abs(b) <= 2*eb {
		return 0, nothing
	}
	return a / b, (ea + math.Abs(a/b)*eb) / (math.Abs(b) - eb)
}

// less is 1 where a < b, with an error of 1 where that is too close to call.
func less(a, b, ea, eb float64) (y, e float64) {
	if math.Abs(a-b) <= ea+eb {
		e = 1
	}
	if a < b {
		y = 1
	}
	return y, e
}

// where picks by a tensor that less made.
func where(in []approx) approx {
	out := newApprox(in[1].dims)
	for i, c := range in[0].v {
		a, b := in[1], in[2]
		y, e := b.v[i], b.e[i]
		if c != 0 {
			y, e = a.v[i], a.e[i]
		}
		if in[0].e[i] > 0.5 {
			e = math.Abs(a.v[i]-b.v[i]) + max(a.e[i], b.e[i])
		}
		out.v[i], out.e[i] = y, e
	}
	return out
}

// moved makes a tensor whose elements are those of the first input where from says, or fill at -1.
func moved(dims []int, fill float64, from func(index []int) int) func(in []approx) approx {
	return func(in []approx) approx {
		out := newApprox(dims)
		for i := range out.v {
			if j := from(indexOf(dims, i)); j >= 0 {
				out.v[i], out.e[i] = in[0].v[j], in[0].e[j]
			} else {
				out.v[i] = fill
			}
		}
		return out
	}
}

// reduced folds the axes away.
func reduced(from []int, axes []int, start float64, fold func(a, b, ea, eb float64) (y, e float64)) (dims []int, eval func(in []approx) approx) {
	for i, d := range from {
		if !slices.Contains(axes, i) {
			dims = append(dims, d)
		}
	}
	return dims, func(in []approx) approx {
		out := newApprox(dims)
		size := make([]float64, len(out.v)) // what partial sums may be as large as
		for i := range out.v {
			out.v[i] = start
		}
		for i, x := range in[0].v {
			var index []int
			for k, p := range indexOf(from, i) {
				if !slices.Contains(axes, k) {
					index = append(index, p)
				}
			}
			j := at(dims, index)
			if math.IsInf(out.v[j], 0) {
				out.v[j], out.e[j] = x, in[0].e[i]
			} else {
				out.v[j], out.e[j] = fold(out.v[j], x, out.e[j], in[0].e[i])
			}
			size[j] += math.Abs(x)
		}
		terms := float64(len(in[0].v)) / float64(max(1, len(out.v)))
		for j := range out.v {
			out.e[j] += unit * size[j] * math.Sqrt(terms+1)
		}
		return out
	}
}

// accumulator is a sum of products in work.
type accumulator struct{ v, e, size, terms float64 }

func (s *accumulator) add(x, y approx, i, j int) {
	p, e := productOf(x.v[i], y.v[j], x.e[i], y.e[j])
	s.v, s.e, s.size, s.terms = s.v+p, s.e+e, s.size+math.Abs(p), s.terms+1
}

// result returns the sum and its error; growth is how much larger the algorithm's intermediate
// values may be.
func (s accumulator) result(growth float64) (v, e float64) {
	return s.v, s.e*growth + growth*unit*s.size*math.Sqrt(s.terms+1)
}
