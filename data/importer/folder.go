package importer

import (
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

// openFolder opens a folder of pictures, or a folder of such folders.
func openFolder(dir string, o Options) (data.FrameSource, error) {
	rate := o.FPS
	if rate == 0 {
		rate = PictureFPS
	}
	files, folders, err := listFolder(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case len(files) > 0 && len(folders) > 0:
		return nil, fmt.Errorf("holds pictures (%s) and folders (%s): want one or the other", filepath.Base(files[0]), filepath.Base(folders[0]))
	case len(files) == 0 && len(folders) == 0:
		return nil, errors.New("holds no PNG or JPEG pictures; give videos by file name")
	case len(files) > 0:
		return openStill(o, func() (decoder, error) { return &pictures{files: files, rate: rate}, nil })
	}
	var episodes []func() (decoder, error)
	for _, folder := range folders {
		files, _, err := listFolder(folder)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("folder %s in it holds no PNG or JPEG pictures", filepath.Base(folder))
		}
		episodes = append(episodes, func() (decoder, error) { return &pictures{files: files, rate: rate}, nil })
	}
	return openStill(o, episodes...)
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
		info, err := os.Stat(path) // follows links
		if err != nil {
			return nil, nil, err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".png", ".jpg", ".jpeg":
			if !info.IsDir() {
				files = append(files, path)
				continue
			}
		}
		if info.IsDir() {
			folders = append(folders, path)
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
	p.count++
	return shown{img, at(p.count-1, p.rate), at(p.count, p.rate)}, nil
}

func readPicture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	config, _, err := image.DecodeConfig(f)
	if err == nil {
		err = checkSize(config.Width, config.Height)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a picture: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a picture: %w", err)
	}
	return img, nil
}
