//go:build !amd64

package attention

import "foresee/backend/cpu/internal/isa"

func archKernels(isa.Level) *kernels { return nil }
