package probe

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrNotFinite is wrapped by every error about a feature, a target or a latent
// that is NaN or infinite.
var ErrNotFinite = errors.New("value is not finite")

// Table is n rows of floats, Values [n, Width].
type Table struct {
	Values []float32
	Width  int
}

// Rows returns n. It panics if Values does not hold whole rows.
func (t Table) Rows() int {
	if t.Width < 1 || len(t.Values)%t.Width != 0 {
		panic(fmt.Sprintf("probe: a table of %d values and width %d", len(t.Values), t.Width))
	}
	return len(t.Values) / t.Width
}

// Row returns row i as a view.
func (t Table) Row(i int) []float32 { return t.Values[i*t.Width : (i+1)*t.Width] }

func (t Table) check(name string) error {
	for i, v := range t.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%s: row %d, column %d: %w: %g", name, i/t.Width, i%t.Width, ErrNotFinite, v)
		}
	}
	return nil
}

// Split says which groups are held back. The zero value holds back a quarter.
type Split struct {
	Test       float64 // share of the groups for the test, in (0, 1); 0 means 0.25
	Validation float64 // share of the other groups that choose ridge or stopping time; 0 means 0.2
	Seed       uint64  // keys the draw of the groups
}

// parts are row numbers, ascending.
type parts struct{ fit, validation, test []int }

// draw divides the rows by their groups. It is an error if a part gets no group.
func (s Split) draw(groups []int) (parts, error) {
	if s.Test == 0 {
		s.Test = 0.25
	}
	if s.Validation == 0 {
		s.Validation = 0.2
	}
	if !(s.Test > 0 && s.Test < 1 && s.Validation > 0 && s.Validation < 1) {
		return parts{}, fmt.Errorf("split: test %g and validation %g, want shares in (0, 1)", s.Test, s.Validation)
	}
	names := slices.Clone(groups)
	slices.Sort(names)
	names = slices.Compact(names)
	rng := rand.New(rand.NewPCG(s.Seed, 0x70726f62))
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	test := max(1, int(math.Round(s.Test*float64(len(names)))))
	validation := max(1, int(math.Round(s.Validation*float64(len(names)-test))))
	if len(names)-test-validation < 1 {
		return parts{}, fmt.Errorf("split: %d groups, want at least one each to fit, to validate and to test", len(names))
	}
	var p parts
	role := make(map[int]*[]int, len(names))
	for i, g := range names {
		switch {
		case i < test:
			role[g] = &p.test
		case i < test+validation:
			role[g] = &p.validation
		default:
			role[g] = &p.fit
		}
	}
	for row, g := range groups {
		to := role[g]
		*to = append(*to, row)
	}
	return p, nil
}

// checkProblem panics on shapes that do not fit and returns an error for values
// that are not finite.
func checkProblem(features, targets Table, groups []int) error {
	n := features.Rows()
	if targets.Rows() != n || len(groups) != n {
		panic(fmt.Sprintf("probe: %d rows of features, %d of targets, %d groups, want the same", n, targets.Rows(), len(groups)))
	}
	return errors.Join(features.check("features"), targets.check("targets"))
}

// scale is the mean and the standard deviation of each column; a column that
// does not vary has std 1.
type scale struct{ mean, std []float64 }

func measure(t Table, rows []int) scale {
	s := scale{make([]float64, t.Width), make([]float64, t.Width)}
	n := float64(len(rows))
	for _, r := range rows {
		for i, v := range t.Row(r) {
			s.mean[i] += float64(v) / n
		}
	}
	for _, r := range rows {
		for i, v := range t.Row(r) {
			s.std[i] += (float64(v) - s.mean[i]) * (float64(v) - s.mean[i]) / n
		}
	}
	for i, v := range s.std {
		s.std[i] = math.Sqrt(v)
		if s.std[i] <= 1e-12*math.Abs(s.mean[i]) || s.std[i] == 0 {
			s.std[i] = 1
		}
	}
	return s
}

// standardised returns (x - mean) / std of the given rows, [len(rows), Width].
func (s scale) standardised(t Table, rows []int) []float64 {
	out := make([]float64, 0, len(rows)*t.Width)
	for _, r := range rows {
		for i, v := range t.Row(r) {
			out = append(out, (float64(v)-s.mean[i])/s.std[i])
		}
	}
	return out
}
