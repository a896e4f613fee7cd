//go:build !amd64 && !arm64

package vec

import "foresee/backend/cpu/internal/isa"

func archTable(isa.Level) *table { return nil }
