package jepa

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// FormatVersion is the version that config.json carries. A model folder with
// another version is refused by Load.
const FormatVersion = 1

// Encoder kinds of EncoderConfig.Kind.
const (
	EncoderConv   = "conv"   // strided convolutions
	EncoderIMPALA = "impala" // three residual stacks with max-pools
	EncoderGrid   = "grid"   // strided convolutions whose cells are the latent, place by place, see Config.Grid
	EncoderCells  = "cells"  // strided convolutions to a grid of cells; then a fixed projection of the whole grid. No layers: a projection of the pixels
)

// Predictor kinds of PredictorConfig.Kind.
const (
	PredictorMLP         = "mlp"         // residual MLP on [z, a] with the static code added in its first layer
	PredictorGRU         = "gru"         // GRU whose hidden state is z and whose input is a; output through the encoder's LayerNorm
	PredictorCells       = "cells"       // convolutions on the grids of the last two frames; beside EncoderCells in stage 1
	PredictorTransformer = "transformer" // causal transformer over the latents of a clip, several horizons at once
	PredictorConv        = "conv"        // convolutions over the cells of EncoderGrid; Hidden are their channels
)

// Input normalisations of Config.Input.
const (
	InputUnit   = "unit"   // (pixel / 255 - PixelMean) / PixelScale by channel
	InputMinMax = "minmax" // per frame and channel to [0, 1], then the published mean and std of Two Rooms
	InputMix    = "mix"    // (pixel / 255 - PixelMean) · PixelMix: channels made uncorrelated and equally strong
)

// Config describes one model: everything needed to build its graphs. It is
// stored as config.json in the model folder; unknown fields are refused.
type Config struct {
	Version      int                `json:"version" yaml:"version"`           // FormatVersion
	Frame        FrameConfig        `json:"frame" yaml:"frame"`               // what the camera delivers
	ActionDim    int                `json:"action_dim" yaml:"action_dim"`     // A; 0 = action-free
	Input        string             `json:"input" yaml:"input"`               // InputUnit or InputMinMax
	PixelMean    []float64          `json:"pixel_mean" yaml:"pixel_mean"`     // [C] of InputUnit and InputMix; empty = 0
	PixelScale   []float64          `json:"pixel_scale" yaml:"pixel_scale"`   // [C] of InputUnit; empty = 1
	PixelMix     []float64          `json:"pixel_mix" yaml:"pixel_mix"`       // [C, C] of InputMix, input channel first
	Encoder      EncoderConfig      `json:"encoder" yaml:"encoder"`           // frame -> z, w
	Predictor    PredictorConfig    `json:"predictor" yaml:"predictor"`       // state, action -> z
	Short        PredictorConfig    `json:"short" yaml:"short"`               // predictor beside the encoder in stage 1; empty Kind = Predictor itself
	Inverse      []int              `json:"inverse" yaml:"inverse"`           // hidden widths of the inverse-dynamics head; empty = none
	Displacement DisplacementConfig `json:"displacement" yaml:"displacement"` // hidden widths of G; empty = none
}

// FrameConfig is the shape and the rate of the frames a model was trained on.
type FrameConfig struct {
	Height   int     `json:"height" yaml:"height"`
	Width    int     `json:"width" yaml:"width"`
	Channels int     `json:"channels" yaml:"channels"`
	FPS      float64 `json:"fps" yaml:"fps"` // 0 = not a video
}

// EncoderConfig describes frame -> (z [D], w [W]).
type EncoderConfig struct {
	Kind         string  `json:"kind" yaml:"kind"`
	Channels     []int   `json:"channels" yaml:"channels"`           // channels of each convolution or IMPALA stack
	Kernels      []int   `json:"kernels" yaml:"kernels"`             // sides, not for EncoderIMPALA
	Strides      []int   `json:"strides" yaml:"strides"`             // not for EncoderIMPALA
	Latent       int     `json:"latent" yaml:"latent"`               // D; of EncoderGrid rows·cols·channels, see Config.Grid
	Hidden       int     `json:"hidden" yaml:"hidden"`               // width of a dense layer before z where SoftmaxMaps is 0; 0 = none
	SoftmaxMaps  int     `json:"softmax_maps" yaml:"softmax_maps"`   // > 0: z from a spatial softmax over so many maps of the first convolution
	SoftmaxScale float64 `json:"softmax_scale" yaml:"softmax_scale"` // factor on the softmax coordinates before the dense layer
	Static       int     `json:"static" yaml:"static"`               // W; 0 = no static code
	StaticHidden int     `json:"static_hidden" yaml:"static_hidden"` // width of the dense layer before w
	StaticMaps   int     `json:"static_maps" yaml:"static_maps"`     // > 0: that layer also sees a spatial softmax over so many maps of the first convolution
	LayerNorm    bool    `json:"layer_norm" yaml:"layer_norm"`       // affine LayerNorm on z
	Texture      bool    `json:"texture" yaml:"texture"`             // EncoderCells: the last numbers of z, 13 a channel, say what is in the frame wherever it is, see ProjectTexture
}

// PredictorConfig describes state, action -> next latent.
type PredictorConfig struct {
	Kind    string `json:"kind" yaml:"kind"`
	Hidden  []int  `json:"hidden" yaml:"hidden"`   // PredictorMLP and PredictorConv
	Gate    bool   `json:"gate" yaml:"gate"`       // z' = z + sigmoid(g) o with a scalar gate g; false: z' = z + o. PredictorTransformer: nn.Gated layers
	Context int    `json:"context" yaml:"context"` // latents in a state; 0 means 1

	// PredictorTransformer only.
	Width       int     `json:"width" yaml:"width"`             // of the residual stream
	Blocks      int     `json:"blocks" yaml:"blocks"`           // transformer blocks, with a hidden layer of Hidden[0]; the readout's is Hidden[1]
	Heads       int     `json:"heads" yaml:"heads"`             // must divide Width
	Window      int     `json:"window" yaml:"window"`           // latents that attention reaches back, the newest included; 0 = all, 1 = no memory
	Carry       bool    `json:"carry" yaml:"carry"`             // after the blocks a state is carried from latent to latent, see nn.Carry; remembers all of the clip, so not with a Window
	Copy        bool    `json:"copy" yaml:"copy"`               // a mode is a change of a mixture of latents seen, in place of the last one, see nn.Copies; not with a Window or TargetPixels
	Stride      int     `json:"stride" yaml:"stride"`           // frames from one latent to the next
	Horizons    []int   `json:"horizons" yaml:"horizons"`       // steps of Stride frames predicted ahead, ascending
	Modes       int     `json:"modes" yaml:"modes"`             // latents that each guess holds to be possible, see Guess; 0 means 1
	Rank        int     `json:"rank" yaml:"rank"`               // numbers of what is remembered that tell modes apart; 0 = all
	Temperature float64 `json:"temperature" yaml:"temperature"` // of the free energy that leaves the mode open, in units of squared errors; above 0 with modes, see Network.MemoryErrors
	Excess      float64 `json:"excess" yaml:"excess"`           // surprise is the error less this share of what two latents alone would have made; 0 to 1
	Usual       float64 `json:"usual" yaml:"usual"`             // surprise is less this share of the error that is usual where such a thing comes, see Network.UsualErrors; 0 to 1, with an Excess
	Along       float64 `json:"along" yaml:"along"`             // errors count less this share of what lies along how the latent moves from and to its neighbours in time; 0 to 1
	Mirror      bool    `json:"mirror" yaml:"mirror"`           // surprise is the mean over the clip and its mirror image, left for right
	Colours     bool    `json:"colours" yaml:"colours"`         // surprise is the mean over the clip as it is and with its C channels moved on by 1 to C-1, in other colours; at least two channels
	Target      string  `json:"target" yaml:"target"`           // what is predicted: TargetLatent or TargetPixels
}

// What is predicted, PredictorConfig.Target.
const (
	TargetLatent = ""       // the latents of frames to come
	TargetPixels = "pixels" // their pixels, on as many principal components as a latent has numbers
)

// DisplacementConfig describes G(z_i, z_j) -> the sum of effective actions.
type DisplacementConfig struct {
	Hidden []int `json:"hidden" yaml:"hidden"`
}

// Latent returns D.
func (c Config) Latent() int { return c.Encoder.Latent }

// Context returns how many latents a state holds, at least 1.
func (c Config) Context() int { return max(1, c.Predictor.Context) }

// Stride returns how many frames lie between the latents of a state, at least 1.
func (c Config) Stride() int { return max(1, c.Predictor.Stride) }

// State returns S = D·Context + W.
func (c Config) State() int { return c.Encoder.Latent*c.Context() + c.Encoder.Static }

// Pixels returns H·W·C.
func (c Config) Pixels() int { return c.Frame.Height * c.Frame.Width * c.Frame.Channels }

// Validate reports every fault of c at once, or nil.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Version != FormatVersion {
		bad("version is %d, this program writes and reads version %d", c.Version, FormatVersion)
	}
	if c.Frame.Height < 1 || c.Frame.Width < 1 || c.Frame.Channels < 1 {
		bad("frame is %dx%dx%d, want height, width and channels of at least 1", c.Frame.Height, c.Frame.Width, c.Frame.Channels)
	}
	if c.ActionDim < 0 {
		bad("action_dim is %d, want 0 (action-free) or more", c.ActionDim)
	}
	if c.Input != InputUnit && c.Input != InputMinMax && c.Input != InputMix {
		bad("input is %q, want %q, %q or %q", c.Input, InputUnit, InputMinMax, InputMix)
	}
	if want := c.Frame.Channels * c.Frame.Channels; c.Input == InputMix && len(c.PixelMix) != want {
		bad("pixel_mix has %d numbers, input %q of %d channels needs %d", len(c.PixelMix), InputMix, c.Frame.Channels, want)
	}
	for name, x := range map[string][]float64{"pixel_mean": c.PixelMean, "pixel_scale": c.PixelScale} {
		if len(x) != 0 && len(x) != c.Frame.Channels {
			bad("%s has %d numbers, frames have %d channels", name, len(x), c.Frame.Channels)
		}
	}
	for _, x := range c.PixelScale {
		if !(x > 0) {
			bad("pixel_scale is %g, want more than 0", x)
		}
	}
	if c.Input == InputMinMax && c.Frame.Channels != 2 {
		bad("input %q needs the 2 channels of Two Rooms, frames have %d", InputMinMax, c.Frame.Channels)
	}
	c.Encoder.validate(bad)
	c.validateGrid(bad)
	c.Predictor.validate("predictor", bad)
	c.validateMemory(bad)
	if c.Short.Kind != "" {
		c.Short.validate("short", bad)
		if c.Short.Kind != PredictorCells && max(1, c.Short.Context) != c.Context() {
			bad("short context is %d, predictor context is %d, want the same", c.Short.Context, c.Predictor.Context)
		}
	}
	positive(bad, "inverse hidden width", c.Inverse...)
	positive(bad, "displacement hidden width", c.Displacement.Hidden...)
	if c.Predictor.Kind == PredictorGRU && (c.Encoder.Static > 0 || c.Context() > 1 || c.ActionDim == 0) {
		bad("predictor gru takes actions, no static code and one latent of context")
	}
	if c.ActionDim == 0 && (len(c.Inverse) > 0 || len(c.Displacement.Hidden) > 0) {
		bad("inverse and displacement heads need actions, action_dim is 0")
	}
	return errors.Join(errs...)
}

// positive reports each of values that is below 1.
func positive(bad func(string, ...any), name string, values ...int) {
	for _, v := range values {
		if v < 1 {
			bad("%s is %d, want at least 1", name, v)
		}
	}
}

func (e EncoderConfig) validate(bad func(string, ...any)) {
	positive(bad, "encoder channels", e.Channels...)
	positive(bad, "encoder kernel", e.Kernels...)
	positive(bad, "encoder stride", e.Strides...)
	if min(e.Hidden, e.SoftmaxMaps, e.Static, e.StaticMaps) < 0 {
		bad("encoder hidden %d, softmax_maps %d, static %d, static_maps %d, want 0 or more of each", e.Hidden, e.SoftmaxMaps, e.Static, e.StaticMaps)
	}
	switch e.Kind {
	case EncoderConv, EncoderGrid:
		if len(e.Channels) == 0 || len(e.Kernels) != len(e.Channels) || len(e.Strides) != len(e.Channels) {
			bad("encoder %s has %d channels, %d kernels, %d strides, want the same number of each, at least 1", e.Kind, len(e.Channels), len(e.Kernels), len(e.Strides))
		}
	case EncoderIMPALA:
		if len(e.Channels) == 0 {
			bad("encoder impala has no channels")
		}
		if e.SoftmaxMaps > 0 || e.Static > 0 {
			bad("encoder impala has neither softmax_maps nor static")
		}
	case EncoderCells:
		if len(e.Kernels) != len(e.Channels) || len(e.Strides) != len(e.Channels) {
			bad("encoder cells has %d channels, %d kernels, %d strides, want the same number of each", len(e.Channels), len(e.Kernels), len(e.Strides))
		}
		if e.SoftmaxMaps > 0 || e.Static > 0 || e.Hidden > 0 || e.LayerNorm {
			bad("encoder cells has no softmax_maps, static, hidden or layer_norm")
		}
	default:
		bad("encoder kind is %q, want %q, %q, %q or %q", e.Kind, EncoderConv, EncoderIMPALA, EncoderGrid, EncoderCells)
	}
	if e.Latent < 1 {
		bad("encoder latent is %d, want at least 1", e.Latent)
	}
	if e.Texture && e.Kind != EncoderCells {
		bad("encoder texture goes with kind cells, not %q; set it to false", e.Kind)
	}
	if e.Static > 0 && e.StaticHidden < 1 {
		bad("encoder static_hidden is %d, want at least 1 with a static code", e.StaticHidden)
	}
}

func (p PredictorConfig) validate(name string, bad func(string, ...any)) {
	positive(bad, name+" hidden width", p.Hidden...)
	switch p.Kind {
	case PredictorMLP, PredictorConv:
		if len(p.Hidden) == 0 {
			bad("%s %s has no hidden widths", name, p.Kind)
		}
	case PredictorGRU:
		if p.Gate || len(p.Hidden) > 0 {
			bad("%s gru has neither gate nor hidden widths", name)
		}
	case PredictorCells:
		if len(p.Hidden) == 0 || name != "short" {
			bad("%s cells has hidden widths and is a short predictor", name)
		}
	case PredictorTransformer:
		p.validateMemory(name, bad)
	default:
		bad("%s kind is %q, want %q, %q, %q, %q or %q", name, p.Kind, PredictorMLP, PredictorGRU, PredictorConv, PredictorCells, PredictorTransformer)
	}
	if (p.Modes != 0 || p.Rank != 0 || p.Temperature != 0) && p.Kind != PredictorTransformer {
		bad("%s modes is %d, rank %d and temperature %g, but only a transformer guesses in modes; set all to 0", name, p.Modes, p.Rank, p.Temperature)
	}
	if (p.Carry || p.Copy) && p.Kind != PredictorTransformer {
		bad("%s carry is %t and copy %t, but only a transformer carries a state or copies; turn both off", name, p.Carry, p.Copy)
	}
	if p.Usual != 0 && p.Kind != PredictorTransformer {
		bad("%s usual is %g, but only a transformer has usual errors; set it to 0", name, p.Usual)
	}
	if (p.Along != 0 || p.Colours) && p.Kind != PredictorTransformer {
		bad("%s along is %g and colours %t, but only a transformer judges clips; set them to 0 and false", name, p.Along, p.Colours)
	}
	if p.Context < 0 {
		bad("%s context is %d, want 0 or more", name, p.Context)
	}
}

func (p PredictorConfig) validateMemory(name string, bad func(string, ...any)) {
	positive(bad, name+" width, blocks, heads, stride and context", p.Width, p.Blocks, p.Heads, p.Stride, p.Context)
	positive(bad, name+" horizon", p.Horizons...)
	if len(p.Hidden) != 2 {
		bad("%s transformer has %d hidden widths, want 2 (blocks, readout)", name, len(p.Hidden))
	}
	if p.Heads > 0 && p.Width%p.Heads != 0 {
		bad("%s heads is %d, want a divisor of width %d", name, p.Heads, p.Width)
	}
	if p.Window < 0 || p.Excess > 0 && p.Window > 0 {
		bad("%s window is %d, want 0 (all) or more, and 0 where surprise is an excess", name, p.Window)
	}
	if (p.Carry || p.Copy) && p.Window > 0 {
		bad("%s carry is %t and copy %t with window %d, but both reach back to the first latent; turn them off or set it to 0", name, p.Carry, p.Copy, p.Window)
	}
	if p.Copy && p.Target != TargetLatent {
		bad("%s copy is on, but what is seen are latents and the target is %q; set copy to false", name, p.Target)
	}
	if p.Modes < 0 {
		bad("%s modes is %d, want 0 or more", name, p.Modes)
	}
	if p.Rank < 0 || p.Rank > 0 && p.Modes < 2 {
		bad("%s rank is %d with %d modes, want 0 or more, and 0 with one", name, p.Rank, max(1, p.Modes))
	}
	if several := p.Modes > 1; !(several && p.Temperature > 0 && p.Temperature < math.Inf(1) || !several && p.Temperature == 0) {
		bad("%s temperature is %g with %d modes, want above 0 with several and 0 with one", name, p.Temperature, max(1, p.Modes))
	}
	if !(p.Excess >= 0 && p.Excess <= 1) {
		bad("%s excess is %g, want 0 to 1", name, p.Excess)
	}
	if !(p.Usual >= 0 && p.Usual <= 1) || p.Usual > 0 && p.Excess == 0 {
		bad("%s usual is %g, want 0 to 1, and 0 where surprise is no excess", name, p.Usual)
	}
	if !(p.Along >= 0 && p.Along <= 1) {
		bad("%s along is %g, want 0 to 1", name, p.Along)
	}
	if len(p.Horizons) == 0 || !slices.IsSorted(p.Horizons) || p.Horizons[len(p.Horizons)-1] >= p.Context {
		bad("%s horizons %v want ascending numbers below the context %d", name, p.Horizons, p.Context)
	}
	if p.Target != TargetLatent && p.Target != TargetPixels {
		bad("%s target is %q, want %q or %q", name, p.Target, TargetLatent, TargetPixels)
	}
}

// validateMemory wants the kinds of a memory model together: encoder cells,
// predictor transformer, no actions.
func (c Config) validateMemory(bad func(string, ...any)) {
	cells := c.Encoder.Kind == EncoderCells
	if cells != c.Remembers() || c.Short.Kind == PredictorCells && !cells {
		bad("encoder %s, predictor %s, short %q: encoder cells goes with predictor transformer, and short cells with both", c.Encoder.Kind, c.Predictor.Kind, c.Short.Kind)
	}
	if c.Predictor.Colours && c.Frame.Channels < 2 {
		bad("predictor colours reads frames in other colours, frames have %d channel: set it to false", c.Frame.Channels)
	}
	if c.Encoder.Texture && min(c.Frame.Height, c.Frame.Width) <= textureReach {
		bad("encoder texture compares pixels up to %d apart, frames are %dx%d; set it to false", textureReach, c.Frame.Height, c.Frame.Width)
	}
	if least := c.textureWidth() + 1; c.Encoder.Texture && c.Encoder.Latent < least {
		bad("encoder latent is %d, want at least %d: a texture of %d channels takes %d", c.Encoder.Latent, least, c.Frame.Channels, least-1)
	}
	if cells && c.ActionDim > 0 {
		bad("encoder cells takes no actions, action_dim is %d", c.ActionDim)
	}
}
