package camera

import (
	"context"
	"slices"
	"time"

	"foresee/jepa"
	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/watch"
)

// detector makes scorers that begin knowing only what was learnt.
type detector struct {
	name       string   // "" = foresee's
	statistics []string // names of its scores; nil = one
	make       func() (scorer, error)
}

// detectors returns foresee's and the baselines.
func detectors(rec *recording, m *jepa.Model) []detector {
	return []detector{
		{statistics: watch.Statistics(), make: func() (scorer, error) { return newModelScorer(m) }},
		{name: "difference", make: func() (scorer, error) { return newCellScorer(rec, differences()) }},
		{name: "pca", make: pcaDetector(rec)},
	}
}

// prefix is what names of its rows begin with.
func (d detector) prefix(of string) string {
	if d.name == "" {
		return of
	}
	return of + "baseline/" + d.name + "/"
}

// start returns a scorer that has seen the learnt parts, so that it knows what is usual.
func (d detector) start(ctx context.Context, rec *recording) (scorer, error) {
	s, err := d.make()
	if err != nil {
		return nil, err
	}
	for i, p := range rec.learnt {
		if err := s.watch(ctx, slices.Values(p), i-len(rec.learnt), func(int, []float64, watch.Observation) error { return nil }); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// scores is room for the scores [statistic][moment] of a normal stretch.
func (d detector) scores() [][]float64 { return make([][]float64, max(1, len(d.statistics))) }

// keepScores appends what is seen to scores [statistic][moment], once there is something to compare with.
func keepScores(to [][]float64) seer {
	return func(_ int, scores []float64, o watch.Observation) error {
		if o.Relative == nil {
			return nil
		}
		for k, s := range scores {
			to[k] = append(to[k], s)
		}
		return nil
	}
}

// calibrate makes a calibration of normal scores [statistic][moment].
func (d detector) calibrate(normal [][]float64, budget surprise.Budget, fps float64) (*alarm.Calibration, error) {
	return alarm.CalibrateApart(normal, alarm.Config{
		Budget: budget, Step: time.Duration(float64(time.Second) / fps), Slow: -1, Refractory: int(fps), Statistics: d.statistics,
	})
}
