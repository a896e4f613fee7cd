package plant

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

func quad(t *testing.T, family string, n int) *Quad {
	t.Helper()
	q, err := Quadruplet(family, 3, n)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// bag returns the windows of k readings that end at reading from or later, sorted.
func bag(q *Quad, k, from int, members ...[]float64) []string {
	c := len(q.Channels)
	var out []string
	for _, m := range members {
		for t := max(from, k-1); t < len(m)/c; t++ {
			out = append(out, string(bits(m[(t-k+1)*c:(t+1)*c])))
		}
	}
	slices.Sort(out)
	return out
}

// bits are the bytes of numbers, so that equal means equal to the bit.
func bits(v []float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// TestSpliceIsExact wants the same windows in {P1, P2} and {I1, I2}, byte for byte,
// up to Hidden+1 readings, over whole recordings and after the splice, where also
// P1 and I2, which share their future, have the same ones. Beyond, they differ.
func TestSpliceIsExact(t *testing.T) {
	for _, family := range []string{FamilyLevel, FamilyVelocity, FamilyCycle} {
		for n := range 12 {
			q := quad(t, family, n)
			if q.Match != MatchWindows || q.Hidden < 16 || len(q.P1) != len(q.P2) || len(q.I1) != len(q.P1) || slices.Equal(q.P1, q.I1) || slices.Equal(q.P1, q.I2) {
				t.Fatalf("%s %d: %d readings hidden, want at least 16, and four recordings of one length", family, n, q.Hidden)
			}
			for _, k := range []int{1, 2, 6, q.Hidden, q.Hidden + 1, q.Hidden + 2} {
				within := k <= q.Hidden+1
				for _, from := range []int{0, q.Splice} {
					if same := slices.Equal(bag(q, k, from, q.P1, q.P2), bag(q, k, from, q.I1, q.I2)); same != within {
						t.Errorf("%s %d: windows of %d from reading %d on, %d hidden: same %v", family, n, k, from, q.Hidden, same)
					}
				}
				if same := slices.Equal(bag(q, k, q.Splice, q.P1), bag(q, k, q.Splice, q.I2)); same != within {
					t.Errorf("%s %d: windows of %d after the splice of P1 and I2, %d hidden: same %v", family, n, k, q.Hidden, same)
				}
			}
		}
	}
}

// TestReversalKeepsMarginals: values, and sizes of first and second differences, are
// the same whichever way time runs; the way it runs is not.
func TestReversalKeepsMarginals(t *testing.T) {
	for n := range 10 {
		q := quad(t, FamilyReversal, n)
		if !slices.Equal(bag(q, 1, 0, q.P1), bag(q, 1, 0, q.I1)) || slices.Equal(q.P1, q.I1) {
			t.Errorf("run %d: other values backwards, or the same run", n)
		}
		half := len(q.P1) / 2
		if first, second := slices.Max(q.P1[:half]), slices.Max(q.P1[half:]); first < 1.3*second {
			t.Errorf("run %d: swings %.3f, then %.3f: it loses no energy", n, first, second)
		}
	}
}

// TestQuadrupletRepeats draws one twice, another, and a family that there is not.
func TestQuadrupletRepeats(t *testing.T) {
	for _, family := range slices.Concat(Families(), Controls()) {
		a, b, c := quad(t, family, 7), quad(t, family, 7), quad(t, family, 8)
		if !slices.Equal(a.P1, b.P1) || !slices.Equal(a.I1, b.I1) || slices.Equal(a.P1, c.P1) {
			t.Errorf("%s: not a function of seed and number", family)
		}
		if len(a.Expected[0]) != len(a.P1) {
			t.Errorf("%s: %d readings, %d expected", family, len(a.P1), len(a.Expected[0]))
		}
	}
	if _, err := Quadruplet("temper", 1, 1); err == nil {
		t.Error("a family that there is not")
	}
}

// TestTanksRunDry: what is hidden is in the upper tanks alone, the lower ones are
// empty.
func TestTanksRunDry(t *testing.T) {
	q := quad(t, FamilyLevel, 0)
	c := len(q.Channels)
	for at := q.Splice - 16; at < q.Splice; at++ {
		for i := range 2 {
			for _, exact := range q.Expected {
				if v := exact[at*c+i]; v != 0 {
					t.Errorf("reading %d: tank %d has %g cm without noise, want 0", at, i+1, v)
				}
			}
		}
	}
}
