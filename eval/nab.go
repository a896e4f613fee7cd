package eval

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"foresee/report"
	"foresee/watch/sensor"
)

// NABConfig says how NAB is run.
type NABConfig struct {
	Dir    string // holds data/*/*.csv and windows.json, as NAB's own data and labels
	Scores string // folder for score files that NAB's own scorer reads; empty means none
	Begun  func() // called before each detector, one after the other; nil is ignored
}

// NABDetectors returns how many detectors NAB runs.
func NABDetectors() int { return len(nabDetectors()) }

// nabRate is the budget of every detector on every series: one false alarm in
// so many rows. It was fixed before the first score was seen.
const nabRate = 1.0 / 1000

// nabThreshold is the row score from which a row is an alarm.
const nabThreshold = 0.5

// nabDetector is a configuration under a name, the same for every series.
type nabDetector struct {
	name    string // of the rows; empty for foresee's own
	cfg     sensor.Config
	scorers func() []sensor.Scorer // nil is a clock that looks at nothing
}

// nabDetectors returns foresee's own and the baselines, every one with its
// defaults.
func nabDetectors() []nabDetector {
	single := func(name string, f func() sensor.Scorer) nabDetector {
		return nabDetector{name: name, scorers: func() []sensor.Scorer { return []sensor.Scorer{f()} }}
	}
	return []nabDetector{
		single("", func() sensor.Scorer { return &sensor.Novelty{} }),
		single("jepa", func() sensor.Scorer { return &sensor.JEPA{} }),
		single("pca", func() sensor.Scorer { return &sensor.PCA{} }),
		single("gaussian", func() sensor.Scorer { return &sensor.Gaussian{} }),
		single("ewma", func() sensor.Scorer { return &sensor.EWMA{} }),
		single("persistence", func() sensor.Scorer { return &sensor.Persistence{} }),
		{name: "clock"},
	}
}

// NAB watches every series below cfg.Dir with every detector, one configuration
// and one budget for all, and scores the alarms by NAB's rules (NABRaw).
//
// Nothing is trained before: each detector learns online and is silent over the
// probation of each series. The labels are opened after the last detector has
// finished, and nothing depends on them but the scores. The interval is that of
// 2000 draws of the series with replacement.
func NAB(ctx context.Context, cfg NABConfig) ([]report.Row, error) {
	return nab(ctx, cfg, nabDetectors())
}

func nab(ctx context.Context, cfg NABConfig, detectors []nabDetector) ([]report.Row, error) {
	data, err := ReadNABData(cfg.Dir)
	if err != nil {
		return nil, err
	}
	watched := make([][]nabWatch, len(detectors)) // of detector, series
	for i, d := range detectors {
		if cfg.Begun != nil {
			cfg.Begun()
		}
		if watched[i], err = nabRun(ctx, data, d); err != nil {
			return nil, err
		}
	}
	windows, err := ReadNABWindows(cfg.Dir, data)
	if err != nil {
		return nil, err
	}
	var rows []report.Row
	for i, d := range detectors {
		series := nabSeries(watched[i], windows)
		rows = append(rows, nabRows(d.name, series)...)
		rows = append(rows, nabEventRows(d.name, series, watched[i])...)
		if cfg.Scores != "" {
			if err := writeNABScores(cfg.Scores, d.name, data, watched[i], windows); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// nabSeries applies the threshold.
func nabSeries(watched []nabWatch, windows [][]NABWindow) []NABSeries {
	all := make([]NABSeries, len(watched))
	for i, w := range watched {
		all[i] = NABSeries{make([]bool, len(w.scores)), windows[i]}
		for k, v := range w.scores {
			all[i].Alarms[k] = v >= nabThreshold
		}
	}
	return all
}

// nabRows scores the alarms of one detector by every profile.
func nabRows(name string, series []NABSeries) []report.Row {
	prefix := nabPrefix(name)
	var rows []report.Row
	for _, p := range NABProfiles() {
		score, count := NABScore(series, p)
		r := report.Row{Name: prefix + p.Name, Value: score, Unit: "1", N: count.Windows}
		if lo, hi, ok := nabInterval(series, p); ok {
			lo, hi = min(lo, score), max(hi, score)
			r.Lo, r.Hi = &lo, &hi
		}
		r.Note = fmt.Sprintf("%d series, %d of %d windows found, %d alarms outside", len(series), count.Found, count.Windows, count.False)
		rows = append(rows, r)
	}
	return rows
}

func nabPrefix(name string) string {
	if name == "" {
		return "watch/nab/"
	}
	return "watch/nab/baseline/" + name + "/"
}

// Buffers of VUSPR, in rows.
const (
	nabVUSMost = 100
	nabVUSStep = 20
)

// nabEventRows counts windows and alarms, one a detection however many alarms are in
// a window, and measures how well strange orders the rows, whatever the threshold.
func nabEventRows(name string, series []NABSeries, watched []nabWatch) []report.Row {
	var total NABCount
	var vus []float64
	labelled, scored := 0, 0
	for i, s := range series {
		_, c := NABRaw(s, NABProfiles()[0])
		total.Windows, total.Found, total.False = total.Windows+c.Windows, total.Found+c.Found, total.False+c.False
		from := NABProbation(len(s.Alarms))
		labels := make([]bool, len(s.Alarms))
		for _, w := range s.Windows {
			for k := w.First; k <= w.Last; k++ {
				labels[k] = true
			}
		}
		if v := VUSPR(watched[i].strange[from:], labels[from:], nabVUSMost, nabVUSStep); !math.IsNaN(v) {
			vus = append(vus, v)
			scored += len(labels) - from
			for _, l := range labels[from:] {
				if l {
					labelled++
				}
			}
		}
	}
	note := fmt.Sprintf("mean over the %d series with a window; buffers of 0, %d, ..., %d rows; %.3f of their rows are labelled", len(vus), nabVUSStep, nabVUSMost, float64(labelled)/float64(max(1, scored)))
	return []report.Row{
		report.Ratio(nabPrefix(name)+"recall", total.Found, total.Windows, "windows with an alarm"),
		report.Ratio(nabPrefix(name)+"precision", total.Found, total.Found+total.False, "windows found among them and the alarms outside"),
		report.Mean(nabPrefix(name)+"vus_pr", "ratio", vus, note),
	}
}

// nabInterval returns the middle 95 % of the scores of drawn sets of series;
// false if a set has no window.
func nabInterval(series []NABSeries, p NABProfile) (lo, hi float64, ok bool) {
	raw, windows := make([]float64, len(series)), make([]float64, len(series))
	for i, s := range series {
		r, c := NABRaw(s, p)
		raw[i], windows[i] = r, float64(c.Windows)
	}
	rng := rand.New(rand.NewPCG(Seed("watch/nab", 1), 0))
	drawn := make([]float64, 0, 2000)
	for range cap(drawn) {
		r, w := 0.0, 0.0
		for range series {
			i := rng.IntN(len(series))
			r, w = r+raw[i], w+windows[i]
		}
		if w == 0 {
			return 0, 0, false
		}
		drawn = append(drawn, 100*(r+p.FN*w)/((p.TP+p.FN)*w))
	}
	slices.Sort(drawn)
	return drawn[len(drawn)/40], drawn[len(drawn)-1-len(drawn)/40], true
}

// nabWatch is what a detector says of the rows of one series.
type nabWatch struct {
	scores  []float64 // in [0, 1]; at least nabThreshold where an alarm begins
	strange []float64 // -log p, also within alarms; of the clock 1 where it alarms
}

// nabRun watches every series, as many at once as there are processors.
func nabRun(ctx context.Context, data []NABData, d nabDetector) ([]nabWatch, error) {
	out, errs := make([]nabWatch, len(data)), make([]error, len(data))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range data {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			out[i], errs[i] = nabScores(ctx, &data[i], d)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("eval: NAB: %s: %w", data[i].Name, err)
		}
	}
	return out, nil
}

// nabScores watches one series. A row that begins an alarm scores 1, rows of an
// alarm after its first 0, others below nabThreshold by how near to it they came:
// nabThreshold·log p/log p_alarm.
func nabScores(ctx context.Context, s *NABData, d nabDetector) (nabWatch, error) {
	w := nabWatch{make([]float64, len(s.Values)), make([]float64, len(s.Values))}
	if d.scorers == nil {
		for i := range w.scores {
			if (i+1)%int(1/nabRate) == 0 {
				w.scores[i], w.strange[i] = 1, 1
			}
		}
		return w, nil
	}
	cfg := d.cfg
	cfg.WarmUp, cfg.Rate = max(1, NABProbation(len(s.Values))), nabRate
	m, err := sensor.NewMonitor(cfg, d.scorers()...)
	if err != nil {
		return w, err
	}
	for i, v := range s.Values {
		if i%256 == 0 && ctx.Err() != nil {
			return w, ctx.Err()
		}
		verdict := m.Observe(s.Times[i], []float64{v})
		w.strange[i] = -math.Log(verdict.P)
		switch {
		case verdict.Alarm:
			w.scores[i] = 1
		case !verdict.Open:
			near := math.Log(verdict.P) / math.Log(nabRate*float64(max(1, cfg.Block)))
			w.scores[i] = nabThreshold * min(near, 0.999)
		}
	}
	return w, nil
}
