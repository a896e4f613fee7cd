package importer

import (
	"context"
	"fmt"
	"image"
	"io"
	"time"

	"foresee/data"
)

// shown is a picture and the time it is shown, [at, end).
type shown struct {
	img     image.Image // valid until the next picture
	at, end time.Duration
}

// A decoder reads the pictures of one episode in the order of time; io.EOF ends
// them.
type decoder interface {
	next() (shown, error)
	fps() float64
	close() error
}

// still is a FrameSource over decoders: it cuts, meets the wanted rate and
// resizes.
type still struct {
	o        Options
	episodes []func() (decoder, error)
	rate     float64
	scale    *scaler

	dec     decoder
	opened  int // decoders opened so far
	episode int // of the last frame
	given   int // episodes that gave a frame
	frame   shown
	count   int // frames given of this episode
}

func openStill(o Options, episodes ...func() (decoder, error)) (data.FrameSource, error) {
	o, err := o.pictured()
	if err != nil {
		return nil, err
	}
	s := &still{o: o, episodes: episodes, rate: o.FPS, scale: newScaler(o.Height, o.Width, o.Channels)}
	if err := s.advance(); err != nil {
		return nil, err
	}
	if s.rate == 0 {
		s.rate = s.dec.fps()
	}
	return s, nil
}

// advance opens the next episode, io.EOF after the last.
func (s *still) advance() error {
	if err := s.Close(); err != nil {
		return err
	}
	if s.opened == len(s.episodes) {
		return io.EOF
	}
	dec, err := s.episodes[s.opened]()
	if err != nil {
		return err
	}
	s.dec, s.frame, s.count = dec, shown{}, 0
	s.opened++
	return nil
}

func (s *still) FrameShape() (h, w, c int) { return s.o.Height, s.o.Width, s.o.Channels }
func (s *still) FPS() float64              { return s.rate }
func (s *still) Episode() int              { return s.episode }

func (s *still) Close() error {
	if s.dec == nil {
		return nil
	}
	err := s.dec.close()
	s.dec = nil
	return err
}

func (s *still) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	checkFrame(s, dst)
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if s.dec == nil {
			return 0, io.EOF
		}
		t := s.o.From + at(s.count, s.rate)
		err := s.seek(t)
		if err == io.EOF {
			if err = s.advance(); err == nil {
				continue
			}
		}
		if err != nil {
			return 0, err
		}
		s.scale.draw(dst, s.frame.img)
		if s.count == 0 {
			s.episode = s.given
			s.given++
		}
		s.count++
		return t, nil
	}
}

// seek reads on to the picture shown at time t. The microsecond forgives rounding
// of rates such as 30000/1001.
func (s *still) seek(t time.Duration) error {
	if s.o.To > 0 && t >= s.o.To {
		return io.EOF
	}
	for s.frame.img == nil || s.frame.end <= t+time.Microsecond {
		f, err := s.dec.next()
		if err != nil {
			return err
		}
		s.frame = f
	}
	return nil
}

// checkFrame panics if dst is not one frame of the source.
func checkFrame(s data.FrameSource, dst []uint8) {
	if h, w, c := s.FrameShape(); len(dst) != h*w*c {
		panic(fmt.Sprintf("importer: Next: dst of %d bytes, want %dx%dx%d", len(dst), h, w, c))
	}
}
