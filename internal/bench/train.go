package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/report"
	"foresee/train"
)

// stepGFLOP is the arithmetic of one training step of the EB-JEPA net, 64 clips
// of 9 frames at 65 pixels, forward and backward, 2 for a multiply-add: a
// constant, so that the share cannot improve by counting otherwise.
const stepGFLOP = 116

// trainWork is one training step to measure.
type trainWork struct {
	name   string // of the rows, below bench/train
	preset string
	stage  string
	size   int // pixels a side
	latent int // 0 = the preset's
	gflop  float64
	peer   string // row below bench/peer; "" = no peer
	note   string // behind the notes of rows
}

func trainWorks() []trainWork {
	return []trainWork{
		{name: "eb-jepa", preset: "eb-jepa", stage: "pixels", size: tworooms.Size, gflop: stepGFLOP, peer: "train"},
		{name: "eb-jepa-33", preset: "eb-jepa", stage: "pixels", size: tworooms.SmallSize, latent: 256, peer: "train-33"},
		{name: "tworooms-pixels", preset: "tworooms", stage: "pixels", size: tworooms.Size},
		{name: "tworooms-latents", preset: "tworooms", stage: "latents", size: tworooms.Size},
	}
}

// Train measures training steps, the loader and the optimizer included, by the
// code that foresee train runs, on walks in Two Rooms: the EB-JEPA net with its
// published loss (64 clips of 9 frames) at 65 pixels and, with 256 latents, at
// 33, and both stages of the preset tworooms.
//
// Rows below bench/train/<name>: seconds, frames_per_second (cached latents
// count as frames, one a clip), alloc_bytes (bytes that Go allocates in a warm
// step, loader and handles included; bench/train/alloc_bytes for eb-jepa), and
// for eb-jepa with cfg.Rate sgemm_share. With a peer bench/peer/train/... and
// bench/peer/train-33/...; the losses of three steps must agree first. On a processor that is faster so, all
// again as <name>-int16, large products by way of 16-bit integers.
func Train(ctx context.Context, cfg Config) (rows []report.Row, err error) {
	dir, err := os.MkdirTemp("", "foresee-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	short, hasShort := cfg.inInt16()
	for _, w := range trainWorks() {
		r, err := w.measure(ctx, cfg, dir)
		if err == nil && hasShort {
			var more []report.Row
			more, err = w.inInt16().measure(ctx, short, dir)
			r = append(r, more...)
		}
		if err != nil {
			return nil, fmt.Errorf("bench: train %s: %w", w.name, err)
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

// inInt16 is the same work with other names.
func (w trainWork) inInt16() trainWork {
	w.name, w.note = w.name+"-int16", int16Note
	if w.peer != "" {
		w.peer += "-int16"
	}
	return w
}

func (w trainWork) measure(ctx context.Context, cfg Config, dir string) (rows []report.Row, err error) {
	e, err := cfg.open()
	if err != nil {
		return nil, err
	}
	defer e.close()
	d, err := walks(ctx, filepath.Join(dir, fmt.Sprint(w.size)), w.size, cfg.Seed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	run, err := train.Preset(w.preset, d)
	if err != nil {
		return nil, err
	}
	run.Seed, run.Train.MonitorEvery = cfg.Seed, 0
	if w.latent > 0 {
		run.Model.Encoder.Latent = w.latent
	}
	options := e.options
	options.Data, options.Config = d, run
	s, err := train.NewStepper(ctx, options, w.stage)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	step := func() error {
		_, err := s.Step(ctx)
		return err
	}
	if err := step(); err != nil {
		return nil, err
	}
	var p *peer
	if w.peer != "" && cfg.Peer.Python != "" {
		all, err := exportSteps(ctx, s, filepath.Join(dir, "export.safetensors"))
		if err != nil {
			return nil, err
		}
		if p, err = startPeer(ctx, cfg.Peer, "train", all); err != nil {
			return nil, err
		}
	}
	defer func() { err = errors.Join(err, p.close()) }()
	ours, theirs, err := paired(ctx, cfg.Runs, blockRuns, step, p)
	if err != nil {
		return nil, err
	}
	bytes, err := allocated(minRuns, step)
	if err != nil {
		return nil, err
	}
	rows = w.rows(cfg, s, ours, bytes)
	rows = append(rows, peerRows(w.peer, ours, theirs, p)...)
	return rows, cfg.explain(ctx, e, "train/"+w.name, step)
}

func (w trainWork) rows(cfg Config, s *train.Stepper, ours sample, bytes float64) []report.Row {
	prefix := "bench/train/" + w.name + "/"
	note := fmt.Sprintf("preset %s, stage %s, %d pixels, %d clips, %d frames a step%s", w.preset, w.stage, w.size, s.Clips(), s.Frames(), w.note)
	rows := []report.Row{ours.seconds(prefix+"seconds", note)}
	if w.gflop > 0 {
		rows = append(rows, cfg.Rate.share(prefix+"sgemm_share", w.gflop, ours)...)
	}
	alloc := report.Row{Name: prefix + "alloc_bytes", Value: bytes, Unit: "B", N: minRuns, Note: "by Go in a warm step, loader and handles included"}
	if w.name == "eb-jepa" {
		alloc.Name = "bench/train/alloc_bytes"
	}
	return append(rows, ours.rate(prefix+"frames_per_second", "frames/s", float64(s.Frames()), ""), alloc)
}

// exportSteps makes three more steps and returns what a peer needs to make the same.
func exportSteps(ctx context.Context, s *train.Stepper, file string) (map[string]jepa.Tensor, error) {
	const steps = 3
	if err := s.Export(ctx, file, steps); err != nil {
		return nil, err
	}
	all, _, err := jepa.ReadTensors(file)
	if err != nil {
		return nil, err
	}
	losses := make([]float32, steps)
	for k := range losses {
		scalars, err := s.Step(ctx)
		if err != nil {
			return nil, err
		}
		losses[k] = scalars[0]
	}
	all["expected"] = jepa.Tensor{Shape: []int{steps}, Data: losses}
	return all, os.Remove(file)
}

// walks returns a dataset of 64 training walks of 91 frames, made in folder dir on first use.
func walks(ctx context.Context, dir string, size int, seed uint64) (*data.Dataset, error) {
	if _, err := os.Stat(dir); err == nil {
		return data.Open(dir)
	}
	w, err := data.Create(dir, data.Meta{
		Name: "tworooms", Frame: data.Frame{Height: size, Width: size, Channels: tworooms.Channels},
		Columns: []data.ColumnMeta{{Name: data.ActionColumn, Width: 2}}, Seed: seed,
	})
	if err != nil {
		return nil, err
	}
	defer w.Abort() // after Close it does nothing
	for i := range 64 {
		walk := tworooms.Walks(tworooms.WalkConfig{Frames: 91, Layout: tworooms.LayoutTrain}, seed, i)
		pixels, frame := walk.Render(size), size*size*tworooms.Channels
		action := make([]float32, 2)
		for t := range walk.Points {
			action[0], action[1] = 0, 0
			if t < len(walk.Actions) {
				action[0], action[1] = float32(walk.Actions[t].X), float32(walk.Actions[t].Y)
			}
			if err := w.Append(pixels[t*frame:(t+1)*frame], map[string][]float32{data.ActionColumn: action}); err != nil {
				return nil, err
			}
		}
		if err := errors.Join(w.EndEpisode(), ctx.Err()); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return data.Open(dir)
}
