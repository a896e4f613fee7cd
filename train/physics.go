package train

import (
	"foresee/data"
	"foresee/jepa"
)

// manyClips is the number of episodes above which the physics preset encodes one phase of each in place of both: there,
// twice the clips teach more than both phases of one.
const manyClips = 50_000

// physics is the recipe of surprise-and-physics reference 3.8: colours made equally strong, a fine grid of few channels,
// a fixed projection, a causal transformer that remembers the whole clip. Other than there, the encoder never learns, the
// latent is coarse and ends with a texture of what is in the frame, wherever it is, the predictor narrow (more steps) with
// a carried state behind two blocks, and guesses several futures, changes of copies of what it saw; every fourth frame is
// seen, surprise is an excess over what two latents say and what is usual, forgives errors along how things move, and is
// the mean over mirror images and other colours.
func physics(frame jepa.FrameConfig, d *data.Dataset) Config {
	mean, cov := d.ChannelMoments(2048)
	mix := jepa.Whitening(cov, len(mean))
	frames := 0
	for e := range d.Episodes() {
		_, length := d.Episode(e)
		frames = max(frames, length)
	}
	const stride = 4
	contextLatents := max(4, (frames+stride-1)/stride) // whole clips, if they are short
	if contextLatents > 32 {
		contextLatents = 16
	}
	cell := max(1, (max(frame.Height, frame.Width)+8)/16) // about 16 cells a side
	cfg := common("physics", jepa.Config{
		Version: jepa.FormatVersion, Frame: frame, Input: jepa.InputMix, PixelMean: mean, PixelMix: mix,
		Encoder: jepa.EncoderConfig{Kind: jepa.EncoderCells, Channels: []int{48, 64, 16}, Kernels: []int{2 * cell, 1, 1}, Strides: []int{cell, 1, 1}, Texture: true},
		Predictor: jepa.PredictorConfig{
			Kind: jepa.PredictorTransformer, Gate: true, Hidden: []int{384, 512}, Context: contextLatents,
			Width: 192, Blocks: 2, Carry: true, Heads: 4, Stride: stride, Horizons: []int{1, 2}, Modes: 8, Rank: 64, Temperature: 0.02, Copy: true, Excess: 0.2, Usual: 0.6, Along: 0.7, Mirror: true, Colours: frame.Channels > 1,
		},
		Short: jepa.PredictorConfig{Kind: jepa.PredictorCells, Hidden: []int{64, 64}}, // of stage 1, should it learn
	})
	h, w := cfg.Model.Cells()
	cfg.Model.Encoder.Latent = min(128, h*w*16) + cfg.Model.Projected(jepa.ProjectTexture)
	cfg.Train.ProbeEpisodes = 0
	cfg.Train.Minutes = 29
	cfg.Train.SaveEvery = 100
	cfg.Train.Pixels = PixelStage{
		Optimizer: Optimizer{Batch: 128, Rate: 2e-3, Floor: 2e-5, WarmUp: 30, Decay: 1e-5, Clip: 2}, // no steps, see docs/results/physics.md
		Group:     16, Weights: Weights{Pred: 1, Std: 4, Cov: 1},
	}
	cfg.Train.Latents = LatentStage{
		Optimizer: Optimizer{Steps: 30000, Batch: 128, Rate: 2e-3, Floor: 2e-5, WarmUp: 100, Decay: 1e-2, Beta2: 0.98, Clip: 1},
		Rollout:   1, Hard: 0.3, Power: 0.7, Refresh: 100, Brief: 0.4, Mirror: true, Sparse: d.Episodes() > manyClips,
	}
	cfg.Train.Usual = Optimizer{Steps: 1500, Batch: 128, Rate: 2e-3, Floor: 2e-5, WarmUp: 50, Decay: 0.05, Clip: 1}
	return cfg
}
