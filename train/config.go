package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"foresee/jepa"
)

// Config is everything a run depends on besides the dataset. It is read from
// YAML, unknown fields refused, and stored in every checkpoint.
type Config struct {
	Preset string      `json:"preset" yaml:"preset"` // the preset it started from
	Seed   uint64      `json:"seed" yaml:"seed"`
	Model  jepa.Config `json:"model" yaml:"model"`
	Train  Settings    `json:"train" yaml:"train"`
}

// Settings says how to train.
type Settings struct {
	LogEvery        int               `json:"log_every" yaml:"log_every"`               // steps between lines of train.jsonl
	MonitorEvery    int               `json:"monitor_every" yaml:"monitor_every"`       // steps between collapse checks; 0 = never
	SaveEvery       int               `json:"save_every" yaml:"save_every"`             // steps between checkpoints
	SaveShare       float64           `json:"save_share" yaml:"save_share"`             // most of the time that checkpoints may take, so that fast steps have fewer; 0 = no limit
	StopOnCollapse  bool              `json:"stop_on_collapse" yaml:"stop_on_collapse"` // end a collapsed run with ErrCollapsed
	ExcludeEpisodes string            `json:"exclude_episodes" yaml:"exclude_episodes"` // "" = none, "last-tenth" = keep the last 10 % for probes
	Pixels          PixelStage        `json:"pixels" yaml:"pixels"`                     // stage 1
	Latents         LatentStage       `json:"latents" yaml:"latents"`                   // stage 2; Steps 0 = the predictor of stage 1 is final
	Usual           Optimizer         `json:"usual" yaml:"usual"`                       // behind stage 2 of a memory model whose surprise is less what is usual; Steps 0 = none
	Displacement    DisplacementStage `json:"displacement" yaml:"displacement"`         // stage 3; Steps 0 = none
	Landmarks       int               `json:"landmarks" yaml:"landmarks"`               // stage 4; 0 = none
	Remembered      int               `json:"remembered" yaml:"remembered"`             // latents that landmarks are chosen from
	Minutes         float64           `json:"minutes" yaml:"minutes"`                   // wall-clock limit of a memory model's stages, counted from the start of the run, the last tenth for usual; rates fall in time for it; 0 = none
	ProbeEpisodes   int               `json:"probe_episodes" yaml:"probe_episodes"`     // episodes for the probe after training; 0 = no probe
}

// Optimizer is AdamW with a linear warm-up and half a cosine.
type Optimizer struct {
	Steps  int     `json:"steps" yaml:"steps"`
	Batch  int     `json:"batch" yaml:"batch"`
	Rate   float64 `json:"rate" yaml:"rate"`       // peak learning rate
	Floor  float64 `json:"floor" yaml:"floor"`     // last learning rate
	WarmUp int     `json:"warm_up" yaml:"warm_up"` // steps of linear warm-up; at most half of Steps is used
	Decay  float64 `json:"decay" yaml:"decay"`     // decoupled weight decay
	Beta2  float64 `json:"beta2" yaml:"beta2"`     // 0 = 0.999
	Clip   float64 `json:"clip" yaml:"clip"`       // gradient norm; 0 = none
}

// PixelStage is stage 1: clips of frames at Offsets, and with Context one frame
// from a random time of the same episode.
type PixelStage struct {
	Optimizer `yaml:",inline"`
	Offsets   []int   `json:"offsets" yaml:"offsets"`
	Context   bool    `json:"context" yaml:"context"`
	PredSteps []int   `json:"pred_steps" yaml:"pred_steps"` // rollout steps whose error counts; step k is compared with the frame k after the newest context frame
	Pairs     [][]int `json:"pairs" yaml:"pairs"`           // offsets (i, j) of the inverse-dynamics head
	SplitClip bool    `json:"split_clip" yaml:"split_clip"` // clip encoder and the rest apart
	Within    bool    `json:"within" yaml:"within"`         // std, cov and sigreg of z on (z_c - z_0)/√2, within an episode; false: on all frames of the batch
	Slices    int     `json:"slices" yaml:"slices"`         // SIGReg directions
	Group     int     `json:"group" yaml:"group"`           // encoder cells: clips that share their times; divides Batch
	Target    string  `json:"target" yaml:"target"`         // encoder cells: jepa.TargetLatent, or jepa.TargetPixels for the pixel twin
	Weights   Weights `json:"weights" yaml:"weights"`
}

// Weights are the factors of the loss terms of stage 1; 0 switches a term off.
type Weights struct {
	Pred            float64 `json:"pred" yaml:"pred"`                         // latent prediction, MSE
	InverseDynamics float64 `json:"inverse_dynamics" yaml:"inverse_dynamics"` // action from two latents, MSE over the gap
	Std             float64 `json:"std" yaml:"std"`                           // hinge at 1 on the std of z
	Cov             float64 `json:"cov" yaml:"cov"`                           // squared off-diagonals of cov(z) over D(D-1)
	Sim             float64 `json:"sim" yaml:"sim"`                           // temporal similarity of consecutive z
	SIGReg          float64 `json:"sigreg" yaml:"sigreg"`                     // Epps-Pulley statistic on random directions of z
	StaticStd       float64 `json:"static_std" yaml:"static_std"`             // hinge at 1 on the std of w across the batch
	StaticCov       float64 `json:"static_cov" yaml:"static_cov"`             // squared off-diagonals of cov(w) over W
	StaticInv       float64 `json:"static_inv" yaml:"static_inv"`             // (w_t - w_c)² within an episode
}

// LatentStage is stage 2: clips of cached latents.
type LatentStage struct {
	Optimizer `yaml:",inline"`
	Rollout   int     `json:"rollout" yaml:"rollout"` // steps of the rollout whose squared errors are summed
	Hard      float64 `json:"hard" yaml:"hard"`       // share of clips drawn in proportion to error^Power
	Power     float64 `json:"power" yaml:"power"`     // of the last seen error of a clip
	Refresh   int     `json:"refresh" yaml:"refresh"` // steps between updates of the proportions
	Hide      float64 `json:"hide" yaml:"hide"`       // memory models: share of clips in which a random stretch of latents is not shown
	Brief     float64 `json:"brief" yaml:"brief"`     // memory models with an Excess: share of clips, at most, that the two-latent baseline learns from; 0 = all that hide nothing
	Mirror    bool    `json:"mirror" yaml:"mirror"`   // memory models: learn from the clips and from their mirror images, left for right
	Sparse    bool    `json:"sparse" yaml:"sparse"`   // memory models: encode frames a whole stride apart in place of half, for many clips; the first frame and the one half a stride on take turns to begin
}

// DisplacementStage is stage 3.
type DisplacementStage struct {
	Optimizer `yaml:",inline"`
	MaxGap    int     `json:"max_gap" yaml:"max_gap"`     // pairs are 0..MaxGap steps apart
	Effective float64 `json:"effective" yaml:"effective"` // an action that moves the latent by less than this share of the median move per unit of action counts 0
}

// Validate reports every fault of c at once, or nil.
func (c Config) Validate() error {
	errs := []error{c.Model.Validate()}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	t := c.Train
	if t.LogEvery < 1 || t.SaveEvery < 1 || t.MonitorEvery < 0 {
		bad("train: log_every %d, save_every %d want at least 1, monitor_every %d at least 0", t.LogEvery, t.SaveEvery, t.MonitorEvery)
	}
	if !(t.SaveShare >= 0 && t.SaveShare <= 1) {
		bad("train: save_share is %g, want a number in [0, 1]", t.SaveShare)
	}
	if t.ExcludeEpisodes != "" && t.ExcludeEpisodes != "last-tenth" {
		bad("train: exclude_episodes is %q, want \"\" or \"last-tenth\"", t.ExcludeEpisodes)
	}
	t.Pixels.Optimizer.validate("pixels", bad)
	if !(t.Minutes >= 0) {
		bad("train: minutes is %g, want 0 or more", t.Minutes)
	}
	if c.Model.Encoder.Kind == jepa.EncoderCells {
		if c.Model.Predictor.Mirror && !t.Latents.Mirror {
			bad("train: model.predictor.mirror reads mirror images, which train.latents.mirror false never shows it; set both or none")
		}
		if t.Latents.Sparse && c.Model.Stride()%2 == 1 {
			bad("train: latents: sparse leaves out the frames between, half a stride on; a stride of %d has none; set it to false", c.Model.Stride())
		}
		t.validateMemory(c.Model, bad)
	} else {
		if t.Pixels.Steps < 1 {
			bad("train: pixels: steps is %d, want at least 1", t.Pixels.Steps)
		}
		if t.Latents.Mirror {
			bad("train: latents: mirror is for memory models: actions have no mirror image; set it to false")
		}
		if t.Latents.Sparse {
			bad("train: latents: sparse is for memory models, others learn from every frame; set it to false")
		}
		if t.Usual.Steps != 0 {
			bad("train: usual: steps is %d, but only memory models have usual errors; set it to 0", t.Usual.Steps)
		}
		t.Pixels.validate(c.Model, bad)
	}
	if t.Latents.Steps > 0 {
		t.Latents.Optimizer.validate("latents", bad)
		if t.Latents.Rollout < 1 || t.Latents.Refresh < 1 || t.Latents.Hard < 0 || t.Latents.Hard > 1 {
			bad("train: latents: rollout %d and refresh %d want at least 1, hard %g in [0, 1]", t.Latents.Rollout, t.Latents.Refresh, t.Latents.Hard)
		}
	} else if c.Model.Short.Kind != "" {
		bad("train: latents: steps is 0, so the predictor would never learn; drop model.short")
	}
	if t.Displacement.Steps > 0 {
		t.Displacement.Optimizer.validate("displacement", bad)
		if len(c.Model.Displacement.Hidden) == 0 || t.Displacement.MaxGap < 1 {
			bad("train: displacement: needs model.displacement.hidden and max_gap of at least 1")
		}
	}
	if t.Landmarks < 0 || t.Remembered < t.Landmarks || t.ProbeEpisodes < 0 {
		bad("train: landmarks %d of %d remembered latents, probe_episodes %d", t.Landmarks, t.Remembered, t.ProbeEpisodes)
	}
	return errors.Join(errs...)
}

func (o Optimizer) validate(stage string, bad func(string, ...any)) {
	if o.Steps < 0 || o.Batch < 2 || !(o.Rate > 0) || o.Floor < 0 || o.WarmUp < 0 || o.Clip < 0 || o.Decay < 0 || math.IsInf(o.Rate, 1) {
		bad("train: %s: steps %d, batch %d (at least 2), rate %g (above 0), floor %g, warm_up %d, decay %g, clip %g (not negative)",
			stage, o.Steps, o.Batch, o.Rate, o.Floor, o.WarmUp, o.Decay, o.Clip)
	}
}

func (p PixelStage) validate(m jepa.Config, bad func(string, ...any)) {
	if len(p.Offsets) == 0 || p.Offsets[0] != 0 || !slices.IsSorted(p.Offsets) {
		bad("train: pixels: offsets %v want ascending numbers from 0", p.Offsets)
	}
	for i := range m.Context() {
		if i >= len(p.Offsets) || p.Offsets[i] != i {
			bad("train: pixels: offsets %v want to start with 0..%d, the predictor's context", p.Offsets, m.Context()-1)
			break
		}
	}
	for _, k := range p.PredSteps {
		if k < 1 || !slices.Contains(p.Offsets, m.Context()-1+k) {
			bad("train: pixels: pred_steps has %d, but offsets %v have no frame %d", k, p.Offsets, m.Context()-1+k)
		}
	}
	if len(p.PredSteps) == 0 || !slices.IsSorted(p.PredSteps) {
		bad("train: pixels: pred_steps %v want ascending numbers", p.PredSteps)
	}
	for _, pair := range p.Pairs {
		if len(pair) != 2 || pair[0] >= pair[1] || !slices.Contains(p.Offsets, pair[0]) || !slices.Contains(p.Offsets, pair[1]) {
			bad("train: pixels: pairs has %v, want two offsets i < j of %v", pair, p.Offsets)
		}
	}
	w := p.Weights
	if w.InverseDynamics > 0 && (len(p.Pairs) == 0 || len(m.Inverse) == 0) {
		bad("train: pixels: inverse_dynamics needs pairs and model.inverse")
	}
	if (m.Encoder.Static > 0 || p.Within) && !p.Context {
		bad("train: pixels: a static code and within need context: true")
	}
	if w.SIGReg > 0 && p.Slices < 1 {
		bad("train: pixels: sigreg needs slices of at least 1")
	}
}

// validateMemory checks the stages of a memory model, encoder cells and
// predictor transformer. Stage 1 may have no steps: a random encoder, or none.
func (t Settings) validateMemory(m jepa.Config, bad func(string, ...any)) {
	p := t.Pixels
	if p.Steps > 0 && (p.Group < 2 || p.Batch%p.Group != 0) {
		bad("train: pixels: group is %d, want at least 2 and a divisor of batch %d", p.Group, p.Batch)
	}
	if p.Steps > 0 && (len(m.Encoder.Channels) == 0 || m.Short.Kind != jepa.PredictorCells) {
		bad("train: pixels: encoder cells learns with layers and a short predictor of kind cells; set steps to 0 to leave it as it is")
	}
	if p.Target != jepa.TargetLatent && p.Target != jepa.TargetPixels {
		bad("train: pixels: target is %q, want %q or %q", p.Target, jepa.TargetLatent, jepa.TargetPixels)
	}
	if h, w := m.Cells(); p.Steps > 0 && p.Target == jepa.TargetPixels && (h < 1 || w < 1 || m.Frame.Height%h+m.Frame.Width%w > 0) {
		bad("train: pixels: target pixels draws a patch for each of %d x %d cells, which do not divide frames of %dx%d evenly", h, w, m.Frame.Height, m.Frame.Width)
	}
	if p.Weights.SIGReg > 0 && p.Slices < 1 {
		bad("train: pixels: sigreg needs slices of at least 1")
	}
	if t.Latents.Steps < 1 {
		bad("train: latents: steps is %d, a memory model wants at least 1", t.Latents.Steps)
	}
	if hide := t.Latents.Hide; !(hide >= 0 && hide <= 1) {
		bad("train: latents: hide is %g, want a share in [0, 1]", hide)
	}
	if brief := t.Latents.Brief; !(brief >= 0 && brief <= 1) {
		bad("train: latents: brief is %g, want a share in [0, 1]", brief)
	}
	if t.Usual.Steps != 0 {
		t.Usual.validate("usual", bad)
	}
	if (t.Usual.Steps > 0) != (m.Predictor.Usual > 0) {
		bad("train: usual: steps is %d and model.predictor.usual %g: what is usual is learnt where surprise is less it; set both or none to 0", t.Usual.Steps, m.Predictor.Usual)
	}
	if t.Displacement.Steps > 0 || t.Landmarks > 0 || t.ProbeEpisodes > 0 {
		bad("train: displacement, landmarks and probe_episodes are not for a memory model")
	}
}
