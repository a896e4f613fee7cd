package loss

import (
	"github.com/gomlx/gomlx/core/graph"
)

// Units names what the covariance penalty of D features is divided by.
type Units int

const (
	// PerPair divides by D(D-1), the number of off-diagonal entries: eb_jepa, PLDM.
	PerPair Units = iota
	// PerDimension divides by D: the VICReg paper and its published code.
	PerDimension
)

// HingeConfig holds the constants of HingeStd.
type HingeConfig struct {
	Target  float64 // the std γ below which a feature is penalised, default 1
	Epsilon float64 // added to the variance, default 1e-4
}

// HingeStd returns the mean over features of how far their std falls short of a target:
//
//	mean_d max(0, γ - sqrt(Var_n z[n, d] + ε)),   Var unbiased
//
// z is [N, D], N >= 2. The result is in [0, γ). A feature with std exactly γ has gradient 0.
//
// Source: Bardes, Ponce, LeCun, "VICReg", ICLR 2022, equation 1; constants of its published code.
func HingeStd(z *graph.Node, cfg HingeConfig) *graph.Node {
	mustRows("HingeStd", z)
	if cfg.Target == 0 {
		cfg.Target = 1
	}
	if cfg.Epsilon == 0 {
		cfg.Epsilon = 1e-4
	}
	n := z.Shape().Dimensions[0]
	sum := graph.ReduceSum(graph.Square(centred(z)), 0)
	std := graph.Sqrt(graph.AddScalar(graph.MulScalar(sum, 1/float64(n-1)), cfg.Epsilon))
	short := graph.AddScalar(graph.Neg(std), cfg.Target)
	zero := graph.ScalarZero(z.Graph(), z.DType())
	return graph.ReduceAllMean(graph.Where(graph.LessOrEqual(short, zero), zero, short))
}

// Covariance returns the sum of the squared off-diagonal entries of the unbiased covariance matrix of
// z [N, D], N >= 2, divided by D(D-1) or D as units says. With D = 1 it is 0.
//
//	Σ_{i≠j} C_ij² / D(D-1),   C = zcᵀ·zc/(N-1),   zc = z - mean_n z
//
// Source: as HingeStd, equations 3 and 4 (PerDimension); eb_jepa's VCLoss (PerPair).
func Covariance(z *graph.Node, units Units) *graph.Node {
	mustRows("Covariance", z)
	n, d := z.Shape().Dimensions[0], z.Shape().Dimensions[1]
	zc := centred(z)
	c := graph.MulScalar(graph.DotGeneral(zc, []int{0}, nil, zc, []int{0}, nil), 1/float64(n-1))
	off := graph.Where(graph.Diagonal(z.Graph(), d), graph.ScalarZero(z.Graph(), z.DType()), c)
	divisor := float64(d)
	if units == PerPair {
		divisor *= max(float64(d-1), 1)
	}
	return graph.MulScalar(graph.ReduceAllSum(graph.Square(off)), 1/divisor)
}

// VICRegConfig holds the weights of VICReg.
type VICRegConfig struct {
	Invariance float64 // λ, of the mean squared difference
	Variance   float64 // μ, of the hinge on the std
	Covariance float64 // ν, of the covariance penalty
	Hinge      HingeConfig
	Units      Units
	// MeanVariance averages the hinge over the two views, as the published code does; else they are added.
	MeanVariance bool
}

// OfficialVICReg returns the weights and units of the published VICReg code: 25, 25, 1, covariance over D, hinge averaged.
func OfficialVICReg() VICRegConfig {
	return VICRegConfig{Invariance: 25, Variance: 25, Covariance: 1, Units: PerDimension, MeanVariance: true}
}

// EBJEPAVICReg returns eb_jepa's units, covariance over D(D-1) and hinges added, with the given weights and invariance 1.
func EBJEPAVICReg(std, cov float64) VICRegConfig {
	return VICRegConfig{Invariance: 1, Variance: std, Covariance: cov, Units: PerPair}
}

// VICRegTerms holds the scalar parts of a VICReg loss before their weights, and the weighted sum.
type VICRegTerms struct {
	Invariance, Variance, Covariance, Total *graph.Node
}

// VICReg returns the variance-invariance-covariance loss of two views a and b, [N, D] each, N >= 2:
//
//	λ·mean (a-b)² + μ·(v(a)+v(b)) + ν·(c(a)+c(b))
//
// with v HingeStd, halved under MeanVariance, and c Covariance. Zero weights leave a term out of the
// sum. It panics if all are zero; take OfficialVICReg or EBJEPAVICReg.
//
// Source: Bardes, Ponce, LeCun, "VICReg", ICLR 2022, section 4 and its published code, where the
// invariance is a mean over N and D; eb_jepa's VICRegLoss.
func VICReg(a, b *graph.Node, cfg VICRegConfig) VICRegTerms {
	mustSame("VICReg", a, b)
	must(cfg.Invariance != 0 || cfg.Variance != 0 || cfg.Covariance != 0, "VICReg", "a weight that is not 0", "%+v", cfg)
	t := VICRegTerms{
		Invariance: MSE(a, b),
		Variance:   graph.Add(HingeStd(a, cfg.Hinge), HingeStd(b, cfg.Hinge)),
		Covariance: graph.Add(Covariance(a, cfg.Units), Covariance(b, cfg.Units)),
	}
	if cfg.MeanVariance {
		t.Variance = graph.MulScalar(t.Variance, 0.5)
	}
	t.Total = Sum(Term{cfg.Invariance, t.Invariance}, Term{cfg.Variance, t.Variance}, Term{cfg.Covariance, t.Covariance})
	return t
}

// Term is a loss and its weight.
type Term struct {
	Weight float64
	Loss   *graph.Node // scalar
}

// Sum returns Σ weight·loss over the terms whose weight is not 0, so that a term switched off costs
// nothing and cannot spread a NaN. It panics if none is left.
func Sum(terms ...Term) *graph.Node {
	var total *graph.Node
	for _, t := range terms {
		if t.Weight == 0 {
			continue
		}
		must(t.Loss != nil && t.Loss.IsScalar(), "Sum", "scalar losses", "%v", t.Loss)
		x := t.Loss
		if t.Weight != 1 {
			x = graph.MulScalar(x, t.Weight)
		}
		if total == nil {
			total = x
			continue
		}
		total = graph.Add(total, x)
	}
	must(total != nil, "Sum", "a term with a weight that is not 0", "%d terms", len(terms))
	return total
}

// centred returns z minus its mean over the first axis.
func centred(z *graph.Node) *graph.Node {
	return graph.Sub(z, graph.ReduceAndKeep(z, graph.ReduceMean, 0))
}

// mustRows panics unless z is a float matrix of at least two rows and one column.
func mustRows(op string, z *graph.Node) {
	must(z.Rank() == 2 && z.DType().IsFloat() && z.Shape().Dimensions[0] >= 2 && z.Shape().Dimensions[1] >= 1,
		op, "float [N, D], N >= 2", "%s", z.Shape())
}
