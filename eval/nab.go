package eval

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"foresee/report"
	"foresee/watch/sensor"
)

// NABConfig says how NAB is run.
type NABConfig struct {
	Dir    string // holds data/*/*.csv and windows.json
	Scores string // folder for score files that NAB's own scorer reads; empty means none
}

// nabDetector is a configuration under a name, the same for every series.
type nabDetector struct {
	name    string
	cfg     sensor.Config
	scorers func() []sensor.Scorer
}

func nabDetectors() []nabDetector {
	return []nabDetector{
		{name: "persistence", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.Persistence{}} }},
		{name: "ewma", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.EWMA{}} }},
		{name: "gaussian", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.Gaussian{}} }},
		{name: "novelty", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.Novelty{}} }},
		{name: "jepa", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.JEPA{}} }},
		{name: "jepa+novelty", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.JEPA{}, &sensor.Novelty{}} }},
		{name: "all-baselines", scorers: func() []sensor.Scorer {
			return []sensor.Scorer{&sensor.Persistence{}, &sensor.EWMA{}, &sensor.Gaussian{}, &sensor.PCA{}}
		}},
		{name: "pca", scorers: func() []sensor.Scorer { return []sensor.Scorer{&sensor.PCA{}} }},
	}
}

// NAB watches every series below cfg.Dir with every detector, and only then
// reads the labels and scores the alarms.
func NAB(ctx context.Context, cfg NABConfig) ([]report.Row, error) {
	return nab(ctx, cfg, nabDetectors())
}

func nab(ctx context.Context, cfg NABConfig, detectors []nabDetector) ([]report.Row, error) {
	data, err := ReadNABData(cfg.Dir)
	if err != nil {
		return nil, err
	}
	verdicts := make([][][]float64, len(detectors))
	for i, d := range detectors {
		if verdicts[i], err = nabRun(ctx, data, d); err != nil {
			return nil, err
		}
	}
	windows, err := ReadNABWindows(cfg.Dir, data)
	if err != nil {
		return nil, err
	}
	var rows []report.Row
	for i, d := range detectors {
		series := make([]NABSeries, len(data))
		for j := range data {
			series[j] = NABSeries{make([]bool, len(data[j].Values)), windows[j]}
			for k, s := range verdicts[i][j] {
				series[j].Alarms[k] = s >= 0.5
			}
		}
		for _, p := range NABProfiles() {
			score, count := NABScore(series, p)
			rows = append(rows, report.Row{
				Name: "watch/nab/baseline/" + d.name + "/" + p.Name, Value: score, Unit: "1", N: count.Windows,
				Note: fmt.Sprintf("%d of %d windows found, %d alarms outside", count.Found, count.Windows, count.False),
			})
		}
	}
	return rows, nil
}

// nabRun returns the scores in [0, 1] of every row of every series; 0.5 is the
// threshold.
func nabRun(ctx context.Context, data []NABData, d nabDetector) ([][]float64, error) {
	out, errs := make([][]float64, len(data)), make([]error, len(data))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range data {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			out[i], errs[i] = nabScores(ctx, &data[i], d)
		}()
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("eval: NAB: %s on %s: %w", d.name, data[i].Name, err)
		}
	}
	return out, nil
}

const nabRate = 1.0 / 1000

func nabScores(ctx context.Context, s *NABData, d nabDetector) ([]float64, error) {
	cfg := d.cfg
	cfg.WarmUp = max(1, NABProbation(len(s.Values)))
	if cfg.Rate == 0 {
		cfg.Rate = nabRate
	}
	m, err := sensor.NewMonitor(cfg, d.scorers()...)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(s.Values))
	for i, v := range s.Values {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if verdict := m.Observe(s.Times[i], []float64{v}); verdict.Alarm {
			scores[i] = 1
		} else if !verdict.Open {
			scores[i] = 0.5 * min(1, math.Log(verdict.P)/math.Log(nabRate))
		}
	}
	return scores, nil
}
