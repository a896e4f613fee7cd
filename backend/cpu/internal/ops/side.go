package ops

import "slices"

// Side is one operand of a batch of matrix products, seen as [batch, rows, contracted].
type Side struct {
	Batch, Rows, Contract AxisRun
}

// AxisRun is a list of axes that behave as one of size N with a single stride in elements.
type AxisRun struct{ N, Stride int }

// joinAxes returns the run for axes in the given order, or false if they have no single stride.
func joinAxes(dims, strides, axes []int) (AxisRun, bool) {
	r := AxisRun{N: 1}
	for i := len(axes) - 1; i >= 0; i-- {
		d := dims[axes[i]]
		if d == 1 {
			continue
		}
		if r.N == 1 {
			r.Stride = strides[axes[i]]
		} else if strides[axes[i]] != r.Stride*r.N {
			return r, false
		}
		r.N *= d
	}
	if r.N == 1 {
		r.Stride = 1
	}
	return r, true
}

// OtherAxes returns the axes of rank that are in none of the lists, in order.
func OtherAxes(rank int, lists ...[]int) []int {
	var out []int
	for i := range rank {
		used := false
		for _, l := range lists {
			used = used || slices.Contains(l, i)
		}
		if !used {
			out = append(out, i)
		}
	}
	return out
}

// SideOf describes an operand of elements of so many bytes in place if its axes join, or else as the dense copy that
// the returned move makes.
func SideOf(dims []int, bytes int, batch, contract []int) (Side, *Move) {
	strides := Strides(dims)
	rows := OtherAxes(len(dims), batch, contract)
	var s Side
	var ok [3]bool
	s.Batch, ok[0] = joinAxes(dims, strides, batch)
	s.Rows, ok[1] = joinAxes(dims, strides, rows)
	s.Contract, ok[2] = joinAxes(dims, strides, contract)
	if ok == [3]bool{true, true, true} && (s.Rows.Stride == 1 || s.Contract.Stride == 1) {
		return s, nil
	}
	order := slices.Concat(batch, rows, contract)
	m := Move{Size: bytes}
	for _, axis := range order {
		m.Dims = append(m.Dims, dims[axis])
		m.Src = append(m.Src, strides[axis])
	}
	m.Dst = Strides(m.Dims)
	size := func(axes []int) int {
		n := 1
		for _, a := range axes {
			n *= dims[a]
		}
		return n
	}
	b, r, k := size(batch), size(rows), size(contract)
	s = Side{AxisRun{b, r * k}, AxisRun{r, k}, AxisRun{k, 1}}
	m = m.Simplify()
	return s, &m
}

// Leading returns whether the operand is stored transposed, as [contracted, rows] on the left
// and as [rows, contracted] on the right, and the distance of its stored rows, 0 for no gaps.
func (s Side) Leading(right bool) (transposed bool, ld int) {
	byRow := s.Contract.N == 1 || s.Contract.Stride == 1 && !(s.Rows.N == 1 && right) // stored [rows, contracted]
	outer := s.Contract
	if byRow {
		outer = s.Rows
	}
	if outer.N > 1 {
		ld = outer.Stride
	}
	return byRow == right, ld
}
