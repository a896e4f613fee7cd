package evidence

import (
	"image"
	"image/color"
	"image/gif"
	"io"

	"golang.org/x/image/draw"

	"foresee/jepa"
	"foresee/report"
)

// picture draws a frame of shape f in the given size.
func picture(pixels []uint8, f jepa.FrameConfig, size image.Point) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.CatmullRom.Scale(out, out.Rect, report.FrameImage(pixels, f.Height, f.Width, f.Channels), image.Rect(0, 0, f.Width, f.Height), draw.Src, nil)
	return out
}

// step is one colour of the scale of p-values.
type step struct {
	below float64 // p
	ink   color.NRGBA
}

// scale is the fixed scale of the heat map; a p-value of the first bound or more
// has no colour.
func scale() []step {
	return []step{
		{1e-2, color.NRGBA{255, 221, 87, 90}},
		{1e-3, color.NRGBA{255, 160, 0, 130}},
		{1e-4, color.NRGBA{230, 30, 30, 150}},
		{1e-6, color.NRGBA{200, 0, 160, 180}},
	}
}

// ScaleText says what the colours of a heat map mean.
const ScaleText = "no colour: p >= 0.01; yellow: p < 0.01; orange: p < 0.001; red: p < 1e-4; magenta: p < 1e-6"

// inkOf returns the colour of a p-value, without any where it is ordinary.
func inkOf(p float64) color.NRGBA {
	var ink color.NRGBA
	for _, s := range scale() {
		if p < s.below {
			ink = s.ink
		}
	}
	return ink
}

// heat lays the p-values [rows, cols] over a picture, in place.
func heat(img *image.RGBA, p []float64, rows, cols int) {
	for i, v := range p {
		if ink := inkOf(v); ink.A > 0 {
			draw.Draw(img, cellRect(img.Rect, i/cols, i%cols, rows, cols), image.NewUniform(ink), image.Point{}, draw.Over)
		}
	}
}

// cellRect returns the part of a picture that is a cell.
func cellRect(r image.Rectangle, row, col, rows, cols int) image.Rectangle {
	return image.Rect(r.Dx()*col/cols, r.Dy()*row/rows, r.Dx()*(col+1)/cols, r.Dy()*(row+1)/rows)
}

// box draws the outline of a rectangle.
func box(img *image.RGBA, r image.Rectangle, ink color.Color, width int) {
	r = r.Intersect(img.Rect)
	fill := func(x0, y0, x1, y1 int) {
		draw.Draw(img, image.Rect(x0, y0, x1, y1).Intersect(img.Rect), image.NewUniform(ink), image.Point{}, draw.Src)
	}
	fill(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width)
	fill(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y)
	fill(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y)
	fill(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y)
}

// Levels of red, green and blue in the palette of animations.
const reds, greens, blues = 6, 7, 6

// palette has evenly spread colours.
func palette() color.Palette {
	p := make(color.Palette, 0, reds*greens*blues)
	for r := range reds {
		for g := range greens {
			for b := range blues {
				p = append(p, color.RGBA{uint8(r * 255 / (reds - 1)), uint8(g * 255 / (greens - 1)), uint8(b * 255 / (blues - 1)), 255})
			}
		}
	}
	return p
}

// bayer spreads the rounding of colours, so that few levels look like many.
var bayer = [4][4]int{{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}}

// paletted puts a picture into the palette with ordered dither.
func paletted(img *image.RGBA, p color.Palette) *image.Paletted {
	out := image.NewPaletted(img.Rect, p)
	level := func(v uint8, levels, threshold int) int { // threshold in [0, 16)
		return (int(v)*(levels-1)*16/255 + threshold) / 16
	}
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			q := img.Pix[y*img.Stride+4*x:]
			t := bayer[y%4][x%4]
			at := (level(q[0], reds, t)*greens+level(q[1], greens, t))*blues + level(q[2], blues, t)
			out.Pix[y*out.Stride+x] = uint8(at)
		}
	}
	return out
}

// animate writes pictures as a GIF at a rate.
func animate(w io.Writer, frames []*image.RGBA, fps float64) error {
	p := palette()
	g := gif.GIF{}
	shown := 0 // hundredths of a second
	for i, f := range frames {
		until := int(100 * float64(i+1) / fps)
		g.Image, g.Delay = append(g.Image, paletted(f, p)), append(g.Delay, max(2, until-shown))
		shown = until
	}
	return gif.EncodeAll(w, &g)
}
