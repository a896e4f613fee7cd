package flow

// Early returns an order of the steps in which the early ones, copies of what they read, come as soon as that is made: it is
// in the cache then, and its memory is free for what comes next.
//
//	a = f(x); b = f(a); c = f(b); y = [a, b, c]   →   a = f(x); y[0] = a; b = f(a); y[1] = b; c = f(b); y[2] = c
//
// A copy of what is made entry by entry stays: in between it would end the batch. Nothing else may move: an early step reads
// one storage and writes what no other kind of step writes, and none before the last of them reads.
func (m Stores) Early(steps []*Step, early []bool) (order []int) {
	made := map[int]int{}               // storage, and the step that wrote it last
	behind := make([][]int, len(steps)) // steps moved behind another
	moved := make([]bool, len(steps))
	for i, s := range steps {
		if !early[i] {
			for _, id := range s.Writes {
				made[m.Root(id)] = i
			}
		} else if at, ok := made[m.Root(s.Reads[0])]; ok && steps[at].Entries == nil {
			behind[at], moved[i] = append(behind[at], i), true
		}
	}
	for i := range steps {
		if !moved[i] {
			order = append(order, i)
		}
		order = append(order, behind[i]...)
	}
	return order
}
