package quads

import (
	"context"
	"fmt"
	"math"

	"foresee/data"
	"foresee/env/physics"
	"foresee/eval"
	"foresee/report"
)

// Config says on which quadruplets surprise is evaluated: those of env/physics, or those of a folder.
type Config struct {
	Seed        uint64           // of the suite, see the package comment
	Development bool             // episodes meant for tuning
	Quads       int              // quadruplets of a family; 0 means 100
	Families    []physics.Family // nil means those of all tiers
	World       physics.Config   // noise, split, hidden run

	// Clips is a folder with quad.json files one level below, in place of env/physics: see ReadQuads. Seed is then
	// that of the intervals, and the fields from Development to World are not read.
	Clips string

	Frame data.Frame // frames that the model takes

	// Untrained, unless nil, opens net number seed of the model's kind without training; end closes it. Nets nets are
	// put through the first NetQuads quadruplets of each family (0 means 20).
	Untrained func(seed uint64) (s eval.ClipScorer, end func(), err error)
	Nets      int
	NetQuads  int

	Begun func() // called before each quadruplet, unless nil
}

// quads returns the quadruplets meant.
func (c Config) quads() (quadSet, error) {
	if c.Clips != "" {
		return folderQuads(c.Clips, c.Frame)
	}
	if err := c.World.Validate(); err != nil {
		return quadSet{}, err
	}
	if c.Quads < 0 {
		return quadSet{}, fmt.Errorf("%d quadruplets a family: want 1 or more", c.Quads)
	}
	if c.Quads == 0 {
		c.Quads = 100
	}
	if c.Families == nil {
		c.Families = physics.AllFamilies()
	}
	if want := physicsFrame(); c.Frame != want {
		return quadSet{}, fmt.Errorf("the clips are %dx%dx%d, the model takes %dx%dx%d: train one on foresee collect physics",
			want.Height, want.Width, want.Channels, c.Frame.Height, c.Frame.Width, c.Frame.Channels)
	}
	return builtinQuads(c.World, c.Families, c.Quads, c.seed()), nil
}

// seed is that of the quadruplets.
func (c Config) seed() uint64 {
	if c.Development {
		return eval.Seed("surprise/development", c.Seed)
	}
	return eval.Seed("surprise", c.Seed)
}

// Quadruplets returns how many quadruplets Score will score, those for untrained nets included.
func (c Config) Quadruplets() (int, error) {
	set, err := c.quads()
	if err != nil {
		return 0, fmt.Errorf("quads: %w", err)
	}
	n := set.n
	if c.Untrained != nil {
		n += c.Nets * len(set.first(c.netQuads()))
	}
	return n, nil
}

func (c Config) netQuads() int {
	if c.NetQuads == 0 {
		return 20
	}
	return c.NetQuads
}

// first returns the numbers of the first n quadruplets of each family.
func (s quadSet) first(n int) []int {
	var out []int
	at := 0
	for _, f := range s.families {
		for i := range min(n, f.quads) {
			out = append(out, at+i)
		}
		at += f.quads
	}
	return out
}

func (s quadSet) all() []int { return s.first(s.n) }

// Score scores how well a model's surprise tells impossible clips from the possible ones that they were spliced
// from, beside trivial scores, which must get exactly half of the matched pairs, and, for the built-in quadruplets,
// beside a memory without physics and an oracle. Rows are listed in docs/figures.md. Families of tiers T1 and T2 are
// never pooled with T0. A surprise that is not finite is an error that names its clip and frame.
func Score(ctx context.Context, scorer eval.ClipScorer, cfg Config) ([]report.Row, error) {
	rows, err := score(ctx, scorer, cfg)
	if err != nil {
		return nil, fmt.Errorf("quads: %w", err)
	}
	return rows, nil
}

func score(ctx context.Context, scorer eval.ClipScorer, cfg Config) ([]report.Row, error) {
	set, err := cfg.quads()
	if err != nil {
		return nil, err
	}
	floors, err := newFloors(set)
	if err != nil {
		return nil, err
	}
	t := tally{set: set, seed: cfg.seed(), outcomes: make([][]judged, len(set.families))}
	judge := judging{set: set, scorer: scorer, floors: floors, begun: cfg.Begun}
	if err := judge.run(ctx, set.all(), t.add); err != nil {
		return nil, err
	}
	if cfg.Untrained != nil {
		for k := range cfg.Nets {
			net := tally{set: set, outcomes: make([][]judged, len(set.families))}
			if err := cfg.untrained(ctx, set, uint64(k), net.add); err != nil {
				return nil, fmt.Errorf("untrained net %d: %w", k, err)
			}
			t.nets = append(t.nets, net)
		}
	}
	return append(t.rows(), cfg.settings(&t)...), nil
}

// untrained puts one net through the quadruplets.
func (c Config) untrained(ctx context.Context, set quadSet, k uint64, add func(judged)) error {
	scorer, end, err := c.Untrained(eval.Seed("surprise/untrained", c.Seed) + k)
	if err != nil {
		return err
	}
	defer end()
	judge := judging{set: set, scorer: scorer, begun: c.Begun}
	return judge.run(ctx, set.first(c.netQuads()), add)
}

// judged is what became of one quadruplet.
type judged struct {
	family, splice, hidden int
	matched                bool
	scores                 physics.Scores
	model                  physics.Verdict
	trivial                map[string]physics.Verdict
	oracle, still          *physics.Verdict // of built-in ones
	benign                 []float64        // greatest surprise; NaN where there is no clip
	benignFloor            []float64        // greatest frame difference
}

// judging scores quadruplets: workers load them and judge the trivial scores, the caller's goroutine the model.
type judging struct {
	set    quadSet
	scorer eval.ClipScorer
	floors *floors // nil: the model alone
	begun  func()

	pending []loaded
}

// loaded is a quadruplet with what could be judged without the model.
type loaded struct {
	quad
	out judged
	err error
}

// batchClips and batchBytes bound what is scored in one call.
const (
	batchClips = 64
	batchBytes = 64 << 20
)

func (j *judging) run(ctx context.Context, numbers []int, add func(judged)) error {
	load := func(i int) loaded {
		q, err := j.set.load(numbers[i])
		l := loaded{quad: q, err: err, out: judged{family: q.family, splice: q.splice, hidden: q.hidden}}
		if err == nil && j.floors != nil {
			j.floors.judge(&l.quad, &l.out)
		}
		return l
	}
	err := ordered(ctx, len(numbers), load, func(_ int, l loaded) error {
		if l.err != nil {
			return l.err
		}
		if j.begun != nil {
			j.begun()
		}
		if len(j.pending) > 0 && !j.fits(&l.quad) {
			if err := j.flush(ctx, add); err != nil {
				return err
			}
		}
		j.pending = append(j.pending, l)
		return nil
	})
	if err != nil {
		return err
	}
	return j.flush(ctx, add)
}

// fits reports whether q may be scored together with what is pending.
func (j *judging) fits(q *quad) bool {
	a, b := j.pending[0].clips[0], q.clips[0]
	n := len(j.pending) + 1
	return a.T == b.T && a.H == b.H && a.W == b.W && a.C == b.C && 4*n <= batchClips && 4*n*len(a.Pixels) <= batchBytes
}

// flush scores what is pending.
func (j *judging) flush(ctx context.Context, add func(judged)) error {
	var clips []eval.Frames
	var names []string
	for i := range j.pending {
		q := &j.pending[i].quad
		for c, clip := range q.clips {
			clips, names = append(clips, clip), append(names, q.name+", clip "+clipNames[c])
		}
		for _, clip := range q.benign {
			if clip.Pixels != nil {
				clips, names = append(clips, clip), append(names, q.name+", a benign clip")
			}
		}
	}
	if len(clips) == 0 {
		return nil
	}
	rows, err := j.scorer.Score(ctx, clips)
	if err != nil {
		return err
	}
	if len(rows) != len(clips) {
		panic(fmt.Sprintf("quads: %d rows of scores for %d clips", len(rows), len(clips)))
	}
	for i, row := range rows {
		if err := checkScores(row, clips[i].T); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	for i := range j.pending {
		rows = j.pending[i].take(rows)
		add(j.pending[i].out)
	}
	j.pending = j.pending[:0]
	return nil
}

// take judges the quadruplet by the first rows and returns the rest.
func (l *loaded) take(rows [][]float64) [][]float64 {
	copy(l.out.scores[:], rows)
	l.out.model = physics.Judge(l.scenes(), l.out.scores)
	rows = rows[4:]
	for _, clip := range l.benign {
		most := math.NaN()
		if clip.Pixels != nil {
			most = largest(rows[0])
			rows = rows[1:]
		}
		l.out.benign = append(l.out.benign, most)
	}
	return rows
}

func largest(row []float64) float64 {
	out := row[0]
	for _, x := range row {
		out = max(out, x)
	}
	return out
}

// checkScores wants one score a frame, all finite.
func checkScores(row []float64, frames int) error {
	if len(row) != frames {
		panic(fmt.Sprintf("quads: %d scores of %d frames", len(row), frames))
	}
	for t, x := range row {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("the surprise of frame %d is %g, want a finite number", t, x)
		}
	}
	return nil
}
