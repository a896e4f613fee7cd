package importer

import (
	"errors"
	"fmt"
	"image"
	"image/gif"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/image/draw"
)

// gifDecoder composes the frames of a GIF onto its canvas.
//
// Source: GIF89a specification, section 23 (disposal methods). Delays of 0 and
// 10 ms are shown as 100 ms, as browsers do.
type gifDecoder struct {
	g      *gif.GIF
	canvas *image.RGBA
	saved  []uint8 // canvas to return to, for DisposalPrevious
	count  int
	clock  time.Duration
}

func newGIF(path string) (decoder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	config, err := gif.DecodeConfig(f)
	if err == nil {
		err = checkSize(config.Width, config.Height)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a GIF: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	g, err := gif.DecodeAll(f)
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a GIF: %w", err)
	}
	if len(g.Image) == 0 {
		return nil, errors.New("is a GIF without frames")
	}
	return &gifDecoder{g: g, canvas: image.NewRGBA(image.Rect(0, 0, config.Width, config.Height))}, nil
}

// delay returns how long frame i is shown.
func (d *gifDecoder) delay(i int) time.Duration {
	if n := d.g.Delay[i]; n > 1 {
		return time.Duration(n) * 10 * time.Millisecond
	}
	return 100 * time.Millisecond
}

// fps returns the rate of the shortest delay, so that no frame is lost.
func (d *gifDecoder) fps() float64 {
	shortest := d.delay(0)
	for i := range d.g.Image {
		shortest = min(shortest, d.delay(i))
	}
	return float64(time.Second) / float64(shortest)
}

func (d *gifDecoder) close() error { return nil }

func (d *gifDecoder) next() (shown, error) {
	i := d.count
	if i == len(d.g.Image) {
		return shown{}, io.EOF
	}
	if i > 0 {
		d.dispose(i - 1)
	}
	if d.g.Disposal[i] == gif.DisposalPrevious {
		d.saved = append(d.saved[:0], d.canvas.Pix...)
	}
	img := d.g.Image[i]
	draw.Draw(d.canvas, img.Rect, img, img.Rect.Min, draw.Over)
	start := d.clock
	d.clock += d.delay(i)
	d.count++
	return shown{d.canvas, start, d.clock}, nil
}

// dispose does to the canvas what frame i asks for after it was shown.
func (d *gifDecoder) dispose(i int) {
	switch d.g.Disposal[i] {
	case gif.DisposalBackground:
		draw.Draw(d.canvas, d.g.Image[i].Rect, image.Transparent, image.Point{}, draw.Src)
	case gif.DisposalPrevious:
		d.canvas.Pix = slices.Clone(d.saved)
	}
}
