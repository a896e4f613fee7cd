package flow

import "slices"

// Chains cuts steps into runs and returns their lengths: of steps that may be in a chain those of which each but the first
// reads first what the one before wrote, and nothing else reads that; of one step otherwise.
func (m Stores) Chains(steps []*Step, may []bool) (lengths []int) {
	last := m.LastUses(steps)
	follows := func(i int) bool {
		if !may[i-1] || !may[i] {
			return false
		}
		made := steps[i-1].Writes[0]
		return steps[i].Reads[0] == made && m[made].Kind == Arena && last[made] == i && !slices.Contains(steps[i].Reads[1:], made)
	}
	for i := range steps {
		if i > 0 && follows(i) {
			lengths[len(lengths)-1]++
		} else {
			lengths = append(lengths, 1)
		}
	}
	return lengths
}
