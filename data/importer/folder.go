package importer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // registers the decoder
	_ "image/png"  // registers the decoder
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"foresee/data"
)

// quadFile marks a folder as a quadruplet of clips, two of them impossible, for evaluation alone.
const quadFile = "quad.json"

// openFolder opens a folder of pictures, or a folder of such folders.
func openFolder(dir string, o Options) (data.FrameSource, error) {
	files, folders, err := listClips(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case len(files) > 0 && len(folders) > 0:
		return nil, fmt.Errorf("holds pictures (%s) and folders (%s): want one or the other", filepath.Base(files[0]), filepath.Base(folders[0]))
	case len(files) == 0 && len(folders) == 0:
		return nil, errors.New("holds no PNG or JPEG pictures; give videos by file name")
	}
	clips := [][]string{files}
	if len(files) == 0 {
		clips = nil
	}
	for _, folder := range folders {
		files, below, err := listClips(folder)
		switch {
		case err != nil:
			return nil, fmt.Errorf("folder %s in it %w", filepath.Base(folder), plain(err))
		case len(files) == 0 && len(below) > 0:
			return nil, fmt.Errorf("folder %s in it holds folders (%s): give it as a source of its own", filepath.Base(folder), filepath.Base(below[0]))
		case len(files) == 0:
			return nil, fmt.Errorf("folder %s in it holds no PNG or JPEG pictures", filepath.Base(folder))
		}
		clips = append(clips, files)
	}
	return openClips(clips, o)
}

// openClips reads one episode from each list of pictures. Without a wanted size all have that of the first.
func openClips(clips [][]string, o Options) (data.FrameSource, error) {
	rate := o.FPS
	if rate == 0 {
		rate = PictureFPS
	}
	var size image.Point
	if o.Height == 0 {
		first, err := pictureSize(clips[0][0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", clips[0][0], plain(err))
		}
		size, o.Height, o.Width = first, first.Y, first.X
	}
	var episodes []func() (decoder, error)
	for _, files := range clips {
		episodes = append(episodes, func() (decoder, error) {
			return &pictures{files: files, rate: rate, size: size, first: clips[0][0]}, nil
		})
	}
	return openStill(o, episodes...)
}

// listClips is listFolder for what may be trained on.
func listClips(dir string) (files, folders []string, err error) {
	if _, err := os.Stat(filepath.Join(dir, quadFile)); err == nil {
		return nil, nil, fmt.Errorf("holds a %s: two of its clips are impossible, and none is to be learnt from; foresee eval surprise --clips reads it", quadFile)
	}
	return listFolder(dir)
}

// listFolder returns pictures and folders in natural order, without hidden ones.
func listFolder(dir string) (files, folders []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return natural(a.Name(), b.Name()) })
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		isDir := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				return nil, nil, err
			}
			isDir = info.IsDir()
		}
		switch ext := strings.ToLower(filepath.Ext(path)); {
		case isDir:
			folders = append(folders, path)
		case ext == ".png" || ext == ".jpg" || ext == ".jpeg":
			files = append(files, path)
		}
	}
	return files, folders, nil
}

// natural orders names so that runs of digits count as numbers.
func natural(a, b string) int {
	digits := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			if c := cmp.Compare(x[0], y[0]); c != 0 {
				return c
			}
			x, y = x[1:], y[1:]
			continue
		}
		p, q := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
		if c := cmp.Or(cmp.Compare(len(p), len(q)), cmp.Compare(p, q)); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// pictures is a decoder of picture files, one after the other at a fixed rate.
type pictures struct {
	files []string
	rate  float64
	size  image.Point // that all must have; zero if they are resized
	first string      // the picture that has set it
	count int
}

func (p *pictures) fps() float64 { return p.rate }
func (p *pictures) close() error { return nil }

func (p *pictures) next() (shown, error) {
	if p.count == len(p.files) {
		return shown{}, io.EOF
	}
	path := p.files[p.count]
	img, err := readPicture(path)
	if err != nil {
		return shown{}, fmt.Errorf("%s: %w", path, plain(err))
	}
	if got := img.Bounds().Size(); p.size != (image.Point{}) && got != p.size {
		return shown{}, fmt.Errorf("%s: is %dx%d, but %s is %dx%d: give the size that all shall have", path, got.X, got.Y, p.first, p.size.X, p.size.Y)
	}
	p.count++
	return shown{img, at(p.count-1, p.rate), at(p.count, p.rate)}, nil
}

// readPicture decodes a picture of a size that can be meant.
func readPicture(path string) (image.Image, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if _, err := decodeSize(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a picture: %w", err)
	}
	return img, nil
}

// pictureSize reads the size of a picture alone.
func pictureSize(path string) (image.Point, error) {
	f, err := os.Open(path)
	if err != nil {
		return image.Point{}, err
	}
	defer f.Close()
	return decodeSize(f)
}

func decodeSize(r io.Reader) (image.Point, error) {
	config, _, err := image.DecodeConfig(r)
	if err == nil {
		err = checkSize(config.Width, config.Height)
	}
	if err != nil {
		return image.Point{}, fmt.Errorf("cannot be read as a picture: %w", err)
	}
	return image.Pt(config.Width, config.Height), nil
}
