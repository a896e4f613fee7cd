package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"foresee/data"
	"foresee/jepa"
)

// Presets lists the names that Preset knows.
func Presets() []string { return []string{"tworooms", "eb-jepa", "video", "physics"} }

// Preset returns the config of that name, adapted to the frame size, the
// channels and the action width of dataset d. An unknown name, or a preset that
// needs actions on a dataset without them, is an error.
func Preset(name string, d *data.Dataset) (Config, error) {
	h, w, c := d.FrameShape()
	frame := jepa.FrameConfig{Height: h, Width: w, Channels: c, FPS: d.Meta().FPS}
	if c == 0 {
		return Config{}, fmt.Errorf("train: dataset %s has no pixels", d.Dir())
	}
	mean, scale := pixelStatistics(d)
	actions := d.ActionWidth()
	if name != "video" && name != "physics" && slices.Contains(Presets(), name) && actions == 0 {
		return Config{}, fmt.Errorf("train: preset %s needs actions, dataset %s has none; use --preset video", name, d.Dir())
	}
	switch name {
	case "tworooms":
		return withPixels(twoRooms(frame, actions), mean, scale), nil
	case "eb-jepa":
		return withPixels(ebJEPA(frame, actions), mean, scale), nil
	case "video":
		return withPixels(Video(frame), mean, scale), nil
	case "physics":
		return physics(frame, d), nil
	}
	return Config{}, fmt.Errorf("train: no preset %q, there are %s", name, strings.Join(Presets(), ", "))
}

// withPixels sets the channel statistics where the input uses them.
func withPixels(cfg Config, mean, scale []float64) Config {
	if cfg.Model.Input == jepa.InputUnit {
		cfg.Model.PixelMean, cfg.Model.PixelScale = mean, scale
	}
	return cfg
}

// leastScale bounds what a channel is divided by: a channel that is nearly
// always 0, such as one small dot, is not blown up.
const leastScale = 0.25

// pixelStatistics returns mean and std of pixel/255 by channel; the std is at
// least leastScale.
func pixelStatistics(d *data.Dataset) (mean, scale []float64) {
	mean, cov := d.ChannelMoments(512)
	scale = make([]float64, len(mean))
	for k := range scale {
		scale[k] = max(leastScale, math.Sqrt(max(0, cov[k*len(mean)+k])))
	}
	return mean, scale
}

func common(name string, model jepa.Config) Config {
	return Config{
		Preset: name, Seed: 1, Model: model,
		Train: Settings{LogEvery: 10, MonitorEvery: 50, SaveEvery: 20, SaveShare: 0.02, StopOnCollapse: true, ProbeEpisodes: 200},
	}
}

// firstStride keeps about 16 cells a side after the first convolution.
func firstStride(frame jepa.FrameConfig) int {
	return max(1, (max(frame.Height, frame.Width)+8)/16)
}

// twoRooms is the recipe of jepa reference 7.5: a dynamic latent by spatial
// softmax, a static layout code, two stages, G and landmarks.
func twoRooms(frame jepa.FrameConfig, actions int) Config {
	cfg := common("tworooms", jepa.Config{
		Version: jepa.FormatVersion, Frame: frame, ActionDim: actions, Input: jepa.InputUnit,
		Encoder: jepa.EncoderConfig{
			Kind: jepa.EncoderConv, Channels: []int{16, 32, 64}, Kernels: []int{5, 3, 3}, Strides: []int{firstStride(frame), 2, 2},
			Latent: 16, SoftmaxMaps: 8, SoftmaxScale: 5, Static: 64, StaticHidden: 128, StaticMaps: 16,
		},
		Predictor:    jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{256, 256, 256}, Gate: true},
		Short:        jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{256, 256}},
		Inverse:      []int{256, 256},
		Displacement: jepa.DisplacementConfig{Hidden: []int{256, 256}},
	})
	cfg.Train.Pixels = PixelStage{
		Optimizer: Optimizer{Steps: 500, Batch: 256, Rate: 2e-3, Floor: 2e-5, WarmUp: 100, Decay: 1e-5, Clip: 2},
		Offsets:   []int{0, 1, 2, 4, 8}, Context: true, PredSteps: []int{1, 2, 4, 8},
		Pairs: [][]int{{0, 1}, {1, 2}, {0, 2}, {2, 4}, {4, 8}, {0, 8}}, Within: true,
		Weights: Weights{Pred: 1, InverseDynamics: 4, Std: 1, StaticStd: 4, StaticCov: 0.2, StaticInv: 4},
	}
	cfg.Train.Latents = LatentStage{
		Optimizer: Optimizer{Steps: 4000, Batch: 1024, Rate: 1.5e-3, Floor: 1e-5, WarmUp: 100, Decay: 1e-5, Clip: 1},
		Rollout:   2, Hard: 0.6, Power: 0.7, Refresh: 200,
	}
	cfg.Train.Displacement = DisplacementStage{
		Optimizer: Optimizer{Steps: 1250, Batch: 1024, Rate: 2e-3, Floor: 1e-5, WarmUp: 50, Decay: 1e-5, Clip: 1},
		MaxGap:    12, Effective: 0.3,
	}
	cfg.Train.Landmarks, cfg.Train.Remembered = 300, 20000
	return cfg
}

// ebJEPA is the published net and loss of EB-JEPA (jepa reference 1.1), with
// fewer frames a step.
func ebJEPA(frame jepa.FrameConfig, actions int) Config {
	input := jepa.InputUnit
	if frame.Channels == 2 {
		input = jepa.InputMinMax
	}
	cfg := common("eb-jepa", jepa.Config{
		Version: jepa.FormatVersion, Frame: frame, ActionDim: actions, Input: input,
		Encoder:   jepa.EncoderConfig{Kind: jepa.EncoderIMPALA, Channels: []int{16, 32, 32}, Latent: 512, LayerNorm: true},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorGRU},
		Inverse:   []int{256, 256},
	})
	cfg.Train.Pixels = PixelStage{
		Optimizer: Optimizer{Steps: 3120, Batch: 64, Rate: 1e-3, Floor: 1e-5, WarmUp: 312, Decay: 1e-5, Clip: 2},
		Offsets:   []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, PredSteps: []int{1, 2, 3, 4, 5, 6, 7, 8},
		Pairs:     [][]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}},
		SplitClip: true,
		Weights:   Weights{Pred: 1, InverseDynamics: 1, Std: 16, Cov: 8, Sim: 12},
	}
	return cfg
}

// Video returns the preset video for frames of a shape: an action-free JEPA for
// camera streams, a map of cells, each an eighth to a sixteenth of a side,
// predicted from two frames by its surroundings, so that surprise has a place. Its
// pixels are not standardised; Preset does that.
func Video(frame jepa.FrameConfig) Config {
	model := jepa.Config{
		Version: jepa.FormatVersion, Frame: frame, Input: jepa.InputUnit,
		Encoder: jepa.EncoderConfig{
			Kind: jepa.EncoderGrid, Channels: []int{16, 32, 64, 16}, Kernels: []int{5, 3, 3, 1},
			Strides: []int{max(2, (max(frame.Height, frame.Width)+32)/64), 2, 2, 1},
		},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorConv, Hidden: []int{48, 48}, Gate: true, Context: 2},
	}
	rows, cols, channels := model.Grid()
	model.Encoder.Latent = rows * cols * channels
	cfg := common("video", model)
	cfg.Train.Pixels = PixelStage{
		Optimizer: Optimizer{Steps: 600, Batch: 32, Rate: 1e-3, Floor: 1e-5, WarmUp: 60, Decay: 1e-5, Clip: 2},
		Offsets:   []int{0, 1, 2, 3, 5}, Context: true, PredSteps: []int{1, 2, 4}, Within: true,
		Weights: Weights{Pred: 1, Std: 4, Cov: 4},
	}
	return cfg
}
