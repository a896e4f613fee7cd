package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"foresee/data"
)

// A Config says what to import where.
type Config struct {
	Sources   []string // paths, at least one; each begins a new episode
	Out       string   // folder of the dataset
	Overwrite bool     // replace a dataset that is already there
	Generator string   // command line for meta.json
	Options   Options  // FPS = 0 means the rate of the first source, for all
	// Progress, if set, is called after every frame with the frames and episodes
	// begun so far.
	Progress func(frames, episodes int)
}

// A Summary says what was imported.
type Summary struct {
	Meta     data.Meta // Steps and Episodes filled in
	Warnings []string  // what ffmpeg could not read but passed over
}

// Import makes a dataset of videos, GIFs and folders of pictures: pixels alone,
// without actions. It appears complete or not at all. Cancelling ctx ends it and
// every process it started.
func Import(ctx context.Context, c Config) (Summary, error) {
	im := &importing{c: c}
	if len(c.Sources) == 0 {
		return Summary{}, errors.New("importer: nothing to import")
	}
	for _, path := range c.Sources {
		if err := im.add(ctx, path); err != nil {
			if im.w != nil {
				err = errors.Join(err, im.w.Abort())
			}
			return Summary{}, err
		}
	}
	im.sum.Meta.Format = data.FormatVersion
	im.sum.Meta.Steps, im.sum.Meta.Episodes = im.w.Steps(), im.w.Episodes()
	return im.sum, im.w.Close()
}

// importing is an import under way.
type importing struct {
	c     Config
	w     *data.Writer // made when the first source is open
	frame []uint8
	sum   Summary
}

// add appends all episodes of one source.
func (im *importing) add(ctx context.Context, path string) error {
	src, err := Open(ctx, path, im.c.Options)
	if err != nil {
		return err
	}
	defer src.Close()
	if _, ok := src.(*recorded); ok {
		return fmt.Errorf("importer: %s: is a dataset already", path)
	}
	if im.w == nil {
		if err := im.start(src); err != nil {
			return err
		}
	}
	if h, w, c := src.FrameShape(); h*w*c != len(im.frame) || h != im.sum.Meta.Frame.Height {
		f := im.sum.Meta.Frame
		return fmt.Errorf("importer: %s: frames are %dx%d, those of %s %dx%d: give the size that all shall have", path, w, h, im.c.Sources[0], f.Width, f.Height)
	}
	before := im.w.Steps()
	if err := im.copy(ctx, src); err != nil {
		return fmt.Errorf("importer: %s: %w", path, err)
	}
	if im.w.Steps() == before {
		return fmt.Errorf("importer: %s: holds no frame %s", path, im.c.Options.span())
	}
	if v, ok := src.(*video); ok && v.Warning() != "" {
		im.sum.Warnings = append(im.sum.Warnings, path+": "+v.Warning())
	}
	return im.w.EndEpisode()
}

// span says in words which time was asked for.
func (o Options) span() string {
	if o.To > 0 {
		return fmt.Sprintf("from %v to %v", o.From, o.To)
	}
	return fmt.Sprintf("from %v on", o.From)
}

// start creates the dataset in the shape of its first source.
func (im *importing) start(src data.FrameSource) error {
	h, w, c := src.FrameShape()
	im.c.Options.FPS = src.FPS()
	im.frame = make([]uint8, h*w*c)
	im.sum.Meta = data.Meta{
		Name:      filepath.Base(im.c.Out),
		Frame:     data.Frame{Height: h, Width: w, Channels: c},
		FPS:       src.FPS(),
		Source:    strings.Join(im.c.Sources, " "),
		Generator: im.c.Generator,
	}
	create := data.Create
	if im.c.Overwrite {
		create = data.Replace
	}
	writer, err := create(im.c.Out, im.sum.Meta)
	im.w = writer
	return err
}

// copy appends the frames of a source; the last episode stays open.
func (im *importing) copy(ctx context.Context, src data.FrameSource) error {
	episode := 0
	for {
		_, err := src.Next(ctx, im.frame)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if src.Episode() != episode {
			if err := im.w.EndEpisode(); err != nil {
				return err
			}
			episode = src.Episode()
		}
		if err := im.w.Append(im.frame, nil); err != nil {
			return err
		}
		if im.c.Progress != nil {
			im.c.Progress(im.w.Steps(), im.w.Episodes()+1)
		}
	}
}
