package watch

import (
	"fmt"
	"math"
	"slices"

	"foresee/surprise"
)

// calmFrames is over how many frames in a row a picture must be calmer than usual
// for Seen.Calm to say so.
const calmFrames = 5

// HalfLife is the half-life, in frames, of what is usual at a place: 100 s at 10
// frames a second. What is usual where somebody walks once a minute is not learnt in
// seconds.
const HalfLife = 1000

// Places knows what is usual at each place of a picture and turns the surprises
// there into what is unusual of a frame. It is for one goroutine at a time.
type Places struct {
	rows, cols int
	cells      *surprise.Expectation
	peak       *surprise.Expectation // of the highest cell
	whole      *surprise.Expectation // of the mean over the cells
	ratio, one []float64             // scratch of Expectation.Observe
	calm       []float64             // the last calmFrames of log(expected/surprise)
	before     []float64             // surprises of the frame before; empty if that is missing
}

// Seen is what Places say of a frame.
type Seen struct {
	Ready    bool        // false while warming; then only Cells may be set
	Cells    []float64   // s_i / ((m_i + g)/2), see the package
	Relative float64     // the highest of them over what the highest usually is
	At       *[2]float64 // the middle of that cell, shares of width and height; nil for one cell
	// Sudden is how much more most of a place and its neighbours surprises than it usually does and its surroundings just
	// did, see the package: somebody who walks surprises next to where he surprised a frame before, what appears does not.
	// It is 0 after a frame that is missing.
	Sudden   float64
	SuddenAt *[2]float64 // the place that stands out most there, like At
	// Whole is the median of Cells: what half of the picture exceeds, wherever it is. 0 while warming.
	Whole float64
	// Calm is the mean over the last five frames of log(expected/surprise), both of
	// the whole frame: high where a picture stands still that should not. It is 0
	// until there are so many in a row.
	Calm float64
}

// NewPlaces returns places of a map of so many rows and columns, all of which warm
// up first. A HalfLife of 0 in cfg means that of this package. It returns the faults
// of cfg as an error and panics below one cell.
func NewPlaces(rows, cols int, cfg surprise.Config) (*Places, error) {
	if cfg.HalfLife == 0 {
		cfg.HalfLife = HalfLife
	}
	p := &Places{rows: rows, cols: cols, ratio: make([]float64, rows*cols), one: make([]float64, 1)}
	for _, x := range []struct {
		e **surprise.Expectation
		n int
	}{{&p.cells, rows * cols}, {&p.peak, 1}, {&p.whole, 1}} {
		var err error
		if *x.e, err = surprise.NewExpectation(x.n, cfg); err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
	}
	return p, nil
}

// Break says that frames are missing.
func (p *Places) Break() { p.calm, p.before = p.calm[:0], p.before[:0] }

// Observe judges the surprises of a frame's cells [rows·cols] by those before and
// learns from them. What a cell is expected to show is pulled halfway to the
// geometric mean over the map, which a few loud cells hardly lift, so that the
// least stir where nothing ever moves is no sensation; with one cell that changes
// nothing. The highest of many cells is high as a rule, so it is compared with what
// it usually is once more. A score that is not finite is an error that wraps
// surprise.ErrNotFinite.
func (p *Places) Observe(cells []float64) (Seen, error) {
	expected := make([]float64, len(cells))
	for i := range expected {
		expected[i] = p.cells.Mean(i)
	}
	usual := geometricMean(expected)
	for i := range expected {
		expected[i] = (expected[i] + usual) / 2
	}
	ready, err := p.cells.Observe(cells, p.ratio)
	if err != nil {
		return Seen{}, err
	}
	if err := p.stir(cells); err != nil {
		return Seen{}, err
	}
	before := p.before
	p.before = append([]float64{}, cells...)
	if !ready {
		return Seen{}, nil
	}
	s := Seen{Cells: make([]float64, len(cells))}
	top := 0
	for i, v := range cells {
		s.Cells[i] = v / expected[i]
		if s.Cells[i] > s.Cells[top] {
			top = i
		}
	}
	s.Whole = median(slices.Clone(s.Cells))
	p.sudden(&s, cells, before, expected)
	s.Ready, s.Relative = true, s.Cells[top]
	if len(cells) > 1 {
		if s.Ready, err = p.peak.Observe(s.Cells[top:top+1], p.one); err != nil {
			return s, err
		}
		s.Relative = p.one[0]
		s.At = p.middle(top)
	}
	if len(p.calm) == calmFrames {
		for _, v := range p.calm {
			s.Calm += v / calmFrames
		}
	}
	return s, nil
}

// sudden sets Sudden and SuddenAt, given the surprises of the frame before and what was expected of each cell.
func (p *Places) sudden(s *Seen, cells, before, expected []float64) {
	if len(before) == 0 {
		return
	}
	excused := make([]float64, len(cells)) // what a cell may show: what it usually does or its surroundings just did
	for i := range cells {
		excused[i] = expected[i]
		p.around(i, 2, func(j int) { excused[i] = max(excused[i], before[j]) })
	}
	at, ratios := 0, make([]float64, 0, 9)
	for i := range cells {
		ratios = ratios[:0]
		p.around(i, 1, func(j int) { ratios = append(ratios, cells[j]/excused[j]) })
		if r := median(ratios); r > s.Sudden {
			s.Sudden, at = r, i
		}
	}
	if len(cells) > 1 {
		top := at
		p.around(at, 1, func(j int) {
			if cells[j]/excused[j] > cells[top]/excused[top] {
				top = j
			}
		})
		s.SuddenAt = p.middle(top)
	}
}

// around calls f for the cells up to so many rows and columns from cell i, itself included.
func (p *Places) around(i, far int, f func(j int)) {
	row, col := i/p.cols, i%p.cols
	for r := max(0, row-far); r <= min(p.rows-1, row+far); r++ {
		for c := max(0, col-far); c <= min(p.cols-1, col+far); c++ {
			f(r*p.cols + c)
		}
	}
}

// middle is where a cell is in the picture, shares of width and height.
func (p *Places) middle(i int) *[2]float64 {
	return &[2]float64{(float64(i%p.cols) + 0.5) / float64(p.cols), (float64(i/p.cols) + 0.5) / float64(p.rows)}
}

// median sorts numbers and returns the middle one, of an even count the mean of the two.
func median(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

// stir notes how much calmer the whole frame is than usual.
func (p *Places) stir(cells []float64) error {
	mean := []float64{0}
	for _, v := range cells {
		mean[0] += v / float64(len(cells))
	}
	ready, err := p.whole.Observe(mean, p.one)
	if err != nil || !ready {
		return err
	}
	p.calm = append(p.calm, -math.Log(max(p.one[0], 1e-9)))
	if len(p.calm) > calmFrames {
		p.calm = append(p.calm[:0], p.calm[1:]...)
	}
	return nil
}

// geometricMean returns exp of the mean logarithm of numbers above 0, exactly the
// number itself of one.
func geometricMean(x []float64) float64 {
	if len(x) == 1 {
		return x[0]
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(x)))
}
