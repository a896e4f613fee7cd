package data

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// A SheetConfig shapes a contact sheet. Zero values mean 8 rows, 10 frames a row
// and cells of at least 96 pixels.
type SheetConfig struct {
	Rows   int // rows: episodes evenly spread over the dataset; few episodes get several rows each
	Frames int // columns: frames evenly spread over each episode
	Cell   int // least height and width of a frame on the sheet, enlarged by a whole factor
}

// Layout of a sheet, in pixels.
const (
	sheetGap   = 3
	sheetLabel = 14 // a line of text over every row
)

// WriteSheet writes a PNG with frames of several episodes, row by row, labelled
// with the episode and the step of each frame in it. Gray and RGB frames are shown as
// they are; of 2 channels the first is amber and the second blue; of more than 3
// the first 3 are shown as RGB. It is an error if the dataset has no pixels.
func WriteSheet(w io.Writer, d *Dataset, cfg SheetConfig) error {
	fh, fw, _ := d.FrameShape()
	if fh == 0 {
		return fmt.Errorf("data: sheet of %s: %w", d.dir, errors.New("the dataset has no pixels"))
	}
	for value, fallback := range map[*int]int{&cfg.Rows: 8, &cfg.Frames: 10, &cfg.Cell: 96} {
		if *value <= 0 {
			*value = fallback
		}
	}
	strips, cols := d.strips(cfg)
	zoom := max(1, (cfg.Cell+min(fh, fw)-1)/min(fh, fw))
	// A cell is wide enough for its label: "step 12345" in a font of 7 pixels.
	cellW, cellH := max(fw*zoom, 7*10)+sheetGap, fh*zoom+sheetGap+sheetLabel
	const margin = 7 * 11 // "ep 1234567"
	sheet := image.NewRGBA(image.Rect(0, 0, margin+cols*cellW+sheetGap, len(strips)*cellH+sheetGap))
	draw.Draw(sheet, sheet.Rect, image.NewUniform(color.Gray{32}), image.Point{}, draw.Src)
	cell := image.NewRGBA(image.Rect(0, 0, fw, fh))
	for r, strip := range strips {
		offset, _ := d.Episode(strip.episode)
		y := sheetGap + r*cellH
		label(sheet, sheetGap, y, fmt.Sprintf("ep %d", strip.episode))
		for i, step := range strip.steps {
			x := margin + i*cellW
			label(sheet, x, y, fmt.Sprintf("step %d", step))
			paint(cell, d.Frame(offset+step), d.meta.Frame.Channels)
			to := image.Rect(x, y+sheetLabel, x+fw*zoom, y+sheetLabel+fh*zoom)
			draw.NearestNeighbor.Scale(sheet, to, cell, cell.Rect, draw.Src, nil)
		}
	}
	if err := png.Encode(w, sheet); err != nil {
		return fmt.Errorf("data: sheet of %s: %w", d.dir, err)
	}
	return nil
}

// strip is one row of a sheet.
type strip struct {
	episode int
	steps   []int // within the episode
}

// strips chooses what a sheet shows, and returns the length of its longest row.
func (d *Dataset) strips(cfg SheetConfig) (strips []strip, longest int) {
	episodes := min(cfg.Rows, d.Episodes())
	for e := range episodes {
		episode := spread(e, episodes, d.Episodes())
		_, length := d.Episode(episode)
		var steps []int
		sample(length, cfg.Frames*(cfg.Rows/episodes), func(step int) { steps = append(steps, step) })
		for row := range slices.Chunk(steps, cfg.Frames) {
			strips = append(strips, strip{episode, row})
			longest = max(longest, len(row))
		}
	}
	return strips, longest
}

// label writes a line whose top left corner is (x, y).
func label(dst *image.RGBA, x, y int, text string) {
	drawer := font.Drawer{Dst: dst, Src: image.NewUniform(color.Gray{200}), Face: basicfont.Face7x13, Dot: fixed.P(x, y+11)}
	drawer.DrawString(text)
}

// paint writes a frame, [H, W, c], to a picture of its size.
func paint(dst *image.RGBA, frame []uint8, c int) {
	for i := range len(frame) / c {
		p, q := frame[i*c:(i+1)*c], dst.Pix[4*i:4*i+4]
		switch c {
		case 1:
			q[0], q[1], q[2] = p[0], p[0], p[0]
		case 2: // amber (255, 176, 0) and blue (64, 112, 255), added
			a, b := int(p[0]), int(p[1])
			q[0] = uint8(min(255, a+b*64/255))
			q[1] = uint8(min(255, a*176/255+b*112/255))
			q[2] = uint8(b)
		default:
			q[0], q[1], q[2] = p[0], p[1], p[2]
		}
		q[3] = 255
	}
}
