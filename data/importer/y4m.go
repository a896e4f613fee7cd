package importer

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// y4mDecoder reads uncompressed YUV4MPEG2 video with 8 bits a sample.
//
// Source: yuv4mpeg(5) of MJPEG tools: parameters W, H, F, C and the extension
// XCOLORRANGE. Others, interlacing among them, are passed over.
type y4mDecoder struct {
	file    io.Closer
	r       *bufio.Reader
	rate    float64
	img     image.Image
	samples [][]uint8 // planes in file order
	luma    [256]uint8
	chroma  [256]uint8
	count   int
}

func newY4M(path string) (decoder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d, err := parseY4M(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	d.file = f
	return d, nil
}

// parseY4M reads the stream header.
func parseY4M(r io.Reader) (*y4mDecoder, error) {
	d := &y4mDecoder{r: bufio.NewReaderSize(r, 1<<16)}
	line, err := d.line()
	if err != nil {
		return nil, err
	}
	var w, h int
	space, full := "420", false
	for _, field := range strings.Fields(line)[1:] {
		value := field[1:]
		switch {
		case field[0] == 'W':
			w, _ = strconv.Atoi(value)
		case field[0] == 'H':
			h, _ = strconv.Atoi(value)
		case field[0] == 'F':
			num, den, _ := strings.Cut(value, ":")
			n, _ := strconv.ParseFloat(num, 64)
			m, _ := strconv.ParseFloat(den, 64)
			d.rate = n / m
		case field[0] == 'C':
			space = value
		case field == "XCOLORRANGE=FULL":
			full = true
		}
	}
	if err := checkSize(w, h); err != nil {
		return nil, fmt.Errorf("Y4M header: %w", err)
	}
	if !(d.rate > 0) || math.IsInf(d.rate, 0) {
		return nil, errors.New("Y4M header: the frame rate (F) is missing or 0")
	}
	d.ranges(full)
	return d, d.planes(w, h, space)
}

// ranges fills the tables that stretch studio range (16 to 235, 16 to 240) to
// the full one, which package image expects.
func (d *y4mDecoder) ranges(full bool) {
	for i := range 256 {
		y, c := float64(i), float64(i)
		if !full {
			y, c = (y-16)*255/219, (c-128)*255/224+128
		}
		d.luma[i] = uint8(math.Round(min(255, max(0, y))))
		d.chroma[i] = uint8(math.Round(min(255, max(0, c))))
	}
}

// planes makes the picture that every frame is read into.
func (d *y4mDecoder) planes(w, h int, space string) error {
	ratio := image.YCbCrSubsampleRatio420
	switch space {
	case "mono":
		gray := image.NewGray(image.Rect(0, 0, w, h))
		d.img, d.samples = gray, [][]uint8{gray.Pix}
		return nil
	case "420", "420jpeg", "420mpeg2", "420paldv":
	case "422":
		ratio = image.YCbCrSubsampleRatio422
	case "444":
		ratio = image.YCbCrSubsampleRatio444
	default:
		return fmt.Errorf("Y4M colour space %q is not supported, only mono, 420, 422 and 444 with 8 bits", space)
	}
	img := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
	d.img, d.samples = img, [][]uint8{img.Y, img.Cb, img.Cr}
	return nil
}

// line reads a header line; io.EOF only before its first byte.
func (d *y4mDecoder) line() (string, error) {
	line, err := d.r.ReadSlice('\n')
	if err == io.EOF && len(line) == 0 {
		return "", io.EOF
	}
	if err != nil {
		return "", errors.New("a Y4M header line is cut short or too long")
	}
	return string(line[:len(line)-1]), nil
}

func (d *y4mDecoder) fps() float64 { return d.rate }
func (d *y4mDecoder) close() error { return d.file.Close() }

func (d *y4mDecoder) next() (shown, error) {
	line, err := d.line()
	if err != nil {
		return shown{}, err
	}
	if line != "FRAME" && !strings.HasPrefix(line, "FRAME ") {
		return shown{}, fmt.Errorf("frame %d does not start with FRAME", d.count)
	}
	for i, plane := range d.samples {
		if _, err := io.ReadFull(d.r, plane); err != nil {
			return shown{}, fmt.Errorf("truncated in frame %d", d.count)
		}
		table := &d.luma
		if i > 0 {
			table = &d.chroma
		}
		for j, v := range plane {
			plane[j] = table[v]
		}
	}
	d.count++
	return shown{d.img, at(d.count-1, d.rate), at(d.count, d.rate)}, nil
}
