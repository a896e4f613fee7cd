//go:build !amd64

package gemm16

import "foresee/backend/cpu/internal/isa"

func fast(isa.Level) bool { return false }

func archKernel(isa.Level) *kernel { return nil }
