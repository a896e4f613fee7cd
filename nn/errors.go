package nn

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// ShapeError says that an operand or a setting of a layer does not fit.
type ShapeError struct {
	Op   string // the function, for example "Conv2D"
	Got  string // what it was given
	Want string // what it takes
}

// Error returns "nn: Op: got ..., want ...".
func (e *ShapeError) Error() string {
	return fmt.Sprintf("nn: %s: got %s, want %s", e.Op, e.Got, e.Want)
}

// mustRank panics unless x has the given rank and a float dtype.
func mustRank(op string, x *graph.Node, rank int, want string) {
	if x.Rank() != rank || !x.DType().IsFloat() {
		panic(&ShapeError{Op: op, Got: x.Shape().String(), Want: want})
	}
}

// must panics with a ShapeError unless ok.
func must(ok bool, op, want, got string, args ...any) {
	if !ok {
		panic(&ShapeError{Op: op, Got: fmt.Sprintf(got, args...), Want: want})
	}
}
