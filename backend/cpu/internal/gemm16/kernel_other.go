//go:build !amd64

package gemm16

import "foresee/backend/cpu/internal/isa"

func archKernel(isa.Level) *kernel { return nil }
