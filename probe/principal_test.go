package probe_test

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"foresee/jepa"
	"foresee/nn"
	"foresee/probe"
)

// The projection finds the directions that an exact decomposition finds.
func TestPrincipal(t *testing.T) {
	const m, p, k = 300, 70, 5
	rng := nn.Rand(1, "principal")
	x := make([]float32, m*p)
	for r := range m {
		for j := range 12 { // twelve directions of falling strength
			a := nn.Normal(rng) * math.Pow(0.7, float64(j)) * 10
			for i := range p {
				x[r*p+i] += float32(a*math.Sin(float64((i+1)*(j+1)))) + float32(0.01*nn.Normal(rng)) + 3
			}
		}
	}
	exact := mat.NewDense(m, p, nil)
	exact.Apply(func(r, i int, _ float64) float64 { return float64(x[r*p+i]) }, exact)
	for i := range p {
		sum := mat.Sum(exact.ColView(i)) / m
		for r := range m {
			exact.Set(r, i, exact.At(r, i)-sum)
		}
	}
	var svd mat.SVD
	if !svd.Factorize(exact, mat.SVDThin) {
		t.Fatal("no decomposition")
	}
	var v mat.Dense
	svd.VTo(&v)
	values := svd.Values(nil)
	backend, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	got, err := probe.MeasurePrincipal(backend, x, m, p, k)
	if err != nil {
		t.Fatal(err)
	}
	basis, total := got.Basis, got.Variance
	want := 0.0
	for j := range k {
		want += values[j] * values[j] / m
		dot, top := 0.0, 0 // the exact one has any sign
		for i := range p {
			dot += v.At(i, j) * float64(basis[i*k+j])
			if math.Abs(v.At(i, j)) > math.Abs(v.At(top, j)) {
				top = i
			}
		}
		if math.Abs(dot*math.Copysign(1, v.At(top, j))-1) > 1e-4 {
			t.Errorf("direction %d has cosine %v with the exact one, whose largest entry is %v", j, dot, v.At(top, j))
		}
	}
	if math.Abs(total-want) > 1e-4*want {
		t.Errorf("total variance %v, want %v", total, want)
	}
	if _, err := probe.MeasurePrincipal(backend, make([]float32, m*p), m, p, k); err == nil || !strings.Contains(err.Error(), "all alike") {
		t.Errorf("frames all alike: error %v", err)
	}
}
