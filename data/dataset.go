package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"unsafe"
)

// ErrNotDataset is wrapped by the error of [Open] when the folder has no
// meta.json.
var ErrNotDataset = errors.New("not a dataset: no " + metaFile)

// A Dataset is an open dataset folder. All methods but Close are safe for
// concurrent use. What they return are views into read-only memory: they must
// not be written to, nor used after Close. The files must not shrink while open.
type Dataset struct {
	dir     string
	meta    Meta
	pixels  []uint8
	columns []*Column
	lengths []int
	offsets []int
	unmap   []func() error
}

// A Column is one float32 column of a dataset, [S, Width].
type Column struct {
	meta   ColumnMeta
	values []float32
}

// Open maps the dataset in folder dir into memory and checks it: header, type,
// shape and length of every file, and that the episodes tile the steps. An error
// names the folder, the file and the cause.
func Open(dir string) (*Dataset, error) {
	d := &Dataset{dir: dir}
	if err := d.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("data: open %s: %w", dir, err), d.Close())
	}
	return d, nil
}

func (d *Dataset) open() error {
	if err := d.readMeta(); err != nil {
		return err
	}
	if d.meta.Frame != (Frame{}) {
		f := d.meta.Frame
		b, err := d.mapColumn(colPixels, npyHeader{descr: descrUint8, shape: []int{d.meta.Steps, f.Height, f.Width, f.Channels}})
		if err != nil {
			return err
		}
		d.pixels = b
	}
	for _, c := range d.meta.Columns {
		b, err := d.mapColumn(c.Name, npyHeader{descr: descrFloat32, shape: []int{d.meta.Steps, c.Width}})
		if err != nil {
			return err
		}
		d.columns = append(d.columns, &Column{meta: c, values: floats(b)})
	}
	return d.readEpisodes()
}

func (d *Dataset) readMeta() error {
	f, err := os.Open(filepath.Join(d.dir, metaFile))
	if errors.Is(err, os.ErrNotExist) {
		if _, dirErr := os.Stat(d.dir); dirErr != nil {
			return dirErr
		}
		return ErrNotDataset
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMeta))
	if err != nil {
		return err
	}
	if d.meta, err = DecodeMeta(text); err != nil {
		return fmt.Errorf("%s: %w", metaFile, err)
	}
	return nil
}

// readEpisodes reads ep_len and ep_offset and checks that they tile the steps.
func (d *Dataset) readEpisodes() error {
	want := npyHeader{descr: descrInt64, shape: []int{d.meta.Episodes}}
	lengths, err := d.mapColumn(colEpLen, want)
	if err != nil {
		return err
	}
	offsets, err := d.mapColumn(colEpOffset, want)
	if err != nil {
		return err
	}
	at := 0
	for i := range d.meta.Episodes {
		length := int64(binary.LittleEndian.Uint64(lengths[8*i:]))
		offset := int64(binary.LittleEndian.Uint64(offsets[8*i:]))
		if length < 1 || length > int64(d.meta.Steps-at) {
			return fmt.Errorf("%s.npy: episode %d has %d steps, but steps %d to %d are left", colEpLen, i, length, at, d.meta.Steps)
		}
		if offset != int64(at) {
			return fmt.Errorf("%s.npy: episode %d starts at step %d, but the one before ends at %d", colEpOffset, i, offset, at)
		}
		d.lengths = append(d.lengths, int(length))
		d.offsets = append(d.offsets, at)
		at += int(length)
	}
	if at != d.meta.Steps {
		return fmt.Errorf("%s.npy: the episodes hold %d steps, %s says %d", colEpLen, at, metaFile, d.meta.Steps)
	}
	return nil
}

// mapColumn maps the data of one .npy file, whose header must be as wanted.
func (d *Dataset) mapColumn(name string, want npyHeader) ([]byte, error) {
	b, unmap, err := mapNpy(filepath.Join(d.dir, name+".npy"), want)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("column %q is missing: no file %s.npy", name, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s.npy: %w", name, err)
	}
	d.unmap = append(d.unmap, unmap)
	return b, nil
}

func mapNpy(path string, want npyHeader) ([]byte, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	h, err := readNpyHeader(f)
	if err != nil {
		return nil, nil, err
	}
	if h.descr != want.descr {
		return nil, nil, fmt.Errorf("element type is %q, want %q", h.descr, want.descr)
	}
	if !slices.Equal(h.shape, want.shape) {
		return nil, nil, fmt.Errorf("shape is %v, but %s says %v", h.shape, metaFile, want.shape)
	}
	n, err := h.dataBytes()
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	got := info.Size() - int64(h.size)
	if got < int64(n) {
		return nil, nil, fmt.Errorf("truncated: the header promises %d bytes of data, the file holds %d", n, got)
	}
	if got > int64(n) {
		return nil, nil, fmt.Errorf("%d bytes more than the header promises", got-int64(n))
	}
	if n > math.MaxInt-h.size {
		return nil, nil, errors.New("too large for this machine")
	}
	b, unmap, err := mapFile(f, h.size+n)
	if err != nil {
		return nil, nil, err
	}
	return b[h.size:], unmap, nil
}

// floats views little-endian bytes as float32, copying only where the machine
// cannot read them in place.
func floats(b []byte) []float32 {
	n := len(b) / 4
	if n == 0 {
		return nil
	}
	probe := uint16(1)
	little := *(*byte)(unsafe.Pointer(&probe)) == 1
	if little && uintptr(unsafe.Pointer(&b[0]))%4 == 0 {
		return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), n)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// Close releases the memory. Every view handed out before becomes invalid.
func (d *Dataset) Close() error {
	var errs []error
	for _, unmap := range d.unmap {
		errs = append(errs, unmap())
	}
	d.unmap, d.pixels, d.columns = nil, nil, nil
	return errors.Join(errs...)
}

// Dir returns the folder that Open was given.
func (d *Dataset) Dir() string { return d.dir }

// Meta returns what meta.json says; its Columns are a copy.
func (d *Dataset) Meta() Meta {
	m := d.meta
	m.Columns = slices.Clone(m.Columns)
	return m
}

// Steps returns S, the steps of all episodes together.
func (d *Dataset) Steps() int { return d.meta.Steps }

// Episodes returns E, at least 1.
func (d *Dataset) Episodes() int { return d.meta.Episodes }

// Episode returns the first step and the number of steps (at least 1) of
// episode i. It panics if there is no such episode.
func (d *Dataset) Episode(i int) (offset, length int) {
	if i < 0 || i >= len(d.lengths) {
		panic(fmt.Sprintf("data: episode %d of %d", i, len(d.lengths)))
	}
	return d.offsets[i], d.lengths[i]
}

// EpisodeOf returns the episode that holds a global step. It panics if there is
// no such step.
func (d *Dataset) EpisodeOf(step int) int {
	d.checkStep(step)
	i, found := slices.BinarySearch(d.offsets, step)
	if !found {
		i--
	}
	return i
}

// FrameShape returns height, width and channels of the frames; all 0 if the
// dataset has no pixels.
func (d *Dataset) FrameShape() (h, w, c int) {
	f := d.meta.Frame
	return f.Height, f.Width, f.Channels
}

// Frame returns the picture of a global step, [H, W, C], as a view. It is empty
// if the dataset has no pixels. It panics if there is no such step.
func (d *Dataset) Frame(step int) []uint8 { return d.FrameRange(step, 1) }

// FrameRange returns n consecutive pictures from a global step on, [n, H, W, C],
// as a view. It panics if there are no such steps.
func (d *Dataset) FrameRange(step, n int) []uint8 {
	d.checkStep(step)
	d.checkStep(step + n - 1)
	size := d.meta.Frame.Size()
	return d.pixels[step*size : (step+n)*size : (step+n)*size]
}

// Expect says that the pictures of these global steps are read soon, in any order, so that a disk reads them, and them
// alone, meanwhile: each that is touched unexpected may bring megabytes of its neighbours along, which is right for those
// who read on and takes minutes where some thousand are spread over more than fits in memory. It is advice: where the
// system does not take it, pictures are read when they are touched. It panics if there is no such step.
func (d *Dataset) Expect(steps ...int) {
	for _, step := range steps {
		_ = willNeed(d.Frame(step)) // advice: without it a picture is read when it is touched
	}
}

func (d *Dataset) checkStep(step int) {
	if step < 0 || step >= d.meta.Steps {
		panic(fmt.Sprintf("data: step %d of %d", step, d.meta.Steps))
	}
}

// Column returns a column that a model may learn from; false if there is none
// of this name, or if it is privileged.
func (d *Dataset) Column(name string) (*Column, bool) { return d.column(name, false) }

// Privileged returns a column that holds the truth behind the pixels, for
// probes and evaluation alone; false if there is none of this name, or if it is
// not privileged.
func (d *Dataset) Privileged(name string) (*Column, bool) { return d.column(name, true) }

func (d *Dataset) column(name string, privileged bool) (*Column, bool) {
	for _, c := range d.columns {
		if c.meta.Name == name && c.meta.Privileged == privileged {
			return c, true
		}
	}
	return nil, false
}

// ActionWidth returns A, the floats of an action; 0 without an action column.
func (d *Dataset) ActionWidth() int {
	if c, ok := d.Column(ActionColumn); ok {
		return c.Width()
	}
	return 0
}

// Name returns the name of the column.
func (c *Column) Name() string { return c.meta.Name }

// Width returns the floats of one row, at least 1.
func (c *Column) Width() int { return c.meta.Width }

// Row returns the floats of a global step, [Width], as a view. It panics if
// there is no such step.
func (c *Column) Row(step int) []float32 { return c.Rows(step, 1) }

// Rows returns n consecutive rows from a global step on, [n, Width], as a view.
// It panics if there are no such steps.
func (c *Column) Rows(step, n int) []float32 {
	w := c.meta.Width
	if step < 0 || n < 0 || step > len(c.values)/w-n {
		panic(fmt.Sprintf("data: rows %d to %d of column %s with %d rows", step, step+n, c.meta.Name, len(c.values)/w))
	}
	return c.values[step*w : (step+n)*w : (step+n)*w]
}
