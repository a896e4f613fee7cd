package eval

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NABData is one series as a detector sees it: no label is in it.
type NABData struct {
	Name   string      // path below data, with slashes, "realTweets/Twitter_volume_FB.csv"
	Stamps []string    // as in the file
	Times  []time.Time // of each row; the files know no zone, read as UTC
	Values []float64
}

// ReadNABData reads every series DIR/data/*/*.csv, columns timestamp and value,
// in the order of their names. It opens no label.
func ReadNABData(dir string) ([]NABData, error) {
	var all []NABData
	root := filepath.Join(dir, "data")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".csv" {
			return err
		}
		s, err := readNABFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		s.Name = filepath.ToSlash(name)
		all = append(all, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("eval: NAB data: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("eval: NAB data: no .csv below %s", root)
	}
	slices.SortFunc(all, func(a, b NABData) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func readNABFile(path string) (NABData, error) {
	f, err := os.Open(path)
	if err != nil {
		return NABData{}, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 2
	records, err := r.ReadAll()
	if err != nil {
		return NABData{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) < 2 || records[0][0] != "timestamp" || records[0][1] != "value" {
		return NABData{}, fmt.Errorf("%s: want a line timestamp,value and rows below it", path)
	}
	var s NABData
	for i, rec := range records[1:] {
		at, err := time.Parse(time.DateTime, rec[0])
		if err != nil {
			return NABData{}, fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
		v, err := strconv.ParseFloat(rec[1], 64)
		if err != nil {
			return NABData{}, fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
		s.Stamps, s.Times, s.Values = append(s.Stamps, rec[0]), append(s.Times, at), append(s.Values, v)
	}
	return s, nil
}

// ReadNABWindows reads DIR/windows.json (or DIR/labels/combined_windows.json,
// where NAB itself keeps it) and returns the windows of each series of data as
// rows. A series that the file does not name, an end of a window that is not the
// time of a row, and windows out of order are errors.
func ReadNABWindows(dir string, data []NABData) ([][]NABWindow, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "windows.json"))
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = os.ReadFile(filepath.Join(dir, "labels", "combined_windows.json"))
	}
	if err != nil {
		return nil, fmt.Errorf("eval: NAB labels: %w", err)
	}
	var named map[string][][2]string
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, fmt.Errorf("eval: NAB labels: windows.json: %w", err)
	}
	all := make([][]NABWindow, len(data))
	for i, d := range data {
		spans, ok := named[d.Name]
		if !ok {
			return nil, fmt.Errorf("eval: NAB labels: no entry for %s", d.Name)
		}
		for _, span := range spans {
			w := NABWindow{d.row(span[0]), d.row(span[1])}
			if w.First < 0 || w.Last < w.First {
				return nil, fmt.Errorf("eval: NAB labels: %s: no rows at %s to %s", d.Name, span[0], span[1])
			}
			if k := len(all[i]); k > 0 && w.First <= all[i][k-1].Last {
				return nil, fmt.Errorf("eval: NAB labels: %s: the window from %s begins before the one above it ends", d.Name, span[0])
			}
			all[i] = append(all[i], w)
		}
	}
	return all, nil
}

// row returns the first row at that time, or -1.
func (d *NABData) row(stamp string) int {
	at, err := time.Parse("2006-01-02 15:04:05.999999", stamp)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(d.Times, at.Equal)
}
