package isa_test

import (
	"runtime"
	"testing"

	"foresee/backend/cpu/internal/isa"
)

func TestBestIsNamed(t *testing.T) {
	names := map[isa.Level]string{isa.Portable: "portable", isa.AVX2: "avx2", isa.AVX512: "avx512", isa.NEON: "neon"}
	for l, want := range names {
		if l.String() != want {
			t.Errorf("Level(%d) = %q, want %q", int(l), l, want)
		}
	}
	all := isa.Levels()
	if all[0] != isa.Portable || isa.Best() != all[len(all)-1] {
		t.Errorf("Levels() = %v, Best() = %v", all, isa.Best())
	}
	if isa.Has(isa.NEON) != (runtime.GOARCH == "arm64") {
		t.Errorf("on %s: %v", runtime.GOARCH, all)
	}
	t.Logf("this machine: %v", all)
}
