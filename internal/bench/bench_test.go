package bench

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMedianAndBounds(t *testing.T) {
	var s sample
	for i := 20; i >= 1; i-- { // 1 .. 20 s, out of order
		s = append(s, time.Duration(i)*time.Second)
	}
	// n = 20: k = floor((20 - 1.96*4.472)/2) = 5, so the 5th and the 16th.
	if mid, lo, hi := s.median(); mid != 10.5 || lo != 5 || hi != 16 {
		t.Errorf("median of 1..20 = %v in [%v, %v], want 10.5 in [5, 16]", mid, lo, hi)
	}
	if s[0] != 20*time.Second {
		t.Error("median sorted the sample itself")
	}
	if mid, lo, hi := s[:1].median(); mid != 20 || lo != 20 || hi != 20 {
		t.Errorf("median of one run = %v in [%v, %v], want 20 in [20, 20]", mid, lo, hi)
	}
	r := s.rate("x", "gflops", 21, "")
	if r.Value != 2 || *r.Lo != 21.0/16 || *r.Hi != 21.0/5 || r.N != 20 || r.Validate() != nil {
		t.Errorf("rate row = %+v (%v), want 2 in [21/16, 21/5] of 20", r, r.Validate())
	}
}

func TestSgemmRows(t *testing.T) {
	rows, err := Sgemm(t.Context(), SgemmConfig{Sizes: []int{1, 33}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, missing := openBLAS(1)
	if missing != nil && os.Getenv("FORESEE_CI") == "1" {
		t.Fatalf("FORESEE_CI=1 and no OpenBLAS: %v", missing)
	}
	want := []string{"bench/sgemm/1/gflops", "bench/sgemm/1/openblas", "bench/sgemm/1/ratio",
		"bench/sgemm/33/gflops", "bench/sgemm/33/openblas", "bench/sgemm/33/ratio"}
	if missing != nil {
		want = []string{"bench/sgemm/1/gflops", "bench/sgemm/33/gflops"}
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Name)
		if err := r.Validate(); err != nil || !(r.Value > 0) || r.N < minRuns {
			t.Errorf("row %+v: %v; want a positive value of at least %d runs", r, err, minRuns)
		}
		if missing != nil && !strings.Contains(r.Note, missing.Error()) {
			t.Errorf("row %s does not say why OpenBLAS is missing: %q", r.Name, r.Note)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("rows %v, want %v", got, want)
	}
}

func TestSgemmRefuses(t *testing.T) {
	if _, err := Sgemm(t.Context(), SgemmConfig{Backend: "abacus"}); err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("an unknown backend: %v, want an error that names it", err)
	}
	if _, err := Sgemm(t.Context(), SgemmConfig{Runs: 3}); err == nil {
		t.Error("3 runs are accepted as a median")
	}
	if _, err := Sgemm(t.Context(), SgemmConfig{Sizes: []int{0}}); err == nil {
		t.Error("size 0 is accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Sgemm(ctx, SgemmConfig{Sizes: []int{2}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run: %v, want context.Canceled", err)
	}
}

// TestLargestGap shows that a wrong product is noticed: one entry, or NaN.
func TestLargestGap(t *testing.T) {
	nan := float32(math.NaN())
	if g := largestGap([]float32{1, 2, 3}, []float32{1, 2.5, 3}); g != 0.5 {
		t.Errorf("gap = %v, want 0.5", g)
	}
	if g := largestGap([]float32{1, nan}, []float32{1, 2}); !math.IsNaN(g) {
		t.Errorf("gap with NaN = %v, want NaN", g)
	}
}
