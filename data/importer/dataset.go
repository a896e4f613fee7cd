package importer

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"foresee/data"
)

// recorded is an ActionSource over a dataset.
type recorded struct {
	d       *data.Dataset
	o       Options
	native  float64 // steps a second of the dataset
	rate    float64
	scale   *planes
	buf     []uint8 // resized, before the channels change
	actions *data.Column

	next    int // episode that Next looks at
	count   int // frames given of it
	given   int // episodes that gave a frame
	episode int
	step    int // of the last frame
}

func openDataset(dir string, o Options) (data.FrameSource, error) {
	d, err := data.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &recorded{d: d, o: o, native: d.Meta().FPS, rate: o.FPS}
	if err := s.init(); err != nil {
		d.Close()
		return nil, err
	}
	return s, nil
}

func (s *recorded) init() error {
	h, w, c := s.d.FrameShape()
	if h == 0 {
		return fmt.Errorf("is a dataset without pixels")
	}
	if s.o.Height == 0 {
		s.o.Height, s.o.Width = h, w
	}
	if s.o.Channels == 0 {
		s.o.Channels = c
	}
	if s.o.Channels != c && !(s.o.Channels == 1 && c == 3) && !(s.o.Channels == 3 && c == 1) {
		return fmt.Errorf("is a dataset of %d channels, %d are wanted", c, s.o.Channels)
	}
	if s.native == 0 {
		s.native = PictureFPS
		if s.rate > 0 {
			s.native = s.rate // no clock: any rate is as good
		}
	}
	if s.rate == 0 {
		s.rate = s.native
	}
	s.actions, _ = s.d.Column(data.ActionColumn)
	if s.actions != nil && s.rate != s.native {
		return fmt.Errorf("is a dataset with actions at %g steps a second: %g would part them from their frames", s.native, s.rate)
	}
	s.scale = newPlanes(h, w, s.o.Height, s.o.Width)
	s.buf = make([]uint8, s.o.Height*s.o.Width*c)
	return nil
}

func (s *recorded) FrameShape() (h, w, c int) { return s.o.Height, s.o.Width, s.o.Channels }
func (s *recorded) FPS() float64              { return s.rate }
func (s *recorded) Episode() int              { return s.episode }
func (s *recorded) Close() error              { return s.d.Close() }

func (s *recorded) Action() []float32 {
	if s.actions == nil {
		return nil
	}
	return s.actions.Row(s.step)
}

func (s *recorded) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	checkFrame(s, dst)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for ; s.next < s.d.Episodes(); s.next, s.count = s.next+1, 0 {
		offset, length := s.d.Episode(s.next)
		t := s.o.From + at(s.count, s.rate)
		index := int(math.Floor((t + time.Microsecond).Seconds() * s.native))
		if index >= length || (s.o.To > 0 && t >= s.o.To) {
			continue
		}
		if s.count == 0 {
			s.episode = s.given
			s.given++
		}
		s.count++
		s.step = offset + index
		s.draw(dst)
		return t, nil
	}
	return 0, io.EOF
}

// draw writes the frame of the step to dst.
func (s *recorded) draw(dst []uint8) {
	_, _, c := s.d.FrameShape()
	if s.o.Channels == c {
		s.scale.scale(dst, s.d.Frame(s.step), c)
		return
	}
	s.scale.scale(s.buf, s.d.Frame(s.step), c)
	if c == 3 {
		for i := range dst {
			dst[i] = luma(s.buf[3*i], s.buf[3*i+1], s.buf[3*i+2])
		}
		return
	}
	for i := range dst {
		dst[i] = s.buf[i/3]
	}
}
