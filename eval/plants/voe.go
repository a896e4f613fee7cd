package plants

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"foresee/env/plant"
	"foresee/eval"
	"foresee/report"
	"foresee/watch/sensor"
)

// ExpectationConfig says how violated expectations of sensors are evaluated. Zero
// fields have the documented default.
type ExpectationConfig struct {
	Seed  uint64 // of everything
	Train int    // possible recordings that models are fitted to; 0 means 400
	Quads int    // quadruplets a family that are scored, of another seed; 0 means 200
	Begun func(family string)
}

// Expectations asks of every family of plant.Quadruplet whether what is impossible
// surprises more. Models of all kinds are fitted to possible recordings and score
//
//	S(recording) = Σ_(t >= splice) surprise(t)
//
// in whole millionths, so that sums do not depend on their order. A pair is right if
// the impossible recording has the higher S, half right if both are the same. Prefix
// pairs (P1, I1), (P2, I2) share their past, suffix pairs (P1, I2), (P2, I1) their
// future, which is all that S sees without memory. Families that are not spliced have
// one kind of pair.
//
// Beside the models: an oracle that knows the hidden state and is surprised by how far a
// reading is from what must come, and scores of at most 6 readings, channel by channel,
// which plant.Match says are worth exactly one half. Controls come last, under names of
// their own; there those scores are baselines.
func Expectations(ctx context.Context, cfg ExpectationConfig) ([]report.Row, error) {
	if cfg.Train == 0 {
		cfg.Train = 400
	}
	if cfg.Quads == 0 {
		cfg.Quads = 200
	}
	if cfg.Train < 2 || cfg.Quads < 1 {
		return nil, fmt.Errorf("plants: %d recordings to fit and %d quadruplets, want at least 2 and 1", cfg.Train, cfg.Quads)
	}
	if cfg.Begun == nil {
		cfg.Begun = func(string) {}
	}
	var rows []report.Row
	for _, family := range slices.Concat(plant.Families(), plant.Controls()) {
		cfg.Begun(family)
		more, err := familyRows(ctx, cfg, family)
		if err != nil {
			return nil, fmt.Errorf("plants: %s: %w", family, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// judge gives the surprise of every reading of a recording [T, C], NaN where it
// has none; past is 0 or 1, the possible recording that it begins like.
type judge func(q *plant.Quad, recording []float64, past int) ([]float64, error)

// named is a judge under the name of its rows; empty is foresee's own.
type named struct {
	name string
	judge
	note string
}

func familyRows(ctx context.Context, cfg ExpectationConfig, family string) ([]report.Row, error) {
	seen, err := possible(family, eval.Seed("watch/voe/"+family+"/train", cfg.Seed), cfg.Train)
	if err != nil {
		return nil, err
	}
	judges, err := judgesOf(seen)
	if err != nil {
		return nil, err
	}
	prefix, suffix := make([]float64, len(judges)), make([]float64, len(judges))
	match, shortest := plant.Match(""), math.MaxInt
	for n := range cfg.Quads {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q, err := plant.Quadruplet(family, eval.Seed("watch/voe/"+family+"/test", cfg.Seed), n)
		if err != nil {
			return nil, err
		}
		match, shortest = q.Match, min(shortest, q.Hidden)
		for i, j := range judges {
			p, s, err := j.pairs(q)
			if err != nil {
				return nil, fmt.Errorf("quadruplet %d, %q: %w", n, j.name, err)
			}
			prefix[i], suffix[i] = prefix[i]+p, suffix[i]+s
		}
	}
	var rows []report.Row
	for i, j := range judges {
		name, note := "watch/voe/"+family+"/"+j.name, j.note
		switch match {
		case plant.MatchWindows:
			note = fmt.Sprintf("%s; n quadruplets of two pairs, at least %d readings hidden", note, shortest)
			rows = append(rows, pairRow(name+"prefix", prefix[i], cfg.Quads, note), pairRow(name+"suffix", suffix[i], cfg.Quads, note))
		case plant.MatchChannels:
			rows = append(rows, pairRow(name+"pairs", (prefix[i]+suffix[i])/2, cfg.Quads, note+"; n quadruplets of four pairs"))
		case plant.MatchValues:
			rows = append(rows, pairRow(name+"pairs", prefix[i], cfg.Quads, note))
		default:
			rows = append(rows, pairRow("watch/voe/control/"+family+"/"+j.name+"pairs", prefix[i], cfg.Quads, note))
		}
	}
	return rows, nil
}

// pairRow is the share of pairs that are right, with Wilson's interval of as many
// independent trials as there are quadruplets.
func pairRow(name string, right float64, quads int, note string) report.Row {
	lo, hi := report.Wilson(int(math.Round(right)), quads)
	v := right / float64(quads)
	lo, hi = min(lo, v), max(hi, v)
	return report.Row{Name: name, Value: v, Unit: "ratio", N: quads, Lo: &lo, Hi: &hi, Note: note}
}

// pairs returns the shares of the prefix pairs (P1, I1), (P2, I2) and of the suffix
// pairs (P1, I2), (P2, I1) that are right. Without P2 there is one pair, (P1, I1).
func (j named) pairs(q *plant.Quad) (prefix, suffix float64, err error) {
	var sums [4]int64
	for i, m := range [][]float64{q.P1, q.P2, q.I1, q.I2} {
		if m == nil {
			continue
		}
		s, err := j.judge(q, m, i%2)
		if err != nil {
			return 0, 0, err
		}
		for _, v := range s[q.Splice:] {
			if !math.IsNaN(v) {
				sums[i] += int64(math.Round(1e6 * min(v, 1e6)))
			}
		}
	}
	p1, p2, i1, i2 := sums[0], sums[1], sums[2], sums[3]
	if q.P2 == nil {
		return right(p1, i1), 0, nil
	}
	return (right(p1, i1) + right(p2, i2)) / 2, (right(p1, i2) + right(p2, i1)) / 2, nil
}

func right(possible, impossible int64) float64 {
	switch {
	case impossible > possible:
		return 1
	case impossible == possible:
		return 0.5
	}
	return 0
}

// possible returns so many possible recordings, one a quadruplet, an hour apart.
func possible(family string, seed uint64, count int) (*recordings, error) {
	out := &recordings{table: sensor.Table{Source: family}}
	at := epoch
	for n := range count {
		q, err := plant.Quadruplet(family, seed, n)
		if err != nil {
			return nil, err
		}
		t := asTable(q, q.P1, at)
		out.q, out.table.Channels, out.table.Rows = q, t.Channels, append(out.table.Rows, t.Rows...)
		out.runs = append(out.runs, q.P1)
		at = t.Rows[len(t.Rows)-1].Time.Add(time.Hour)
	}
	return out, nil
}

// recordings are what models are fitted to.
type recordings struct {
	q     *plant.Quad // one of them, for its channels
	table sensor.Table
	runs  [][]float64
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func asTable(q *plant.Quad, values []float64, begin time.Time) *sensor.Table {
	t, c := &sensor.Table{Channels: q.Channels}, len(q.Channels)
	for i := range len(values) / c {
		t.Rows = append(t.Rows, sensor.Row{Time: begin.Add(time.Duration(i) * q.Step), Values: values[i*c : (i+1)*c], Line: i + 2})
	}
	return t
}

// judgesOf fits every kind of model and puts oracle and nulls beside them.
func judgesOf(seen *recordings) ([]named, error) {
	var all []named
	for _, kind := range sensor.Kinds() {
		m, err := sensor.Fit(sensor.ModelConfig{Kind: kind, Inputs: seen.q.Inputs}, &seen.table, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		name := "baseline/" + kind + "/"
		if kind == sensor.KindJEPA {
			name = ""
		}
		all = append(all, named{name, func(q *plant.Quad, recording []float64, _ int) ([]float64, error) { return surprises(m, q, recording) },
			fmt.Sprintf("%s fitted to %d possible recordings", kind, len(seen.runs))})
	}
	all = append(all, named{"oracle/", oracle, "distance to what must come, from the hidden state"})
	coefficients, err := autoregression(seen)
	if err != nil {
		return nil, err
	}
	for _, n := range []struct {
		name    string
		weights [][]float64 // of the readings, the newest first, by channel
		note    string
	}{
		{"value", each(seen.q, 1), "|x(t)|"}, {"difference", each(seen.q, 1, -1), "|x(t) - x(t-1)|"},
		{"second", each(seen.q, 1, -2, 1), "second difference"}, {"ar5", coefficients, "residual of an autoregression of order 5"},
	} {
		kind := "null/"
		if n.name == "ar5" && seen.q.Match == plant.MatchValues || seen.q.Match == plant.MatchNone {
			kind = "baseline/" // it knows which way time runs, and a fault
		}
		all = append(all, named{kind + n.name + "/", linear(n.weights), n.note})
	}
	return all, nil
}

// surprises watches a recording from its beginning.
func surprises(m *sensor.Model, q *plant.Quad, recording []float64) ([]float64, error) {
	out := make([]float64, 0, len(recording)/len(q.Channels))
	l, err := sensor.NewLive(m, nil, q.Channels, nil, func(r sensor.Record) error {
		v := math.NaN()
		if r.Surprise != nil {
			v = *r.Surprise
		}
		out = append(out, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, r := range asTable(q, recording, epoch).Rows {
		if err := l.Observe(r); err != nil {
			return nil, err
		}
	}
	if len(out) != cap(out) {
		return nil, fmt.Errorf("%d surprises of %d readings", len(out), cap(out))
	}
	return out, nil
}

// oracle is how far readings are from the noise-free future of their past. Time
// reversed it knows by energy: what an undriven pendulum can only lose.
func oracle(q *plant.Quad, recording []float64, past int) ([]float64, error) {
	if q.Match == plant.MatchValues {
		return gains(q, recording), nil
	}
	c, out := len(q.Channels), make([]float64, len(recording)/len(q.Channels))
	for i, v := range recording {
		out[i/c] += math.Abs(v - q.Expected[past][i])
	}
	return out, nil
}

// gains is by how much a pendulum's swing in the second half exceeds the first's, 0
// if it does not, told at the last reading.
func gains(q *plant.Quad, recording []float64) []float64 {
	out, half := make([]float64, len(recording)), len(recording)/2
	most := [2]float64{}
	for t, v := range recording {
		most[min(1, t/half)] = max(most[min(1, t/half)], math.Abs(v))
	}
	out[len(out)-1] = max(0, most[1]-most[0])
	return out
}

// each gives every channel the same weights.
func each(q *plant.Quad, weights ...float64) [][]float64 {
	out := make([][]float64, len(q.Channels))
	for i := range out {
		out[i] = weights
	}
	return out
}

// linear scores the readings t, t-1, ... by Σ_channels |Σ_k weights_k·x(t-k)|, each
// channel in whole millionths, so that the sum does not depend on what goes with what;
// NaN where there are too few.
func linear(weights [][]float64) judge {
	return func(q *plant.Quad, recording []float64, _ int) ([]float64, error) {
		c := len(q.Channels)
		out := make([]float64, len(recording)/c)
		for t := range out {
			if t+1 < len(weights[0]) {
				out[t] = math.NaN()
				continue
			}
			for i := range c {
				sum := 0.0
				for k, w := range weights[i] {
					sum += w * recording[(t-k)*c+i]
				}
				out[t] += math.Round(1e6*math.Abs(sum)) / 1e6
			}
		}
		return out, nil
	}
}

// autoregression returns (1, -a_1, ..., -a_5) of each channel, by least squares.
func autoregression(seen *recordings) ([][]float64, error) {
	const order = 5
	c := len(seen.q.Channels)
	out := make([][]float64, c)
	for i := range c {
		gram, moment := mat.NewSymDense(order, nil), mat.NewVecDense(order, nil)
		past := mat.NewVecDense(order, nil)
		for _, run := range seen.runs {
			for t := order; t < len(run)/c; t++ {
				for k := range order {
					past.SetVec(k, run[(t-1-k)*c+i])
				}
				gram.SymRankOne(gram, 1, past)
				moment.AddScaledVec(moment, run[t*c+i], past)
			}
		}
		for k := range order {
			gram.SetSym(k, k, gram.At(k, k)*(1+1e-9)+1e-12)
		}
		var chol mat.Cholesky
		if !chol.Factorize(gram) {
			return nil, fmt.Errorf("channel %s has no autoregression", seen.q.Channels[i])
		}
		var a mat.VecDense
		if err := chol.SolveVecTo(&a, moment); err != nil {
			return nil, fmt.Errorf("channel %s has no autoregression: %w", seen.q.Channels[i], err)
		}
		out[i] = []float64{1}
		for k := range order {
			out[i] = append(out[i], -a.AtVec(k))
		}
	}
	return out, nil
}
