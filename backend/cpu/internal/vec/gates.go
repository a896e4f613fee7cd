package vec

// Gates sets dst to the next state of a gated recurrent unit of state h, g and p being the shares of the input and of
// the state in its gates, reset, update and next:
//
//	r = σ(g_0 + p_0),   u = σ(g_1 + p_1),   t = tanh(g_2 + r·p_2),   dst = t + u·(h - t)
//
// each operation rounded. All have the length of dst, which may be h.
func Gates(dst, h []float32, g, p *[3][]float32) {
	n := len(dst)
	if n == 0 {
		return
	}
	h = h[:n]
	for k := range g {
		_, _ = g[k][n-1], p[k][n-1]
	}
	if f := ops.gates; f != nil {
		f(&dst[0], &h[0], &g[0][0], &g[1][0], &g[2][0], &p[0][0], &p[1][0], &p[2][0], n)
		return
	}
	var room [3][gatesAtOnce]float32
	for i := 0; i < n; i += gatesAtOnce {
		m := min(gatesAtOnce, n-i)
		r, u, t := room[0][:m], room[1][:m], room[2][:m]
		Add(r, g[0][i:], p[0][i:])
		Sigmoid(r, r)
		Mul(t, r, p[2][i:])
		Add(t, g[2][i:], t)
		Tanh(t, t)
		Add(u, g[1][i:], p[1][i:])
		Sigmoid(u, u)
		Sub(r, h[i:], t)
		Mul(u, u, r)
		Add(dst[i:i+m], t, u)
	}
}

// gatesAtOnce is how many elements go from one kernel to the next where there is none for all.
const gatesAtOnce = 256
