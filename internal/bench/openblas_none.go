//go:build !linux || (!amd64 && !arm64) || static

package bench

import "errors"

// openblas is OpenBLAS where it cannot be loaded: there is never one.
type openblas struct{}

// openBLAS reports why there is no OpenBLAS to measure.
func openBLAS(int) (*openblas, error) {
	return nil, errors.New("this build cannot load shared libraries")
}

func (*openblas) name() string { panic("bench: no OpenBLAS") }

func (*openblas) square(int, []float32, []float32, []float32) { panic("bench: no OpenBLAS") }
