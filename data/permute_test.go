package data

import "testing"

func TestPermutationIsOne(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 16, 17, 1000, 4097} {
		p := newPermutation(n, 1, 2)
		seen := make([]bool, n)
		for i := range n {
			j := p.at(i)
			if seen[j] {
				t.Fatalf("n = %d: %d is hit twice", n, j)
			}
			seen[j] = true
		}
	}
}

// TestPermutationIsUniform counts the 120 orders of 5 over 12,000 keys:
// chi-square with 119 degrees of freedom lies below 200 but for 5 in a million.
func TestPermutationIsUniform(t *testing.T) {
	const keys = 12000
	count := map[[5]uint64]int{}
	for k := range uint64(keys) {
		p := newPermutation(5, 7, k)
		var order [5]uint64
		for i := range order {
			order[i] = p.at(uint64(i))
		}
		count[order]++
	}
	if len(count) != 120 {
		t.Errorf("%d of 120 orders occur", len(count))
	}
	chi := 0.0
	for _, n := range count {
		d := float64(n) - keys/120
		chi += d * d / (keys / 120)
	}
	if chi > 200 {
		t.Errorf("chi-square %.1f over 120 orders, want at most 200", chi)
	}
}

// TestPermutationGolden pins the order, on which resumed runs depend. The
// numbers are this program's own.
func TestPermutationGolden(t *testing.T) {
	p := newPermutation(1000, 1, 0)
	var got [4]uint64
	for i := range got {
		got[i] = p.at(uint64(i))
	}
	if want := [4]uint64{884, 699, 427, 810}; got != want {
		t.Errorf("first items %v, want %v", got, want)
	}
}
