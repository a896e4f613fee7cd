package eval

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"foresee/report"
)

// writeNABScores writes DIR/NAME/CATEGORY/NAME_FILE.csv with the columns that
// NAB's own scorer reads: timestamp, value, anomaly_score, label. NAME is foresee
// for the detector without a name. The threshold to give NAB is 0.5 in every
// profile.
func writeNABScores(dir, name string, data []NABData, watched []nabWatch, windows [][]NABWindow) error {
	if name == "" {
		name = "foresee"
	}
	for i, d := range data {
		category, file := path.Split(d.Name)
		folder := filepath.Join(dir, name, filepath.FromSlash(category))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("eval: NAB scores: %w", err)
		}
		if err := writeNABFile(filepath.Join(folder, name+"_"+file), d, watched[i].scores, windows[i]); err != nil {
			return fmt.Errorf("eval: NAB scores: %w", err)
		}
	}
	return nil
}

func writeNABFile(path string, d NABData, scores []float64, windows []NABWindow) error {
	return report.Replace(path, func(f io.Writer) error {
		w := bufio.NewWriter(f)
		fmt.Fprintln(w, "timestamp,value,anomaly_score,label")
		for i, at := range d.Stamps {
			label := 0
			for _, span := range windows {
				if i >= span.First && i <= span.Last {
					label = 1
				}
			}
			fmt.Fprintf(w, "%s,%s,%s,%d\n", at, float(d.Values[i]), float(scores[i]), label)
		}
		return w.Flush()
	})
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
