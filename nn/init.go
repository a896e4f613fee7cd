package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// seedParam is the scope parameter that holds the seed of initial values.
const seedParam = "nn_seed"

// WithSeed makes seed the key of all initial values drawn below scope, and returns scope.
func WithSeed(scope *model.Scope, seed uint64) *model.Scope {
	scope.SetParam(seedParam, seed)
	return scope
}

// Rand returns foresee's keyed generator: equal (seed, name) give equal streams, others unrelated ones.
// The PCG state is the first 16 bytes of SHA-256("foresee", 0, seed little-endian, name).
// Uniform numbers in [0, 1) are taken with Uniform, which no Go release may change.
func Rand(seed uint64, name string) *rand.Rand {
	b := append([]byte("foresee\x00"), make([]byte, 8)...)
	binary.LittleEndian.PutUint64(b[8:], seed)
	sum := sha256.Sum256(append(b, name...))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
}

// Uniform returns the top 53 bits of rng's next number as a float64 in [0, 1).
func Uniform(rng *rand.Rand) float64 { return float64(rng.Uint64()>>11) * 0x1p-53 }

// Normal returns a standard normal number by inversion, Φ⁻¹(u); it uses one number of rng.
func Normal(rng *rand.Rand) float64 {
	u := (float64(rng.Uint64()>>12) + 0.5) * 0x1p-52 // never 0 or 1
	return math.Sqrt2 * math.Erfinv(2*u-1)
}

type initKind int

const (
	initDefault initKind = iota
	initUniform
	initConstant
	initTruncNormal
	initNormal
	initOrthogonal
)

// Init says how a variable gets its initial values; the zero Init means the layer's default.
type Init struct {
	kind initKind
	a    float64
}

// UniformInit draws from U(-bound, bound).
func UniformInit(bound float64) Init { return Init{initUniform, bound} }

// FanIn draws from U(-1/sqrt(fanIn), 1/sqrt(fanIn)): what PyTorch gives weights and biases of
// dense and convolution layers (kaiming_uniform with a = sqrt 5) and, with fanIn = D, of a GRU.
func FanIn(fanIn int) Init { return UniformInit(1 / math.Sqrt(float64(fanIn))) }

// TruncNormal draws from N(0, std²) cut at ±2, absolute as PyTorch's trunc_normal_.
func TruncNormal(std float64) Init { return Init{initTruncNormal, std} }

// NormalInit draws from N(0, std²).
func NormalInit(std float64) Init { return Init{initNormal, std} }

// Orthogonal draws a matrix with orthonormal rows or columns, whichever are fewer, times gain;
// leading axes of higher ranks are flattened into rows. Vectors get one unit vector times gain.
func Orthogonal(gain float64) Init { return Init{initOrthogonal, gain} }

// Constant sets all values to v.
func Constant(v float64) Init { return Init{initConstant, v} }

// Zeros sets all values to 0.
func Zeros() Init { return Constant(0) }

// Ones sets all values to 1.
func Ones() Init { return Constant(1) }

// or returns i, or def where i is the zero Init.
func (i Init) or(def Init) Init {
	if i.kind == initDefault {
		return def
	}
	return i
}

// Values returns the initial values, row-major, of the variable at path with dimensions dims.
// It is a pure function of its arguments. A zero Init panics.
func (i Init) Values(seed uint64, path string, dims ...int) []float64 {
	n := 1
	for _, d := range dims {
		n *= d
	}
	out := make([]float64, n)
	rng := Rand(seed, path)
	switch i.kind {
	case initUniform:
		for k := range out {
			out[k] = i.a * (2*Uniform(rng) - 1)
		}
	case initConstant:
		for k := range out {
			out[k] = i.a
		}
	case initNormal:
		for k := range out {
			out[k] = i.a * Normal(rng)
		}
	case initTruncNormal:
		for k := range out {
			for v := 3.0; ; {
				if v = i.a * Normal(rng); math.Abs(v) <= 2 {
					out[k] = v
					break
				}
			}
		}
	case initOrthogonal:
		cols := 1
		if len(dims) > 0 {
			cols = dims[len(dims)-1]
		}
		orthogonal(rng, out, cols, i.a)
	default:
		panic(fmt.Errorf("nn: Init.Values(%s): a zero Init has no values of its own", path))
	}
	return out
}

// orthogonal fills out, a matrix with the given number of columns, by Gram-Schmidt, each vector twice.
func orthogonal(rng *rand.Rand, out []float64, cols int, gain float64) {
	if len(out) == 0 {
		return
	}
	rows := len(out) / cols
	count, length := rows, cols
	at := func(v, k int) int { return v*cols + k }
	if rows > cols {
		count, length = cols, rows
		at = func(v, k int) int { return k*cols + v }
	}
	for i := range out {
		out[i] = Normal(rng)
	}
	for v := range count {
		for range 2 {
			for u := range v {
				dot := 0.0
				for k := range length {
					dot += out[at(u, k)] * out[at(v, k)]
				}
				for k := range length {
					out[at(v, k)] -= dot * out[at(u, k)]
				}
			}
			norm := 0.0
			for k := range length {
				norm += out[at(v, k)] * out[at(v, k)]
			}
			norm = math.Sqrt(norm)
			for k := range length {
				out[at(v, k)] /= norm
			}
		}
	}
	for i := range out {
		out[i] *= gain
	}
}

// Initializer returns a GoMLX initializer that puts Values(seed, path) into the graph as a constant.
// Float32 variables get the float64 values rounded.
func (i Init) Initializer(seed uint64, path string) model.VariableInitializer {
	return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
		return constant(g, shape.DType, i.Values(seed, path, shape.Dimensions...), shape.Dimensions...)
	}
}

// constant puts float64 values into the graph with the given dtype and dimensions.
func constant(g *graph.Graph, dtype dtypes.DType, values []float64, dims ...int) *graph.Node {
	switch dtype {
	case dtypes.Float64:
		return graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(values, dims...))
	case dtypes.Float32:
		v := make([]float32, len(values))
		for k, x := range values {
			v[k] = float32(x)
		}
		return graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(v, dims...))
	}
	panic(&ShapeError{Op: "constant", Got: dtype.String(), Want: "float32 or float64"})
}

// Variable creates or finds the trainable variable name in scope and sets how it is initialised.
// The key of its values is the seed of WithSeed and the variable's path. A variable that has a value,
// such as one read from a file, needs no seed.
func Variable(scope *model.Scope, name string, init Init, dtype dtypes.DType, dims ...int) *model.Variable {
	if v := scope.GetVariable(name); v != nil && v.HasValue() {
		return scope.VariableWithShape(name, shapes.Make(dtype, dims...))
	}
	value, ok := scope.GetParam(seedParam)
	seed, isUint := value.(uint64)
	if !ok || !isUint {
		panic(fmt.Errorf("nn: Variable(%s/%s): it has no value, and no seed to draw one; load it or call nn.WithSeed on this scope or one above", scope.Scope(), name))
	}
	path := model.JoinPath(scope.Scope(), name)
	return scope.WithInitializer(init.Initializer(seed, path)).VariableWithShape(name, shapes.Make(dtype, dims...))
}

// Parameters returns the number of floats in the trainable variables of scope and below.
func Parameters(scope *model.Scope) int {
	n := 0
	for v := range scope.IterVariables() {
		if v.Trainable {
			n += v.Shape().Size()
		}
	}
	return n
}
