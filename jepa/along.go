package jepa

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// alongFloor keeps directions in which hardly anything moves from explaining an error, in squared units of targets,
// whose mean variance is 1.
const alongFloor = 0.25

// errorsAlong returns the part of the mean squares of e [B, T - ahead, M, D], how far modes are off targets y [B, T, D] from
// position ahead on, that lies along how the target moves, [B, T - ahead, M]: where a thing comes back to
// the pixel, or when to the frame, nobody knows, and such an error points from what came to what came just before or
// comes next; what does not belong there at all points elsewhere.
//
//	v = y_{t+1} - y_t,   w = y_t - y_{t-1},   ⟨a, b⟩ the mean of a∘b over D
//	along = bᵀ·(A + c·I)⁻¹·b,   b = (⟨v, e⟩, ⟨w, e⟩),   A = (⟨v, v⟩ ⟨v, w⟩; ⟨v, w⟩ ⟨w, w⟩)
//
// c is alongFloor; v of the last position is 0; ahead is at least 1. It is at most the mean square. Source: tangent
// distance, Simard, LeCun and Denker 1993, with the clip's own differences as tangents and a ridge.
func errorsAlong(e, y *Node, ahead int) *Node {
	dims := y.Shape().Dimensions
	t := dims[1]
	moved := Sub(Slice(y, AxisRange(), AxisRange(1, t)), Slice(y, AxisRange(), AxisRange(0, t-1))) // moved_i = y_{i+1} - y_i
	none := Zeros(y.Graph(), shapes.Make(y.DType(), dims[0], 1, dims[2]))
	v := InsertAxes(Slice(Concatenate([]*Node{moved, none}, 1), AxisRange(), AxisRange(ahead)), 2)
	w := InsertAxes(Slice(moved, AxisRange(), AxisRange(ahead-1)), 2)
	dot := func(a, b *Node) *Node { return ReduceMean(Mul(a, b), -1) }
	vv, vw, ww := AddScalar(dot(v, v), alongFloor), dot(v, w), AddScalar(dot(w, w), alongFloor)
	ve, we := dot(v, e), dot(w, e)
	top := Sub(Add(Mul(Square(ve), ww), Mul(Square(we), vv)), MulScalar(Mul(Mul(ve, we), vw), 2))
	return Div(top, Sub(Mul(vv, ww), Square(vw)))
}
