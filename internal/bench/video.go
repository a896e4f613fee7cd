package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"foresee/data/importer"
	"foresee/jepa"
	"foresee/report"
	"foresee/train"
	"foresee/watch"
)

// The film that is watched, and the frames the model sees of it.
const (
	filmFrames = 750
	filmRate   = 25
	filmSide   = 96
)

// Video measures how many frames a second of a 640x480 H.264 file a watch gets
// through end to end, ffmpeg's decoding and scaling, encoding, prediction and
// surprise by cell, with the preset video untrained on 96x96 gray frames. The peer
// is ffmpeg that decodes the same file and throws the frames away, runs in turn.
// Every frame must have come.
//
// Rows: watch/video/frames_per_second, watch/video/decode/frames_per_second and
// watch/video/decode/ratio, ours over ffmpeg's. It needs ffmpeg.
func Video(ctx context.Context, cfg Config) (rows []report.Row, err error) {
	if cfg.Runs == 0 {
		cfg.Runs = minRuns
	}
	if _, err := enoughRuns(cfg.Runs); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return nil, importer.ErrNoFFmpeg
	}
	dir, err := os.MkdirTemp("", "foresee-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "film.mp4")
	if err := shoot(ctx, path); err != nil {
		return nil, fmt.Errorf("bench: film: %w", err)
	}
	backend, err := jepa.OpenBackend(cfg.Backend)
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	m, err := train.Untrained(backend, train.Video(jepa.FrameConfig{Height: filmSide, Width: filmSide, Channels: 1, FPS: filmRate}).Model, cfg.Seed)
	if err != nil {
		return nil, err
	}
	ours, peer := sample{}, sample{}
	watched := func() error { return watchFilm(ctx, m, path) }
	decoded := func() error { return ffmpeg(ctx, "-i", path, "-f", "null", "-") }
	for done := 0; done < cfg.Runs; done += blockRuns {
		n := min(blockRuns, cfg.Runs-done)
		if err := errors.Join(peer.block(ctx, n, decoded), ours.block(ctx, n, watched)); err != nil {
			return nil, fmt.Errorf("bench: video: %w", err)
		}
	}
	own := ours.rate("watch/video/frames_per_second", "frames/s", filmFrames, "640x480 H.264, testsrc2 with noise; preset video on 96x96 gray, all but the file's making")
	other := peer.rate("watch/video/decode/frames_per_second", "frames/s", filmFrames, "ffmpeg decoding the same file, frames thrown away")
	return []report.Row{own, other, {Name: "watch/video/decode/ratio", Value: own.Value / other.Value, Unit: "1", N: len(ours), Note: "ours / ffmpeg's, runs in turn"}}, nil
}

// shoot makes the film: moving shapes and the noise of a camera.
func shoot(ctx context.Context, path string) error {
	return ffmpeg(ctx, "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=640x480:rate=%d", filmRate), "-vf", "noise=alls=6:allf=t",
		"-frames:v", fmt.Sprint(filmFrames), "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p", path)
}

func ffmpeg(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// watchFilm watches the film once, as foresee watch does.
func watchFilm(ctx context.Context, m *jepa.Model, path string) error {
	f := m.Config().Frame
	src, err := importer.OpenStream(ctx, path, importer.Options{Height: f.Height, Width: f.Width, Channels: f.Channels, FPS: f.FPS}, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	w, err := watch.New(m, watch.Config{})
	if err != nil {
		return err
	}
	scored := 0
	if err := w.Run(ctx, src, func(r watch.Record) error {
		if r.Surprise != nil {
			scored++
		}
		return nil
	}); err != nil {
		return err
	}
	if want := filmFrames - m.Config().Context(); scored != want {
		return fmt.Errorf("%d frames scored, want %d", scored, want)
	}
	return nil
}
