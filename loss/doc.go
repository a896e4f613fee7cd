// Package loss holds training losses as functions that build GoMLX graphs.
//
// Shapes are written with B batch, T time, D features, A action size, N rows. Every loss is a
// scalar of its operands' dtype, float32 or float64, dimensionless, lower is better. Gradients
// flow into every argument; there is no hidden stop-gradient. NaN in, NaN out.
//
// Two families of units exist for the same regularizers, and mixing them up changes a
// coefficient by a factor of D: the VICReg paper divides the covariance penalty by D, eb_jepa by
// D(D-1); stable-worldmodel's SIGReg grows with the batch, eb_jepa's does not. Each function
// names its units.
//
// Operands of a wrong shape panic with a *ShapeError; inside a model.Exec GoMLX returns it as an
// error. Nothing here keeps state.
package loss
