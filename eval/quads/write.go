package quads

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"foresee/report"
)

// Write writes the quadruplets of env/physics that Score scores with cfg into the new folder dir, in the
// layout that Config.Clips reads, and returns how many there are. Benign clips are not among them. The folder
// appears whole, or not at all when ctx ends or something fails; it must not exist or be empty.
func Write(ctx context.Context, dir string, cfg Config) (n int, err error) {
	if n, err = writeQuads(ctx, dir, cfg); err != nil {
		return 0, fmt.Errorf("quads: write: %w", err)
	}
	return n, nil
}

func writeQuads(ctx context.Context, dir string, cfg Config) (n int, err error) {
	cfg.Clips, cfg.Frame = "", physicsFrame()
	set, err := cfg.quads()
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return 0, err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".tmp-quads-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := os.Chmod(temp, 0o755); err != nil {
		return 0, err
	}
	write := func(i int) error {
		q, err := set.load(i)
		if err != nil {
			return err
		}
		family := set.families[q.family].name
		return q.write(filepath.Join(temp, fmt.Sprintf("%05d-%s", i, family)), family)
	}
	err = ordered(ctx, set.n, write, func(_ int, err error) error {
		if err == nil && cfg.Begun != nil {
			cfg.Begun()
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return set.n, os.Rename(temp, dir)
}

// write makes the quadruplet's folder.
func (q *quad) write(dir, family string) error {
	for c, clip := range q.clips {
		path := filepath.Join(dir, clipNames[c])
		if err := os.MkdirAll(path, 0o777); err != nil {
			return err
		}
		for t := range clip.T {
			text, err := encodePicture(report.FrameImage(q.frame(c, t), clip.H, clip.W, clip.C))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("%04d.png", t)), text, 0o666); err != nil {
				return err
			}
		}
	}
	text, err := json.MarshalIndent(quadJSON{
		Family: family, Splice: &q.splice, Hidden: q.hidden, Again: q.again,
		Clips: &clipsJSON{clipNames[0], clipNames[1], clipNames[2], clipNames[3]},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, quadFile), append(text, '\n'), 0o666)
}

func encodePicture(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	err := enc.Encode(&b, img)
	return b.Bytes(), err
}
