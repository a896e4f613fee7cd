package vec

import "foresee/backend/cpu/internal/isa"

// SetLevel makes the package use the kernels of a level until undo is called.
func SetLevel(l isa.Level) (undo func()) {
	old := ops
	ops = tableFor(l)
	return func() { ops = old }
}
