package loss

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// ShapeError says that the operands of a loss do not fit.
type ShapeError struct {
	Op   string // the function, for example "VICReg"
	Got  string // what it was given
	Want string // what it takes
}

// Error returns "loss: Op: got ..., want ...".
func (e *ShapeError) Error() string {
	return fmt.Sprintf("loss: %s: got %s, want %s", e.Op, e.Got, e.Want)
}

// must panics with a ShapeError unless ok.
func must(ok bool, op, want, got string, args ...any) {
	if !ok {
		panic(&ShapeError{Op: op, Got: fmt.Sprintf(got, args...), Want: want})
	}
}

// mustSame panics unless a and b have one shape and dtype, a float one, and at least one element.
func mustSame(op string, a, b *graph.Node) {
	must(a.Shape().Equal(b.Shape()) && a.DType().IsFloat() && a.Shape().Size() > 0, op,
		"two float operands of one shape, not empty", "%s and %s", a.Shape(), b.Shape())
}
