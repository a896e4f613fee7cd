package quads

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"foresee/env/physics"
	"foresee/report"
)

// A Run is the document that foresee eval surprise wrote of one trained model, with what its file's name says of the
// model. The name is
//
//	KIND.nN[lL][.plain].sSEED[.SPLIT][.eCLIPS].json
//
// such as jepa.n0.s1.json or pixels.n3l4.s2.unseen-colours.e1200.json: what kind of model, of lower-case letters,
// digits and hyphens; the noise of its clips, N0 to N7, and its level where it is not 2; whether they are plain, see
// physics.Config; the seed of its training; the split that was scored where it is not seen; the number of clips that it was trained on where it is not the usual one.
type Run struct {
	Kind     string
	Noise    int
	Level    int // 0 without noise
	Plain    bool
	Seed     int
	Split    physics.Split
	Clips    int // 0: the usual number
	Document report.Document
}

var runName = regexp.MustCompile(`^([a-z][a-z0-9-]*)\.n([0-7])(?:l([1-4]))?(\.plain)?\.s([0-9]{1,9})(?:\.(unseen-[a-z]+))?(?:\.e([1-9][0-9]{0,8}))?\.json$`)

// ParseRun reads a file's name, without its folder.
func ParseRun(name string) (Run, error) {
	m := runName.FindStringSubmatch(name)
	if m == nil {
		return Run{}, fmt.Errorf("quads: %q is no name of a run: want KIND.nN[lL][.plain].sSEED[.SPLIT][.eCLIPS].json, such as jepa.n0.s1.json", name)
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(s) // digits by the pattern; "" is 0
		return n
	}
	r := Run{Kind: m[1], Noise: number(m[2]), Level: number(m[3]), Plain: m[4] != "", Seed: number(m[5]), Clips: number(m[7])}
	switch {
	case r.Noise == 0 && r.Level != 0:
		return Run{}, fmt.Errorf("quads: %q: there is no noise, so it has no level", name)
	case r.Noise > 0 && r.Level == 0:
		r.Level = 2
	}
	if m[6] != "" {
		var err error
		if r.Split, err = physics.ParseSplit(m[6]); err != nil {
			return Run{}, fmt.Errorf("quads: %q: %w", name, err)
		}
	}
	return r, nil
}

// setting names all that runs of other seeds share, such as "n3l4.unseen-colours".
func (r Run) setting() string {
	s := fmt.Sprintf("n%d", r.Noise)
	if r.Noise > 0 && r.Level != 2 {
		s += fmt.Sprintf("l%d", r.Level)
	}
	if r.Plain {
		s += ".plain"
	}
	if r.Split != physics.Seen {
		s += "." + r.Split.String()
	}
	if r.Clips > 0 {
		s += fmt.Sprintf(".e%d", r.Clips)
	}
	return s
}

// ReadRuns reads the runs in the folder dir: every file that ends in .json. A name that is none of a run, and a
// document whose clips were others than its name says, or clips meant for tuning, are errors that name the file. Plain
// clips and others in one folder are an error too: their scores do not compare.
func ReadRuns(dir string) ([]Run, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("quads: %w", err)
	}
	var runs []Run
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) != ".json" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		r, err := ParseRun(e.Name())
		if err != nil {
			return nil, err
		}
		if r.Document, err = readDocument(filepath.Join(dir, e.Name())); err == nil {
			err = r.check()
		}
		if err != nil {
			return nil, fmt.Errorf("quads: %s: %w", filepath.Join(dir, e.Name()), err)
		}
		if len(runs) > 0 && runs[0].Plain != r.Plain {
			return nil, fmt.Errorf("quads: %s holds runs of plain clips and of others, %s among them: want a folder for each", dir, e.Name())
		}
		runs = append(runs, r)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("quads: %s holds no run: want files such as jepa.n0.s1.json, made by foresee eval surprise -o", dir)
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.Seed - b.Seed })
	return runs, nil
}

func readDocument(path string) (report.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return report.Document{}, err
	}
	defer f.Close()
	d, err := report.Decode(f)
	if err != nil {
		return d, err
	}
	return d, d.Validate()
}

// check compares the document with the name.
func (r Run) check() error {
	var errs []error
	want := func(name string, value int) {
		row, ok := r.Document.Find("surprise/setting/" + name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("no row surprise/setting/%s: want a document of the built-in quadruplets", name))
		case row.Value != float64(value):
			errs = append(errs, fmt.Errorf("surprise/setting/%s is %g, the file's name says %d", name, row.Value, value))
		}
	}
	want("noise", r.Noise)
	want("level", r.Level)
	want("split", int(r.Split))
	if row, _ := r.Document.Find("surprise/setting/plain"); (row.Value != 0) != r.Plain { // not there: before there were plain clips
		errs = append(errs, fmt.Errorf("surprise/setting/plain is %g, the file's name says %t", row.Value, r.Plain))
	}
	if row, ok := r.Document.Find("surprise/setting/development"); ok && row.Value != 0 {
		errs = append(errs, errors.New("the clips were those meant for tuning (--dev)"))
	}
	if _, ok := r.Document.Find("surprise/mean/prefix"); !ok {
		errs = append(errs, errors.New("no row surprise/mean/prefix"))
	}
	return errors.Join(errs...)
}
