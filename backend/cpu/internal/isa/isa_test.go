package isa_test

import (
	"testing"

	"foresee/backend/cpu/internal/isa"
)

func TestBestIsNamed(t *testing.T) {
	names := map[isa.Level]string{isa.Portable: "portable", isa.AVX2: "avx2", isa.AVX512: "avx512"}
	for l, want := range names {
		if l.String() != want {
			t.Errorf("Level(%d) = %q, want %q", int(l), l, want)
		}
	}
	if b := isa.Best(); b < isa.Portable || b > isa.AVX512 {
		t.Errorf("Best() = %d", int(b))
	}
	t.Logf("this machine: %v", isa.Best())
}
