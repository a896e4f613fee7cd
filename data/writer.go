package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// errClosed is what a Writer or Loader returns after Close or Abort.
var errClosed = errors.New("already closed")

// A Writer writes one dataset, step after step. The dataset appears under its
// name at Close, complete, or not at all: until then everything lies in a
// temporary folder beside it, which Abort and every failure remove, and which
// the next Create for the same name removes after a crash.
//
// After the first error every call returns that error. A Writer is for one
// goroutine at a time.
type Writer struct {
	dir     string
	replace bool
	meta    Meta
	temp    *tempDir
	pixels  *columnFile   // nil without pixels
	columns []*columnFile // in the order of meta.Columns
	lengths []int
	current int // steps of the episode that is being written
	moved   bool
	err     error
}

// columnFile is one .npy file that grows; its header is patched at the end.
type columnFile struct {
	name string
	row  npyHeader // shape of one row, without the step axis
	file *os.File
	buf  *bufio.Writer
	tmp  []byte
}

// Create starts a dataset in folder dir, which must not exist or be empty; an
// error names it otherwise. Fields Format, Steps and Episodes of meta are set at
// Close. Its parent folder is made if it is missing.
func Create(dir string, meta Meta) (*Writer, error) { return create(dir, meta, false) }

// Replace is [Create], except that a dataset that is already in dir is replaced
// at Close, and stays as it is until then. A folder that holds anything else is
// refused.
func Replace(dir string, meta Meta) (*Writer, error) { return create(dir, meta, true) }

func create(dir string, meta Meta, replace bool) (*Writer, error) {
	meta.Format, meta.Steps, meta.Episodes = FormatVersion, 0, 0
	meta.Columns = slices.Clone(meta.Columns)
	for i := range meta.Columns {
		if meta.Columns[i].Type == "" {
			meta.Columns[i].Type = Float32
		}
	}
	abs, err := filepath.Abs(dir)
	w := &Writer{dir: abs, replace: replace, meta: meta}
	if err == nil {
		err = meta.validate()
	}
	if err == nil {
		err = CheckOutput(w.dir, replace)
	}
	if err == nil {
		err = w.start()
	}
	if err != nil {
		return nil, fmt.Errorf("data: create %s: %w", dir, errors.Join(err, w.discard()))
	}
	return w, nil
}

// start makes the temporary folder with a growing file for every column.
func (w *Writer) start() (err error) {
	if w.temp, err = newTempDir(w.dir); err != nil {
		return err
	}
	if f := w.meta.Frame; f != (Frame{}) {
		row := npyHeader{descr: descrUint8, shape: []int{f.Height, f.Width, f.Channels}}
		if w.pixels, err = newColumnFile(w.temp.path, colPixels, row); err != nil {
			return err
		}
	}
	for _, c := range w.meta.Columns {
		row := npyHeader{descr: descrFloat32, shape: []int{c.Width}}
		f, err := newColumnFile(w.temp.path, c.Name, row)
		if err != nil {
			return err
		}
		w.columns = append(w.columns, f)
	}
	return nil
}

// Append writes one step of the current episode: its frame, [H, W, C], and a row
// for every column by name. The action row may be missing: it is then 0, as the
// last of every episode must be. Both arguments are copied.
//
// Append panics if the frame or a row has the wrong length or is missing, and if
// a row has a name that meta does not list.
func (w *Writer) Append(pixels []uint8, rows map[string][]float32) error {
	if w.err != nil {
		return w.err
	}
	w.checkStep(pixels, rows)
	for i, c := range w.meta.Columns {
		if err := w.columns[i].floats(rows[c.Name], c.Width); err != nil {
			return w.fail(err)
		}
	}
	if w.pixels != nil {
		if _, err := w.pixels.buf.Write(pixels); err != nil {
			return w.fail(err)
		}
	}
	w.current++
	w.moved = slices.ContainsFunc(rows[ActionColumn], func(a float32) bool { return a != 0 })
	return nil
}

// checkStep panics as Append says, before anything is written.
func (w *Writer) checkStep(pixels []uint8, rows map[string][]float32) {
	if len(pixels) != w.meta.Frame.Size() {
		panic(fmt.Sprintf("data: Append: frame of %d bytes, want %d", len(pixels), w.meta.Frame.Size()))
	}
	known := 0
	for _, c := range w.meta.Columns {
		row, ok := rows[c.Name]
		if ok {
			known++
		}
		if row == nil && c.Name == ActionColumn {
			continue
		}
		if len(row) != c.Width {
			panic(fmt.Sprintf("data: Append: column %q has a row of %d floats, want %d", c.Name, len(row), c.Width))
		}
	}
	if known != len(rows) {
		panic(fmt.Sprintf("data: Append: %d rows with names that meta does not list", len(rows)-known))
	}
}

// EndEpisode ends the episode that the steps since the last call form. It is an
// error if there are none, or if the last one has an action: nothing in the
// dataset follows it.
func (w *Writer) EndEpisode() error {
	switch {
	case w.err != nil:
		return w.err
	case w.current == 0:
		return w.fail(fmt.Errorf("episode %d has no steps", len(w.lengths)))
	case w.moved:
		return w.fail(fmt.Errorf("episode %d: the action of its last step must be 0", len(w.lengths)))
	}
	w.lengths = append(w.lengths, w.current)
	w.meta.Steps += w.current
	w.current = 0
	return nil
}

// Steps returns the steps appended so far.
func (w *Writer) Steps() int { return w.meta.Steps + w.current }

// Episodes returns the episodes ended so far.
func (w *Writer) Episodes() int { return len(w.lengths) }

// Close ends the current episode, writes everything to disk and gives the
// dataset its name. On an error nothing of it is left. A second Close returns an
// error.
func (w *Writer) Close() error {
	if w.err == nil && w.current > 0 {
		w.EndEpisode()
	}
	if w.err != nil {
		return w.err
	}
	if w.meta.Steps == 0 {
		return w.fail(errors.New("nothing was written to it"))
	}
	if err := w.finish(); err != nil {
		return w.fail(err)
	}
	w.err = w.wrap(errClosed)
	return nil
}

// Abort drops everything written; the name stays as it was before Create. After
// Close, or a second time, it does nothing.
func (w *Writer) Abort() error {
	if w.err != nil {
		return nil
	}
	w.err = w.wrap(errClosed)
	return w.discard()
}

func (w *Writer) wrap(err error) error { return fmt.Errorf("data: write %s: %w", w.dir, err) }

// fail drops everything and keeps the error for later calls.
func (w *Writer) fail(err error) error {
	w.err = w.wrap(errors.Join(err, w.discard()))
	return w.err
}

// files returns every open column.
func (w *Writer) files() []*columnFile {
	if w.pixels == nil {
		return w.columns
	}
	return append([]*columnFile{w.pixels}, w.columns...)
}

// discard closes the files and removes the temporary folder.
func (w *Writer) discard() error {
	for _, f := range w.files() {
		f.file.Close()
	}
	if w.temp == nil {
		return nil
	}
	return w.temp.remove()
}

// finish writes headers, episodes and meta.json, syncs and publishes.
func (w *Writer) finish() error {
	w.meta.Episodes = len(w.lengths)
	for _, f := range w.files() {
		if err := f.finish(w.meta.Steps); err != nil {
			return err
		}
	}
	offsets := make([]int, len(w.lengths))
	for i := 1; i < len(offsets); i++ {
		offsets[i] = offsets[i-1] + w.lengths[i-1]
	}
	text, err := w.meta.encode()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		colEpLen + ".npy":    encodeInt64(w.lengths),
		colEpOffset + ".npy": encodeInt64(offsets),
		metaFile:             text,
	} {
		if err := writeSynced(filepath.Join(w.temp.path, name), content); err != nil {
			return err
		}
	}
	if err := CheckOutput(w.dir, w.replace); err != nil {
		return err
	}
	return w.temp.publish(w.dir)
}

// encodeInt64 returns a .npy file of one axis.
func encodeInt64(values []int) []byte {
	out := npyHeader{descr: descrInt64, shape: []int{len(values)}}.encode()
	for _, v := range values {
		out = binary.LittleEndian.AppendUint64(out, uint64(v))
	}
	return out
}

func newColumnFile(dir, name string, row npyHeader) (*columnFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, name+".npy"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	c := &columnFile{name: name, row: row, file: f, buf: bufio.NewWriterSize(f, 1<<18)}
	if _, err := c.buf.Write(c.header(0)); err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// header returns the header for a number of steps; its length does not depend on
// that number.
func (c *columnFile) header(steps int) []byte {
	return npyHeader{descr: c.row.descr, shape: append([]int{steps}, c.row.shape...)}.encode()
}

// floats appends a row, zeros if it is empty.
func (c *columnFile) floats(row []float32, width int) error {
	c.tmp = c.tmp[:0]
	for _, v := range row {
		c.tmp = binary.LittleEndian.AppendUint32(c.tmp, math.Float32bits(v))
	}
	for range width - len(row) {
		c.tmp = append(c.tmp, 0, 0, 0, 0)
	}
	_, err := c.buf.Write(c.tmp)
	return err
}

// finish patches the header and brings the file to disk.
func (c *columnFile) finish(steps int) error {
	if err := c.buf.Flush(); err != nil {
		return err
	}
	if _, err := c.file.WriteAt(c.header(steps), 0); err != nil {
		return err
	}
	if err := c.file.Sync(); err != nil {
		return err
	}
	return c.file.Close()
}
