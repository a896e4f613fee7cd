package loss_test

import "math"

// The naive twins: plain loops in float64, written from the formulas, not from the graphs.

func naiveMSE(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += (a[i] - b[i]) * (a[i] - b[i])
	}
	return s / float64(len(a))
}

// column returns column j of an n×d matrix.
func column(z []float64, n, d, j int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = z[i*d+j]
	}
	return out
}

// covariance is the unbiased covariance of two columns, by pairs: Σ_{i<k} (a_i-a_k)(b_i-b_k) / (n(n-1)).
func covariance(a, b []float64) float64 {
	n, s := len(a), 0.0
	for i := range n {
		for k := range i {
			s += (a[i] - a[k]) * (b[i] - b[k])
		}
	}
	return s / float64(n*(n-1))
}

func naiveHinge(z []float64, n, d int, target, epsilon float64) float64 {
	s := 0.0
	for j := range d {
		c := column(z, n, d, j)
		s += max(0, target-math.Sqrt(covariance(c, c)+epsilon))
	}
	return s / float64(d)
}

// naiveOffDiagonal is the sum of squared covariances of different columns.
func naiveOffDiagonal(z []float64, n, d int) float64 {
	s := 0.0
	for i := range d {
		for j := range i {
			c := covariance(column(z, n, d, i), column(z, n, d, j))
			s += 2 * c * c
		}
	}
	return s
}

// project returns z·a for z [n, d], a [d, m], column by column.
func project(z, a []float64, n, d, m int) [][]float64 {
	out := make([][]float64, m)
	for j := range m {
		out[j] = make([]float64, n)
		for i := range n {
			for k := range d {
				out[j][i] += z[i*d+k] * a[k*m+j]
			}
		}
	}
	return out
}

// naiveDistance is |mean exp(i·t·y) - exp(-t²/2)|² · exp(-t²/2), by the double sum of cosines.
func naiveDistance(y []float64, t float64) float64 {
	n := float64(len(y))
	phi := math.Exp(-t * t / 2)
	both, one := 0.0, 0.0
	for _, a := range y {
		for _, b := range y {
			both += math.Cos(t * (a - b))
		}
		one += math.Cos(t * a)
	}
	return (both/(n*n) - 2*phi*one/n + phi*phi) * phi
}

// trapezoid integrates f over [low, high] with n points.
func trapezoid(f func(float64) float64, low, high float64, n int) float64 {
	h := (high - low) / float64(n-1)
	s := 0.0
	for i := range n - 1 {
		s += (f(low+float64(i)*h) + f(low+float64(i+1)*h)) / 2 * h
	}
	return s
}

func naiveSIGReg(z, a []float64, n, d, m int) float64 {
	s := 0.0
	for _, y := range project(z, a, n, d, m) {
		s += float64(n) * 2 * trapezoid(func(t float64) float64 { return naiveDistance(y, t) }, 0, 3, 17)
	}
	return s / float64(m)
}

func naiveEppsPulley(z, a []float64, n, d, m int) float64 {
	s := 0.0
	for _, y := range project(z, a, n, d, m) {
		s += trapezoid(func(t float64) float64 { return naiveDistance(y, t) }, -3, 3, 10)
	}
	return s / float64(m)
}

func naiveHuber(a, b []float64, delta float64) float64 {
	s := 0.0
	for i := range a {
		if e := math.Abs(a[i] - b[i]); e <= delta {
			s += e * e / 2
		} else {
			s += delta * (e - delta/2)
		}
	}
	return s / float64(len(a))
}
