//go:build !amd64 && !arm64

package gemm

import "foresee/backend/cpu/internal/isa"

func archKernel(isa.Level) *kernel { return nil }
