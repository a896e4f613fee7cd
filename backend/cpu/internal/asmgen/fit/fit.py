"""Finds the polynomials of the vec kernels by Remez exchange (needs mpmath).

Each line printed is a name, the coefficients from the lowest power up, rounded to float32
one after the other (the rest is fitted again after each), and the worst weighted error.
"""
import struct
import mpmath as mp

mp.mp.dps = 40


def f32(x):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def solve(f, w, a, b, powers):
    """Minimises max |w(x) (f(x) - sum c_i x^p_i)| on [a, b]."""
    n = len(powers)
    xs = [(a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * (n - i) / n) for i in range(n + 1)]
    for _ in range(12):
        m = mp.matrix(n + 1, n + 1)
        y = mp.matrix(n + 1, 1)
        for i, x in enumerate(xs):
            for j, p in enumerate(powers):
                m[i, j] = x**p
            m[i, n] = (-1) ** i / w(x)
            y[i] = f(x)
        c = mp.lu_solve(m, y)
        err = lambda x: w(x) * (f(x) - sum(c[j] * x**p for j, p in enumerate(powers)))
        grid = [a + (b - a) * mp.mpf(i) / 600 for i in range(601)]
        vals = [err(x) for x in grid]
        peaks, i = [], 0
        while i < len(grid):
            j = i
            while j + 1 < len(grid) and mp.sign(vals[j + 1]) == mp.sign(vals[i]):
                j += 1
            peaks.append(max(range(i, j + 1), key=lambda q: abs(vals[q])))
            i = j + 1
        if len(peaks) < n + 1:
            break
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(vals[peaks[0]]) < abs(vals[peaks[-1]]) else -1)
        xs = [grid[q] for q in peaks]
    return list(c[:n]), max(abs(v) for v in vals)


def fit(name, f, w, a, b, degree):
    a, b = mp.mpf(a), mp.mpf(b)
    fixed = []
    for d in range(degree + 1):
        powers = list(range(d, degree + 1))
        g = lambda x: f(x) - sum(c * x**i for i, c in enumerate(fixed))
        c, err = solve(g, w, a, b, powers)
        fixed.append(f32(c[0]))
    worst = max(abs(w(x) * (f(x) - sum(c * x**i for i, c in enumerate(fixed)))) for x in [a + (b - a) * mp.mpf(i) / 2000 for i in range(2001)])
    print(name, ", ".join(mp.nstr(c, 9) for c in fixed), "error", mp.nstr(worst, 3), flush=True)


e = mp.mpf("1e-9")  # keeps off removable singularities
exp2 = lambda r: (mp.exp(r) - 1 - r) / r**2 if abs(r) > e else mp.mpf(1) / 2
fit("exp", exp2, lambda r: max(abs(r), e) ** 2 / mp.exp(r), -0.3468, 0.3469, 4)
log3 = lambda x: (mp.log(1 + x) - x + x * x / 2) / x**3 if abs(x) > 1e-8 else mp.mpf(1) / 3
fit("log", log3, lambda x: max(abs(x), mp.mpf("1e-4")) ** 2, -0.2501, 0.5001, 7)
tanh3 = lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z
fit("tanh", tanh3, lambda z: z, "1e-7", 0.3850, 4)
sin3 = lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z
fit("sin", sin3, lambda z: z, "1e-7", 0.6180, 3)
cos4 = lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2
fit("cos", cos4, lambda z: z**2, "1e-5", 0.6180, 2)
fit("erf", lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, lambda z: mp.mpf(1), "1e-9", 1.0001, 6)
fit("erfc", lambda t: -mp.log(mp.erfc(t)), lambda t: mp.erfc(t), 0.9999, 4.001, 7)


def tail(t):
    a = (1 / t - 1) / mp.mpf("0.35")
    return mp.erfc(a / mp.sqrt(2)) * mp.exp(a * a / 2) / 2 / t


fit("normal", tail, lambda t: 1 / tail(t), 1 / (1 + mp.mpf("0.35") * mp.mpf("13.3")), 1, 8)
