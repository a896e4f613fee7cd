// Package nn holds layers, initial values and the optimizer as functions that build GoMLX graphs.
//
// Shapes are written with B batch, T time, H and W rows and columns, C channels, D features.
// Images are [B, H, W, C], convolution kernels [K, K, in, out], dense kernels [in, out].
//
// A layer keeps its variables directly in the scope it is given, so calling it twice with one
// scope shares the weights. Variables take the dtype of the layer's input, float32 or float64.
// Initial values are drawn on the host from a generator keyed by (seed, variable path), never by
// a backend, so they depend neither on the backend nor on the order of construction; WithSeed
// must have been called on the scope or one above it.
//
// A caller's mistake (a shape, a missing seed) panics with a *ShapeError or an error that begins
// with "nn: "; inside a model.Exec GoMLX returns it as an error. Nothing here keeps state, so all
// functions may be used from several goroutines on different graphs.
package nn
