package exec

import "foresee/backend/cpu/internal/fusion"

// describe says what the steps from number first on, which are those of g, compute.
func (c *compiler) describe(g *fusion.Group, first int) {
	for i := first; i < len(c.prog.steps); i++ {
		s := &c.prog.steps[i]
		if s.shape != "" {
			continue // a step beside the node's own
		}
		s.shape, s.flop = g.Text(), g.FLOP()
	}
}
