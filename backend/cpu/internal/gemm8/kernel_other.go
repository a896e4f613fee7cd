//go:build !amd64

package gemm8

import "foresee/backend/cpu/internal/isa"

func archKernel(isa.Level) *kernel { return nil }
