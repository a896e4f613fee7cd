package flow

import "slices"

// lateBytes bounds what late steps keep in use.
const lateBytes = 64 << 20

// Late returns an order of the steps in which each late one, which nothing wants soon, comes behind the steps that are
// done entry by entry, each from entries of one before, and do not need it: these then follow each other and make one batch.
//
//	e = d·Vᵀ; w = hᵀ·d; f = g(e); u = f·Wᵀ   →   e = d·Vᵀ; f = g(e); u = f·Wᵀ; w = hᵀ·d
//
// Late steps wait for no other step, and only so long as what they read, which stays in use, is less than lateBytes.
func (m Stores) Late(steps []*Step, late []bool) (order []int) {
	var waiting, made []int // made: entry by entry, by the last steps
	var held []*Step
	bytes := 0
	for i, s := range steps {
		if late[i] {
			waiting, held = append(waiting, i), append(held, s)
			bytes += m.Bytes(s.Reads)
			continue
		}
		if s.Entries == nil || !m.Meet(made, s.Reads) || !m.Apart(held, s) || bytes > lateBytes {
			order, waiting, held, made, bytes = append(order, waiting...), nil, nil, nil, 0
		}
		if s.Entries != nil {
			made = append(made, slices.DeleteFunc(slices.Clone(s.Writes), func(id int) bool { return slices.Contains(s.Entries.Sums, id) })...)
		}
		order = append(order, i)
	}
	return append(order, waiting...)
}
