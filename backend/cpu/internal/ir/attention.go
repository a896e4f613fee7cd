package ir

// Attention is the argument of FusedScaledDotProductAttention (query, key, value → output, mass) and of its
// VJP (query, key, value, output, gradient, mass → the gradients of the first three).
type Attention struct {
	TokensFirst bool // [batch, tokens, heads, width]; else [batch, heads, tokens, width]
	Scale       float32
	Causal      bool
	// Joined says that a VJP has one output, its three results stacked along a new axis 2.
	Joined bool
}

// AttentionSizes are the dimensions of an attention.
type AttentionSizes struct{ Batch, Heads, KVHeads, Queries, Keys, Width int }

// Axes returns the positions of heads and tokens in a shape.
func (a Attention) Axes() (heads, tokens int) {
	if a.TokensFirst {
		return 2, 1
	}
	return 1, 2
}

// Sizes returns the dimensions for inputs that begin with query and key.
func (a Attention) Sizes(in []*Value) AttentionSizes {
	h, t := a.Axes()
	q, k := in[0].Dims(), in[1].Dims()
	return AttentionSizes{q[0], q[h], k[h], q[t], k[t], q[3]}
}
