package train

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"foresee/data"
	"foresee/jepa"
	"foresee/probe"
	"foresee/report"
	"foresee/train/internal/trainlog"
)

// stripSteps is how many predicted frames the report shows.
const stripSteps = 8

// writeReport writes report.html: loss curves, monitors, probes where the data
// has something to compare with, and predicted beside true frames.
func (t *trainer) writeReport(ctx context.Context) error {
	entries, err := ReadLog(filepath.Join(t.opts.Out, LogFile))
	if err != nil {
		return err
	}
	doc := report.Document{Command: "foresee train", Version: t.opts.Version, Seed: t.cfg.Seed, Machine: report.ThisMachine(0)}
	rows, err := t.probes(ctx)
	if err != nil {
		return err
	}
	doc.Add(rows...)
	page := report.NewPage("World model "+filepath.Base(t.opts.Out),
		fmt.Sprintf("Preset %s, learnt from %d frames of %s.", t.cfg.Preset, t.opts.Data.Steps(), filepath.Base(t.opts.Data.Dir())), doc)
	if len(rows) > 0 {
		page.Section("What the latents know")
		page.Text("Read off the frozen latents by probes that the model never sees.")
		page.Rows()
	}
	if err := t.strip(ctx, page); err != nil {
		return err
	}
	page.Section("Loss")
	for _, c := range LossCharts(entries) {
		page.Chart(c)
	}
	page.Section("Collapse monitors of stage 1")
	for _, c := range trainlog.Monitors(entries) {
		page.Chart(c)
	}
	config, err := json.MarshalIndent(t.cfg, "", "  ")
	if err != nil {
		return err
	}
	page.Section("Config")
	page.Code(string(config))
	if err := page.WriteFile(filepath.Join(t.opts.Out, ReportFile)); err != nil {
		return fmt.Errorf("train: report: %w", err)
	}
	return nil
}

// probes measures what the data's privileged columns can be compared with.
func (t *trainer) probes(ctx context.Context) ([]report.Row, error) {
	if _, ok := t.opts.Data.Privileged(data.StateColumn); !ok || t.cfg.Train.ProbeEpisodes == 0 {
		return nil, nil
	}
	r, err := probe.Position(ctx, t.model, t.opts.Data, probe.DatasetConfig{Episodes: t.cfg.Train.ProbeEpisodes, Seed: t.cfg.Seed, SkipMLP: true})
	if err != nil {
		return nil, fmt.Errorf("train: report: %w", err)
	}
	return r.Rows, nil
}

// strip shows true frames above predicted ones: the recorded actions are rolled
// out from a start in the last episode, and each predicted latent is drawn as
// the frame, of another episode, whose latent is nearest. No pixel is predicted.
func (t *trainer) strip(ctx context.Context, page *report.Page) error {
	if t.cfg.Model.Remembers() {
		return nil // its rollout wants more frames before it than a strip has
	}
	c, err := t.latents(ctx)
	if err != nil {
		return err
	}
	m, d := t.cfg.Model, t.opts.Data
	e := d.Episodes() - 1
	first, length := d.Episode(e)
	start := first + m.Context() - 1 + max(0, (length-stripSteps-m.Context())/2)
	steps := min(stripSteps, first+length-1-start)
	if steps < 1 {
		return nil
	}
	codes := make([][]float32, m.Context())
	for i := range codes {
		codes[i] = c.row(start - i)
	}
	state := make([]float32, m.State())
	t.model.StateAt(state, codes...)
	latents := make([]float32, steps*m.Latent())
	if err := t.model.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: steps}, state, c.actions[start*c.dims:(start+steps)*c.dims], latents); err != nil {
		return fmt.Errorf("train: report: %w", err)
	}
	var truth, predicted []report.Frame
	h, w, ch := d.FrameShape()
	for k := range steps {
		near := c.nearest(latents[k*m.Latent():(k+1)*m.Latent()], e)
		truth = append(truth, report.Frame{Image: report.FrameImage(d.Frame(start+k+1), h, w, ch), Label: fmt.Sprintf("+%d", k+1)})
		predicted = append(predicted, report.Frame{Image: report.FrameImage(d.Frame(near), h, w, ch), Label: fmt.Sprintf("+%d", k+1)})
	}
	page.Section("What it expects")
	page.Text("An open-loop rollout from one frame under the recorded actions. Each predicted latent is shown as the frame of another episode whose latent is nearest, so the walls may differ where the model holds them in a code of their own.")
	height := max(24, 100*h/w) // so that stripSteps frames stand side by side
	if err := page.Strip("what came", height, truth...); err != nil {
		return err
	}
	return page.Strip("what was expected", height, predicted...)
}

// nearest returns the step, outside episode without, whose latent is nearest to z.
func (c *cache) nearest(z []float32, without int) int {
	best, at := math.Inf(1), 0
	for s := range c.episode {
		if int(c.episode[s]) == without && len(c.first) > 1 {
			continue
		}
		sum := 0.0
		for i, v := range c.row(s)[:len(z)] {
			e := float64(v - z[i])
			sum += e * e
		}
		if sum < best {
			best, at = sum, s
		}
	}
	return at
}

// writeCard writes card.md: what the model is, where it comes from, how to use it.
func (t *trainer) writeCard() error {
	entries, err := ReadLog(filepath.Join(t.opts.Out, LogFile))
	if err != nil {
		return err
	}
	m, d := t.cfg.Model, t.opts.Data
	var b bytes.Buffer
	fmt.Fprintf(&b, "# World model (preset %s)\n\n", t.cfg.Preset)
	fmt.Fprintf(&b, "- Learnt from: %s, %d frames in %d episodes, data hash %s, seed %d\n", d.Meta().Name, d.Steps(), d.Episodes(), t.dataHash, t.cfg.Seed)
	fmt.Fprintf(&b, "- Frames: %d x %d, %d channels; actions: %d numbers\n", m.Frame.Height, m.Frame.Width, m.Frame.Channels, m.ActionDim)
	fmt.Fprintf(&b, "- Latent: %d numbers; static code: %d; encoder %s, predictor %s\n", m.Latent(), m.Encoder.Static, m.Encoder.Kind, m.Predictor.Kind)
	var cut []string // by the clock
	steps := map[string]int{"latents": t.cfg.Train.Latents.Steps, "usual": t.cfg.Train.Usual.Steps}
	for i, e := range entries {
		if i+1 == len(entries) || entries[i+1].Stage != e.Stage {
			fmt.Fprintf(&b, "- Stage %s: %d steps, last loss %.4g\n", e.Stage, e.StageStep+1, e.Loss)
			if e.StageStep+1 < steps[e.Stage] { // the last step is logged
				cut = append(cut, e.Stage)
			}
		}
	}
	if len(cut) > 0 {
		fmt.Fprintf(&b, "- Ended by the clock, train.minutes %g: %s, so another run on another machine gives other weights\n", t.cfg.Train.Minutes, strings.Join(cut, " and "))
	}
	fmt.Fprintf(&b, "\nNo position, wall, label or reward entered the training. `report.html` shows its course, `config.json` the network.\n")
	suite := "rollout"
	if m.Remembers() {
		suite = "surprise"
	}
	fmt.Fprintf(&b, "\n    foresee eval %s -m MODEL\n    foresee watch -m MODEL SOURCE\n", suite)
	if err := report.ReplaceFile(filepath.Join(t.opts.Out, CardFile), b.Bytes()); err != nil {
		return fmt.Errorf("train: card: %w", err)
	}
	return nil
}
