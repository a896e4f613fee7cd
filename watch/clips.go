package watch

import (
	"context"
	"fmt"

	"foresee/jepa"
	"foresee/report"
	"foresee/surprise"
)

// Clip is a short recording in which something impossible may happen.
type Clip struct {
	Frames   []uint8   // [T, H, W, C] of the model's shape
	Actions  []float32 // [T-1, A]; empty for a model without actions
	At       int       // frame at which it happens, or would happen in the clip's twin
	Violates bool      // whether it does
}

// Surprises returns the surprise of frames first, first+1, ..., T-1 of a clip;
// first is the number of frames that the model needs before it can predict. A
// clip that is too short gives none. It panics if the clip's frames or actions
// do not have the model's shape.
func Surprises(ctx context.Context, m *jepa.Model, c Clip) (first int, scores []float64, err error) {
	cfg := m.Config()
	px, a := cfg.Pixels(), cfg.ActionDim
	n := len(c.Frames) / px
	if n*px != len(c.Frames) || a > 0 && len(c.Actions) != max(0, n-1)*a {
		panic(fmt.Sprintf("watch: Surprises: %d bytes of frames and %d floats of actions, want T frames of %d and T-1 actions of %d", len(c.Frames), len(c.Actions), px, a))
	}
	batch := make([]frame, n)
	for i := range batch {
		batch[i].number = i
		batch[i].pixels = c.Frames[i*px : (i+1)*px]
		if a > 0 && i < n-1 {
			batch[i].action = c.Actions[i*a : (i+1)*a]
		}
	}
	t := tracker{m: m}
	all, err := t.score(ctx, batch)
	if err != nil {
		return 0, nil, fmt.Errorf("watch: clip: %w", err)
	}
	for _, s := range all {
		if s.known {
			scores = append(scores, s.value)
		}
	}
	return min(n, cfg.Context()*cfg.Stride()), scores, nil
}

// Discrimination says how well surprise tells clips with a violation from clips
// without, beside what the frames alone give away.
type Discrimination struct {
	Model  surprise.Separation // by the model's surprise
	Pixels surprise.Separation // by the mean squared difference of consecutive frames: no model at all
}

// Discriminate scores n clips, clip(0) to clip(n-1), by the largest surprise
// over frames At-1, At and At+1, and compares those that violate with the rest.
// Only the frames that these scores need are encoded. Clips whose At cannot be
// predicted, and clips of one kind only, are errors.
func Discriminate(ctx context.Context, m *jepa.Model, n int, clip func(i int) Clip) (Discrimination, error) {
	var model, pixels [2][]float64 // without, with a violation
	for i := range n {
		c := clip(i)
		first, scores, err := Surprises(ctx, m, c.window(m.Config()))
		if err != nil {
			return Discrimination{}, err
		}
		if len(scores) == 0 || c.At < first {
			return Discrimination{}, fmt.Errorf("watch: clip %d: frame %d cannot be predicted, the model needs %d frames before it", i, c.At, first)
		}
		kind := 0
		if c.Violates {
			kind = 1
		}
		model[kind] = append(model[kind], largest(scores))
		pixels[kind] = append(pixels[kind], largest(c.differences(m.Config().Pixels())))
	}
	var d Discrimination
	var err error
	if d.Model, err = surprise.AUROC(model[1], model[0]); err != nil {
		return Discrimination{}, fmt.Errorf("watch: clips: %w", err)
	}
	if d.Pixels, err = surprise.AUROC(pixels[1], pixels[0]); err != nil {
		return Discrimination{}, fmt.Errorf("watch: clips: %w", err)
	}
	return d, nil
}

// window cuts the clip to the frames that the surprise of frames At-1 to At+1
// depends on.
func (c Clip) window(cfg jepa.Config) Clip {
	px, a := cfg.Pixels(), cfg.ActionDim
	n := len(c.Frames) / px
	if c.At < 0 || c.At >= n {
		panic(fmt.Sprintf("watch: clip of %d frames: no frame %d", n, c.At))
	}
	lo, hi := max(0, c.At-1-cfg.Context()*cfg.Stride()), min(n, c.At+2)
	c.Frames = c.Frames[lo*px : hi*px]
	if a > 0 {
		c.Actions = c.Actions[lo*a : (hi-1)*a]
	}
	c.At -= lo
	return c
}

// differences returns the mean squared difference to the frame before of frames
// At-1 to At+1, as far as there are any.
func (c Clip) differences(px int) []float64 {
	var out []float64
	for t := max(1, c.At-1); t <= c.At+1 && (t+1)*px <= len(c.Frames); t++ {
		out = append(out, meanChange(c.Frames[(t-1)*px:t*px], c.Frames[t*px:(t+1)*px]))
	}
	return out
}

// largest returns the maximum of values; NaN if one is NaN, so that AUROC
// refuses it.
func largest(values []float64) float64 {
	out := values[0]
	for _, v := range values {
		out = max(out, v)
	}
	return out
}

// TeleportRows returns the rows of a discrimination of clips with and without a
// teleport: surprise/teleport/auroc, and beside it what frame differences reach.
func TeleportRows(d Discrimination, note string) []report.Row {
	row := func(name string, s surprise.Separation, note string) report.Row {
		return report.Row{Name: "surprise/teleport/" + name, Value: s.AUROC, Unit: "ratio", N: s.Positives + s.Negatives, Lo: &s.Lo, Hi: &s.Hi, Note: note}
	}
	return []report.Row{
		row("auroc", d.Model, note),
		row("ceiling/pixels", d.Pixels, "the same from the mean squared difference of consecutive frames, without a model"),
	}
}
