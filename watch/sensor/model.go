package sensor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"foresee/report"
	"foresee/surprise/alarm"
)

// ModelFile is the file of a sensor model in its folder.
const ModelFile = "sensor.json"

// ModelVersion is the version of the file that this package writes.
const ModelVersion = 2

// Kinds of models.
const (
	KindJEPA        = "jepa"        // predicts the latent of a window, see forecast
	KindPCA         = "pca"         // T² and Q of windows
	KindEWMA        = "ewma"        // control chart of fading means
	KindPersistence = "persistence" // expects no change
)

// Kinds returns the kinds there are, the first the one to use.
func Kinds() []string { return []string{KindJEPA, KindPCA, KindEWMA, KindPersistence} }

// ModelConfig says how a model is fitted. The zero value of a field is its
// documented default.
type ModelConfig struct {
	Kind string `json:"kind"` // empty means KindJEPA
	// Inputs are channels that are given, such as what an actuator was told: jepa
	// predicts the others under them. They are no cause of an alarm by themselves.
	Inputs   []string `json:"inputs,omitempty"`
	Lags     int      `json:"lags"`     // readings of the context, or of a window of pca, one by one; 0 means 8, and 16 for pca
	Octaves  int      `json:"octaves"`  // stretches of Lags, 2·Lags, ... before them, as means; 0 means 3 (jepa)
	Horizon  int      `json:"horizon"`  // readings of the target; 0 means 4 (jepa)
	Features int      `json:"features"` // random features of the predictor; 0 means 128 (jepa)
	Seed     uint64   `json:"seed"`     // of the random features
	Rows     int      `json:"rows"`     // at most so many rows fit the predictor, evenly spread; 0 means 50000
}

func (c ModelConfig) withDefaults() (ModelConfig, error) {
	if c.Kind == "" {
		c.Kind = KindJEPA
	}
	if c.Lags == 0 {
		c.Lags = 8
		if c.Kind == KindPCA {
			c.Lags = 16
		}
	}
	if c.Octaves == 0 {
		c.Octaves = 3
	}
	if c.Horizon == 0 {
		c.Horizon = 4
	}
	if c.Features == 0 {
		c.Features = 128
	}
	if c.Rows == 0 {
		c.Rows = 50000
	}
	if !slices.Contains(Kinds(), c.Kind) {
		return c, fmt.Errorf("sensor: kind %q, want one of %s", c.Kind, strings.Join(Kinds(), ", "))
	}
	if c.Lags < 1 || c.Octaves < 1 || c.Octaves > 10 || c.Horizon < 1 || c.Features < 1 || c.Rows < 100 {
		return c, fmt.Errorf("sensor: lags %d, octaves %d, horizon %d, features %d, rows %d: want at least 1, 1 to 10, 1, 1 and 100",
			c.Lags, c.Octaves, c.Horizon, c.Features, c.Rows)
	}
	return c, nil
}

// Model is what is normal for the sensors of one plant. It is read-only and safe
// to share.
type Model struct {
	Version  int         `json:"version"`
	Config   ModelConfig `json:"config"`
	Channels []string    `json:"channels"`
	Step     float64     `json:"step"` // seconds between readings
	Source   string      `json:"source"`
	Readings int         `json:"readings"` // it was fitted to
	Mean     []float64   `json:"mean"`     // of each channel
	Std      []float64   `json:"std"`
	Runs     []int       `json:"runs"` // longest run of equal readings

	Forecast *forecast `json:"forecast,omitempty"`
	Plane    *plane    `json:"plane,omitempty"`
	Chart    *chart    `json:"chart,omitempty"`
}

// expectation is the part of a model that follows one stream. It is for one
// goroutine at a time.
type expectation interface {
	// observe takes a standardised reading and returns how strange it is; known is
	// false where that cannot be said. Nothing is learnt.
	observe(x []float64, held bool) (score float64, known bool)
	// restart forgets the context.
	restart()
	// causes writes the share of each channel in the last score to share [C].
	causes(share []float64)
	// nearest returns the normal moment most like the last, if any are kept.
	nearest() *alarm.Nearest
}

// Table is a recording.
type Table struct {
	Channels []string
	Rows     []Row // in time
	Source   string
}

// ReadTable reads all rows.
func ReadTable(r *Rows, source string) (*Table, error) {
	t := &Table{Channels: r.Channels(), Source: source}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, row)
	}
}

// Interval returns the usual time between rows: the median; 0 for fewer than 2.
func (t *Table) Interval() time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(t.Rows); i++ {
		if gap := t.Rows[i].Time.Sub(t.Rows[i-1].Time); gap > 0 {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// leastRows is the least number of complete readings that a model is fitted to.
const leastRows = 500

// Fit learns what is normal from a recording of normal readings. What is wrong
// with the recording itself goes to event, which may be nil. Too few readings,
// and a channel that never moves, are errors.
func Fit(cfg ModelConfig, t *Table, event func(Event)) (*Model, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkInputs(cfg.Inputs, t.Channels); err != nil {
		return nil, err
	}
	m := &Model{Version: ModelVersion, Config: cfg, Channels: t.Channels, Step: t.Interval().Seconds(), Source: t.Source}
	if !(m.Step > 0) {
		return nil, fmt.Errorf("sensor: fit: %d rows, no two at different times", len(t.Rows))
	}
	var ticks []tick
	m.Runs = make([]int, len(m.Channels))
	run, last := make([]int, len(m.Channels)), make([]float64, len(m.Channels))
	h := newHealth(m.Channels, m.step(), nil, event)
	for _, r := range t.Rows {
		h.add(r, func(k tick) {
			k.x = slices.Clone(k.x)
			ticks = append(ticks, k)
			for c, v := range k.x {
				if v != last[c] || len(ticks) == 1 {
					run[c] = 0
				}
				if !k.held {
					run[c]++
				}
				last[c], m.Runs[c] = v, max(m.Runs[c], run[c])
			}
		})
	}
	if len(ticks) < leastRows {
		return nil, fmt.Errorf("sensor: fit: %d complete readings, want at least %d", len(ticks), leastRows)
	}
	m.Readings = len(ticks)
	if err := m.standardise(ticks); err != nil {
		return nil, err
	}
	switch cfg.Kind {
	case KindJEPA:
		m.Forecast, err = fitForecast(cfg, ticks, m.Channels)
	case KindPCA:
		m.Plane, err = fitPlane(cfg, ticks, len(m.Channels))
	default:
		m.Chart = fitChart(cfg, ticks, len(m.Channels))
	}
	if err != nil {
		return nil, fmt.Errorf("sensor: fit: %w", err)
	}
	return m, nil
}

// checkInputs wants inputs to be some of the channels, and not all.
func checkInputs(inputs, channels []string) error {
	for i, name := range inputs {
		if !slices.Contains(channels, name) || slices.Contains(inputs[:i], name) {
			return fmt.Errorf("sensor: input %q: want one of the channels %s, once", name, strings.Join(channels, ", "))
		}
	}
	if len(inputs) > 0 && len(inputs) >= len(channels) {
		return errors.New("sensor: every channel is an input, there is nothing to predict")
	}
	return nil
}

// standardise sets mean and deviation and applies them to the ticks.
func (m *Model) standardise(ticks []tick) error {
	c := len(m.Channels)
	m.Mean, m.Std = make([]float64, c), make([]float64, c)
	n := float64(len(ticks))
	for _, k := range ticks {
		for i, v := range k.x {
			m.Mean[i] += v / n
		}
	}
	for _, k := range ticks {
		for i, v := range k.x {
			m.Std[i] += (v - m.Mean[i]) * (v - m.Mean[i]) / n
		}
	}
	for i := range m.Std {
		if m.Std[i] = math.Sqrt(m.Std[i]); !(m.Std[i] > 1e-12*max(1e-300, math.Abs(m.Mean[i]))) {
			return fmt.Errorf("sensor: fit: channel %s is always %g; leave it out", m.Channels[i], m.Mean[i])
		}
	}
	for _, k := range ticks {
		m.standard(k.x, k.x)
	}
	return nil
}

// standard writes x in deviations from the mean to out. A value beyond 50 counts
// as 50: nothing is gained by more, and squares stay finite.
func (m *Model) standard(x, out []float64) {
	for i, v := range x {
		out[i] = max(-50, min(50, (v-m.Mean[i])/m.Std[i]))
	}
}

func (m *Model) step() time.Duration { return time.Duration(m.Step * float64(time.Second)) }

// start returns the part that follows a stream.
func (m *Model) start() expectation {
	switch {
	case m.Forecast != nil:
		return m.Forecast.start(m.Config, m.Channels)
	case m.Plane != nil:
		return m.Plane.start(m.Config, len(m.Channels))
	}
	return m.Chart.start(m.Config, len(m.Channels))
}

// validate reports a file whose arrays do not fit each other.
func (m *Model) validate() error {
	c := len(m.Channels)
	if c == 0 || len(m.Mean) != c || len(m.Std) != c || len(m.Runs) != c || !(m.Step > 0) {
		return fmt.Errorf("%d channels, %d means, %d deviations, %d runs, step %g: they do not fit each other", c, len(m.Mean), len(m.Std), len(m.Runs), m.Step)
	}
	for i, s := range m.Std {
		if !(s > 0) {
			return fmt.Errorf("channel %s: deviation %g, want more than 0", m.Channels[i], s)
		}
	}
	if _, err := m.Config.withDefaults(); err != nil {
		return err
	}
	if err := checkInputs(m.Config.Inputs, m.Channels); err != nil {
		return err
	}
	switch kind := m.Config.Kind; {
	case kind == KindJEPA && m.Forecast != nil:
		return m.Forecast.validate(m.Config, m.Channels)
	case kind == KindPCA && m.Plane != nil:
		return m.Plane.validate(m.Config, c)
	case (kind == KindEWMA || kind == KindPersistence) && m.Chart != nil:
		if len(m.Chart.Scale) != c {
			return fmt.Errorf("%d scales of %d channels", len(m.Chart.Scale), c)
		}
		return nil
	default:
		return fmt.Errorf("there are no weights of kind %q", kind)
	}
}

// Fingerprint identifies the model: the first 32 hexadecimal digits of the
// SHA-256 of its file.
func (m *Model) Fingerprint() (string, error) {
	raw, err := m.encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16]), nil
}

func (m *Model) encode() ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("sensor: encode the model: %w", err)
	}
	return append(raw, '\n'), nil
}

// Save writes the model to a folder, which it makes, by a temporary file and a
// rename.
func (m *Model) Save(dir string) (err error) {
	raw, err := m.encode()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sensor: save the model: %w", err)
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return report.ReplaceFile(filepath.Join(dir, ModelFile), raw)
}

// Load reads the model of a folder; unknown fields, a newer version and arrays
// that do not fit each other are refused. An error wraps fs.ErrNotExist if there is none.
func Load(dir string) (*Model, error) {
	path := filepath.Join(dir, ModelFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("sensor: %w", err)
	}
	var m Model
	if err := report.DecodeVersion(raw, ModelVersion, &m); err != nil {
		return nil, fmt.Errorf("sensor: %s: %w", path, err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("sensor: %s: %w", path, err)
	}
	return &m, nil
}
