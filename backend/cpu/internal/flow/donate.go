package flow

import "slices"

// Donors are, for each result, the parameters by position whose memory it may take over, best first.
type Donors [][]int

// Donors finds the donors of each result.
func (m Stores) Donors(steps []*Step, params, results []int) Donors {
	last := m.LastUses(steps)
	first := make([]int, len(m))
	for i := range first {
		first[i] = -1
	}
	for i, s := range steps {
		for _, w := range s.Writes {
			if first[w] < 0 {
				first[w] = i
			}
		}
	}
	donors := make(Donors, len(results))
	for r, id := range results {
		var later []int
		for k, q := range params {
			if m[q].Bytes != m[id].Bytes || first[id] < 0 {
				continue
			}
			switch {
			case last[q] == first[id] && slices.Contains(steps[first[id]].InPlace, [2]int{id, q}):
				donors[r] = append(donors[r], k)
			case last[q] < first[id]:
				later = append(later, k)
			}
		}
		donors[r] = append(donors[r], later...)
	}
	return donors
}

// Choose returns for each result the donated parameter whose memory it takes over, or -1. No parameter is chosen twice.
func (d Donors) Choose(donated []bool) []int {
	out := make([]int, len(d))
	taken := map[int]bool{}
	for r := range out {
		out[r] = -1
		for _, k := range d[r] {
			if k < len(donated) && donated[k] && !taken[k] {
				out[r], taken[k] = k, true
				break
			}
		}
	}
	return out
}
