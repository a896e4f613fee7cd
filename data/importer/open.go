package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"foresee/data"
)

// PictureFPS is the rate taken for what carries no clock: pictures in folders,
// and datasets with a rate of 0.
const PictureFPS = 10

// DefaultSize is the height and width of the frames of videos if none is asked for.
const DefaultSize = 64

// maxSide and maxPixels bound pictures, so that a forged header cannot ask for
// all memory.
const (
	maxSide   = 1 << 14
	maxPixels = 1 << 27
)

// Options say which frames are wanted.
type Options struct {
	// Height and Width of the frames; 0 means DefaultSize, for a dataset its own, and
	// for pictures in folders theirs, which all must have then.
	Height, Width int
	// Channels: 3 is RGB and 1 gray; 0 means 3, for a dataset its own. A dataset
	// with other channels gives them only as they are.
	Channels int
	// FPS is the wanted rate: frames are dropped or repeated to meet it. 0 means
	// that of the source. For pictures in folders it is the rate they were taken
	// at, and 0 means PictureFPS.
	FPS float64
	// From and To cut every episode: a frame at time t is kept if From <= t < To.
	// To = 0 means the end.
	From, To time.Duration
}

func (o Options) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if min(o.Height, o.Width) < 0 || max(o.Height, o.Width) > maxSide || (o.Height == 0) != (o.Width == 0) {
		fault("size %dx%d: want both in [1, %d], or both 0 for the default", o.Height, o.Width, maxSide)
	}
	if o.Channels < 0 {
		fault("%d channels: want 1, 3, or 0 for the default", o.Channels)
	}
	if !(o.FPS >= 0) || o.FPS > 1e6 {
		fault("fps %v: want a number in [0, 1e6]", o.FPS)
	}
	if o.From < 0 || o.To < 0 || (o.To > 0 && o.To <= o.From) {
		fault("from %v to %v: want 0 <= from < to", o.From, o.To)
	}
	return errors.Join(errs...)
}

// pictured fills in the defaults of everything but datasets.
func (o Options) pictured() (Options, error) {
	if o.Height == 0 {
		o.Height, o.Width = DefaultSize, DefaultSize
	}
	if o.Channels == 0 {
		o.Channels = 3
	}
	if o.Channels != 1 && o.Channels != 3 {
		return o, fmt.Errorf("has colour frames, %d channels are not to be had: only 3 (RGB) and 1 (gray)", o.Channels)
	}
	return o, nil
}

// at returns the time of frame n at a rate.
func at(n int, fps float64) time.Duration {
	return time.Duration(math.Round(float64(n) * float64(time.Second) / fps))
}

// Open opens a video, GIF, Y4M, folder or dataset for reading frame by frame.
// ctx bounds the opening alone. An error names the path and the cause.
func Open(ctx context.Context, path string, o Options) (data.FrameSource, error) {
	err := o.validate()
	var src data.FrameSource
	if err == nil {
		src, err = open(ctx, path, o)
	}
	if err != nil {
		return nil, fmt.Errorf("importer: %s: %w", path, plain(err))
	}
	return src, nil
}

func open(ctx context.Context, path string, o Options) (data.FrameSource, error) {
	if isURL(path) {
		return openVideo(ctx, path, o)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, "meta.json")); err == nil {
			return openDataset(path, o)
		}
		return openFolder(path, o)
	}
	head, err := readHead(path)
	if err != nil {
		return nil, err
	}
	switch {
	case magic(head, "GIF87a", "GIF89a"):
		return openStill(o, func() (decoder, error) { return newGIF(path) })
	case magic(head, "YUV4MPEG2 "):
		return openStill(o, func() (decoder, error) { return newY4M(path) })
	case magic(head, pngMagic, jpegMagic):
		return nil, errors.New("is a single picture: give the folder of a sequence of pictures")
	}
	return openVideo(ctx, path, o)
}

// isVideoFile reports whether Open would leave the file to ffmpeg.
func isVideoFile(path string) bool {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return false
	}
	head, err := readHead(path)
	return err == nil && !magic(head, "GIF87a", "GIF89a", "YUV4MPEG2 ", pngMagic, jpegMagic)
}

// First bytes of files that are read without ffmpeg.
const (
	pngMagic  = "\x89PNG"
	jpegMagic = "\xff\xd8\xff"
)

// magic reports whether a file begins with one of the words.
func magic(head []byte, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return bytes.HasPrefix(head, []byte(w)) })
}

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if n == 0 && err == io.EOF {
		return nil, errors.New("is empty")
	}
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], err
}

// plain drops operation and path of an error of package os, as ours names both.
func plain(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) && error(pathErr) == err {
		return pathErr.Err
	}
	return err
}
