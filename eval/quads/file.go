package quads

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"foresee/data"
	"foresee/data/importer"
	"foresee/eval"
)

// quadFile is the name of the file that makes a folder a quadruplet; docs/format/quad.md describes it.
const quadFile = "quad.json"

// quadJSON is a quad.json.
type quadJSON struct {
	Family string     `json:"family"`
	Splice *int       `json:"splice"`          // first frame after the cut
	Hidden int        `json:"hidden"`          // frames for which the cut is hidden; 0 = nothing said
	Again  int        `json:"again,omitempty"` // first frame after a second cut, at which I1 and I2 go back
	Clips  *clipsJSON `json:"clips"`
}

// clipsJSON names the clips' folders, relative to that of the quad.json.
type clipsJSON struct {
	P1 string `json:"P1"`
	P2 string `json:"P2"`
	I1 string `json:"I1"`
	I2 string `json:"I2"`
}

func (c clipsJSON) list() [4]string { return [4]string{c.P1, c.P2, c.I1, c.I2} }

// maxQuadFile bounds a quad.json.
const maxQuadFile = 1 << 16

// decodeQuad reads a quad.json and refuses what it does not know, by name.
func decodeQuad(text []byte) (quadJSON, error) {
	var q quadJSON
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, err
	}
	if _, err := d.Token(); err != io.EOF {
		return q, errors.New("more data after the object")
	}
	return q, q.validate()
}

func (q quadJSON) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case q.Family == "" || strings.Trim(q.Family, "/") != q.Family:
		fault("family %q: want a name without / at its ends", q.Family)
	case slices.Contains([]string{"mean", "setting"}, q.Family):
		fault("family %q: that name is taken by the rows of all families", q.Family)
	}
	switch {
	case q.Splice == nil:
		fault("splice is missing: the first frame after the cut")
	case *q.Splice < 1:
		fault("splice %d: want 1 or more, the first frame after the cut", *q.Splice)
	case q.Hidden < 0:
		fault("hidden %d: want 0 or more, the frames for which the cut is hidden", q.Hidden)
	case q.Again != 0 && q.Again <= *q.Splice:
		fault("again %d: want 0, or more than splice, %d", q.Again, *q.Splice)
	}
	if q.Clips == nil {
		fault("clips is missing: the folders of P1, P2, I1 and I2")
		return errors.Join(errs...)
	}
	seen := map[string]string{}
	for c, path := range q.Clips.list() {
		switch old, twice := seen[filepath.Clean(path)]; {
		case path == "":
			fault("clips.%s is missing", clipNames[c])
		case !filepath.IsLocal(path):
			fault("clips.%s %q: want a folder below that of the %s", clipNames[c], path, quadFile)
		case twice:
			fault("clips.%s %q: %s is the same folder", clipNames[c], path, old)
		default:
			seen[filepath.Clean(path)] = clipNames[c]
		}
	}
	return errors.Join(errs...)
}

// quadFolder is a quadruplet on disk whose files are there and as many as they should be.
type quadFolder struct {
	dir string
	quadJSON
	frames int // of each clip
}

// readQuadFolder reads a quad.json and looks at the clips' files, not into them.
func readQuadFolder(dir string) (quadFolder, error) {
	path := filepath.Join(dir, quadFile)
	info, err := os.Stat(path)
	if err != nil {
		return quadFolder{}, err
	}
	if info.Size() > maxQuadFile {
		return quadFolder{}, fmt.Errorf("%s: %d bytes, want at most %d", path, info.Size(), maxQuadFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return quadFolder{}, err
	}
	q := quadFolder{dir: dir}
	if q.quadJSON, err = decodeQuad(text); err != nil {
		return q, fmt.Errorf("%s: %w", path, err)
	}
	for c, name := range q.Clips.list() {
		n, err := countFrames(filepath.Join(dir, name))
		if err != nil {
			return q, fmt.Errorf("%s: clips.%s: %w", path, clipNames[c], err)
		}
		if c > 0 && n != q.frames {
			return q, fmt.Errorf("%s: clip %s has %d frames, %s has %d: want as many in all four", path, clipNames[c], n, clipNames[0], q.frames)
		}
		q.frames = n
	}
	if *q.Splice >= q.frames {
		return q, fmt.Errorf("%s: splice %d: the clips end after frame %d", path, *q.Splice, q.frames-1)
	}
	if q.Hidden > q.frames {
		return q, fmt.Errorf("%s: hidden %d: the clips have %d frames", path, q.Hidden, q.frames)
	}
	if q.Again >= q.frames {
		return q, fmt.Errorf("%s: again %d: the clips end after frame %d", path, q.Again, q.frames-1)
	}
	return q, nil
}

// countFrames returns the number of pictures of a clip, 0000.png, 0001.png, ..., of which none may be missing.
func countFrames(dir string) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("no clip folder: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		name, isPNG := strings.CutSuffix(strings.ToLower(e.Name()), ".png")
		if !isPNG || strings.HasPrefix(name, ".") {
			continue
		}
		k, err := strconv.Atoi(name)
		if err != nil || k < 0 {
			return 0, fmt.Errorf("%s: want pictures named 0000.png, 0001.png, ...", filepath.Join(dir, e.Name()))
		}
		numbers = append(numbers, k)
	}
	if len(numbers) == 0 {
		return 0, fmt.Errorf("%s holds no pictures 0000.png, 0001.png, ...", dir)
	}
	slices.Sort(numbers)
	for i, k := range numbers {
		if k != i {
			return 0, fmt.Errorf("%s: picture %04d.png is missing", dir, i)
		}
	}
	return len(numbers), nil
}

// folderQuads returns the quadruplets DIR/*/quad.json, families in order of their first, then in order of names. frame is what
// the model takes.
func folderQuads(dir string, frame data.Frame) (quadSet, error) {
	if _, err := os.Stat(filepath.Join(dir, quadFile)); err == nil {
		return quadSet{}, fmt.Errorf("%s is one quadruplet: give the folder that holds it", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return quadSet{}, err
	}
	var all []quadFolder
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Stat(filepath.Join(path, quadFile)); err != nil {
			continue
		}
		q, err := readQuadFolder(path)
		if err != nil {
			return quadSet{}, err
		}
		all = append(all, q)
	}
	if len(all) == 0 {
		return quadSet{}, fmt.Errorf("%s holds no quadruplet: want folders with a %s in them", dir, quadFile)
	}
	return groupFolders(all, "clips of "+filepath.Base(filepath.Clean(dir)), frame), nil
}

// groupFolders makes a set of quadruplets, families in order of their first.
func groupFolders(all []quadFolder, note string, frame data.Frame) quadSet {
	set := quadSet{n: len(all), note: note}
	number := map[string]int{}
	for _, q := range all {
		if _, ok := number[q.Family]; !ok {
			number[q.Family] = len(set.families)
			set.families = append(set.families, familySet{name: q.Family})
		}
		set.families[number[q.Family]].quads++
	}
	slices.SortStableFunc(all, func(a, b quadFolder) int { return number[a.Family] - number[b.Family] })
	set.load = func(i int) (quad, error) {
		q, err := all[i].load(frame)
		q.family = number[all[i].Family]
		return q, err
	}
	return set
}

// load reads the clips, in the channels that the model takes.
func (q quadFolder) load(frame data.Frame) (quad, error) {
	out := quad{name: q.dir, splice: *q.Splice, again: q.Again, hidden: q.Hidden}
	for c, name := range q.Clips.list() {
		path := filepath.Join(q.dir, name)
		clip, err := readClip(path, frame.Channels)
		if err != nil {
			return quad{}, err
		}
		if clip.H != frame.Height || clip.W != frame.Width {
			return quad{}, fmt.Errorf("%s: frames of %dx%d pixels, the model takes %dx%d: resize the clips, or train a model on such frames",
				path, clip.W, clip.H, frame.Width, frame.Height)
		}
		if clip.T != q.frames {
			return quad{}, fmt.Errorf("%s: %d frames, there were %d a moment ago", path, clip.T, q.frames)
		}
		out.clips[c] = clip
	}
	return out, nil
}

// readClip reads a folder of pictures.
func readClip(dir string, channels int) (eval.Frames, error) {
	src, err := importer.Open(context.Background(), dir, importer.Options{Channels: channels})
	if err != nil {
		return eval.Frames{}, err
	}
	defer src.Close()
	h, w, c := src.FrameShape()
	clip := eval.Frames{H: h, W: w, C: c}
	for {
		clip.Pixels = slices.Grow(clip.Pixels, h*w*c)
		frame := clip.Pixels[len(clip.Pixels) : len(clip.Pixels)+h*w*c]
		_, err := src.Next(context.Background(), frame)
		if err == io.EOF {
			return clip, nil
		}
		if err != nil {
			return eval.Frames{}, fmt.Errorf("%s: %w", dir, err)
		}
		clip.Pixels = clip.Pixels[:len(clip.Pixels)+h*w*c]
		clip.T++
	}
}
