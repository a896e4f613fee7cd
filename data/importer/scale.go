package importer

import (
	"fmt"
	"image"

	"golang.org/x/image/draw"
)

// scaler draws pictures of any size into frames of one shape.
type scaler struct {
	h, w, c int
	canvas  *image.RGBA
	from    image.Point // size that resize was made for
	resize  draw.Scaler
}

func newScaler(h, w, c int) *scaler {
	return &scaler{h: h, w: w, c: c, canvas: image.NewRGBA(image.Rect(0, 0, w, h))}
}

// kernel returns what resizes by area when shrinking, bicubic when not.
func kernel(dw, dh, sw, sh int) draw.Scaler {
	if dw*dh < sw*sh {
		return draw.BiLinear.NewScaler(dw, dh, sw, sh)
	}
	return draw.CatmullRom.NewScaler(dw, dh, sw, sh)
}

// draw writes img to dst, [h, w, c], c = 1 or 3.
func (s *scaler) draw(dst []uint8, img image.Image) {
	b := img.Bounds()
	if b.Dx() == s.w && b.Dy() == s.h {
		draw.Draw(s.canvas, s.canvas.Rect, img, b.Min, draw.Src)
	} else {
		if s.from != b.Size() {
			s.from, s.resize = b.Size(), kernel(s.w, s.h, b.Dx(), b.Dy())
		}
		s.resize.Scale(s.canvas, s.canvas.Rect, img, b, draw.Src, nil)
	}
	for i := range s.h * s.w {
		p := s.canvas.Pix[4*i : 4*i+3 : 4*i+3]
		if s.c == 1 {
			dst[i] = luma(p[0], p[1], p[2])
		} else {
			copy(dst[3*i:3*i+3], p)
		}
	}
}

// luma returns 0.299 R + 0.587 G + 0.114 B, rounded (ITU-R BT.601).
func luma(r, g, b uint8) uint8 {
	return uint8((299*uint32(r) + 587*uint32(g) + 114*uint32(b) + 500) / 1000)
}

// planes resizes frames with any number of channels, channel by channel.
type planes struct {
	src, dst *image.Gray
	resize   draw.Scaler
}

func newPlanes(sh, sw, dh, dw int) *planes {
	p := &planes{src: image.NewGray(image.Rect(0, 0, sw, sh)), dst: image.NewGray(image.Rect(0, 0, dw, dh))}
	if sh != dh || sw != dw {
		p.resize = kernel(dw, dh, sw, sh)
	}
	return p
}

// scale writes src, [sh, sw, c], to dst, [dh, dw, c].
func (p *planes) scale(dst, src []uint8, c int) {
	if p.resize == nil {
		copy(dst, src)
		return
	}
	for k := range c {
		for i := range p.src.Pix {
			p.src.Pix[i] = src[i*c+k]
		}
		p.resize.Scale(p.dst, p.dst.Rect, p.src, p.src.Rect, draw.Src, nil)
		for i, v := range p.dst.Pix {
			dst[i*c+k] = v
		}
	}
}

// checkSize refuses pictures too large to be meant.
func checkSize(w, h int) error {
	if w < 1 || h < 1 || w > maxSide || h > maxSide || w*h > maxPixels {
		return fmt.Errorf("picture of %dx%d: want sides in [1, %d] and at most %d pixels", w, h, maxSide, maxPixels)
	}
	return nil
}
