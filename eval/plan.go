package eval

import (
	"context"
	"fmt"
	"slices"
	"time"

	"foresee/agent"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/report"
)

// PlanConfig says how planning is evaluated.
type PlanConfig struct {
	Seed        uint64       // of the suite, see the package comment
	Development bool         // episodes of the development space: for tuning, not for reporting
	Episodes    int          // of success, of held-out success and of each floor; 0 means 200
	Latency     int          // serial episodes behind the latency rows; 0 means 20, below 0 none
	Baseline    int          // episodes of the latent-L2 baseline; 0 means 20, below 0 none
	Workers     int          // episodes at a time; 0 means GOMAXPROCS
	Actor       *agent.Actor // how to plan; nil means the landmark graph with its default config
	Begun       func()       // called when an episode of a learnt agent starts, from several goroutines; nil = never
}

func (c PlanConfig) withDefaults() PlanConfig {
	or := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	or(&c.Episodes, 200)
	or(&c.Latency, 20)
	or(&c.Baseline, 20)
	return c
}

// LearntEpisodes returns how many times Begun will be called.
func (c PlanConfig) LearntEpisodes() int {
	c = c.withDefaults()
	n := 2*c.Episodes + max(0, c.Baseline)
	if c.Latency > 0 {
		n += c.Latency + 1
	}
	return n
}

// planning is one run of the suite.
type planning struct {
	cfg   PlanConfig
	model *jepa.Model
	size  int
	rows  []report.Row
}

// Plan lets model m act in Two Rooms from pixels to pixels and returns
//
//	plan/tworooms/success, success/ever      layouts drawn from all 1,125
//	plan/tworooms/heldout/success            layouts kept out of training
//	plan/tworooms/[heldout/]floor/random, floor/greedy, oracle
//	                                         on the same episodes
//	plan/tworooms/baseline/latent-l2         CEM on the published cost, same model
//	plan/tworooms/latency/p50, p99, first, first/p99, in ms
//	plan/tworooms/steps_per_decision, steps_to_goal
//
// Episodes that are solved at the start are not drawn. Success is EB-JEPA's: the
// last of 200 steps ends within 4.5 px of the goal. All but the latency rows are
// pure functions of model and config, whatever Workers. A model that cannot act
// in Two Rooms, or that lacks what the planner needs, is an error.
func Plan(ctx context.Context, m *jepa.Model, cfg PlanConfig) ([]report.Row, error) {
	if err := checkTwoRooms(m); err != nil {
		return nil, fmt.Errorf("eval: plan: %w", err)
	}
	p := &planning{cfg: cfg.withDefaults(), model: m, size: m.Config().Frame.Height}
	if p.cfg.Actor == nil {
		actor, err := agent.NewLandmark(ctx, m, agent.LandmarkConfig{})
		if err != nil {
			return nil, fmt.Errorf("eval: plan: %w", err)
		}
		p.cfg.Actor = actor
	}
	for _, part := range []func(context.Context) error{p.random, p.heldOut, p.latency, p.baseline} {
		if err := part(ctx); err != nil {
			return nil, fmt.Errorf("eval: plan: %w", err)
		}
	}
	return p.rows, nil
}

// evaluation returns n episodes of a purpose.
func (p *planning) evaluation(purpose string, n int, layout tworooms.LayoutMode) tworooms.Evaluation {
	if p.cfg.Development {
		purpose = "development/" + purpose
	}
	return tworooms.Evaluation{
		Episode:  tworooms.EpisodeConfig{Size: p.size, Layout: layout},
		Episodes: n, Seed: Seed("plan/"+purpose, p.cfg.Seed), Workers: p.cfg.Workers,
	}
}

// task describes the episodes in a note.
func (p *planning) task(layouts string) string {
	note := fmt.Sprintf("final distance < %g px after %d steps, %s, %d-px frames", tworooms.FinalRadius, tworooms.DefaultSteps, layouts, p.size)
	if p.cfg.Development {
		note += ", development episodes"
	}
	return note
}

const anyLayout = "random wall and door (1,125 layouts)"

// random scores all layouts.
func (p *planning) random(ctx context.Context) error {
	e := p.evaluation("success", p.cfg.Episodes, tworooms.LayoutRandom)
	r, err := play(ctx, p.cfg.Actor, e, p.cfg.Begun)
	if err != nil {
		return err
	}
	const name = "plan/tworooms/"
	note := p.task(anyLayout)
	n := len(r.Outcomes)
	p.rows = append(p.rows,
		report.Ratio(name+"success", r.Final(), n, note+", "+p.cfg.Actor.Name()),
		report.Ratio(name+"success/ever", r.Ever(), n, "mean squared distance < 1 px2 after any step, same episodes"))
	if err := p.floors(ctx, name, e); err != nil {
		return err
	}
	var reached []float64
	for _, o := range r.Outcomes {
		if o.Reached >= 0 {
			reached = append(reached, float64(o.Reached))
		}
	}
	p.rows = append(p.rows, report.Mean(name+"steps_to_goal", "1", reached, "steps until first within 4.5 px, over the episodes that come there"))
	steps := make([]float64, len(r.decisions))
	for i, d := range r.decisions {
		steps[i] = float64(d.ModelSteps)
	}
	slices.Sort(steps) // decisions come in the order of the workers, and sums of floats depend on it
	p.rows = append(p.rows, report.Mean(name+"steps_per_decision", "1", steps, "predictor steps (one state, one action), graphs of new layouts included"))
	return nil
}

func (p *planning) heldOutEpisodes() tworooms.Evaluation {
	return p.evaluation("heldout", p.cfg.Episodes, tworooms.LayoutHeldOut)
}

// heldOut scores the layouts that training never saw.
func (p *planning) heldOut(ctx context.Context) error {
	e := p.heldOutEpisodes()
	r, err := play(ctx, p.cfg.Actor, e, p.cfg.Begun)
	if err != nil {
		return err
	}
	const name = "plan/tworooms/heldout/"
	note := p.task("only layouts with (7 wall + 3 door) mod 10 = 0, kept out of training")
	p.rows = append(p.rows, report.Ratio(name+"success", r.Final(), len(r.Outcomes), note+", "+p.cfg.Actor.Name()))
	return p.floors(ctx, name, e)
}

// floors adds the agents that are told everything, on the episodes of e.
func (p *planning) floors(ctx context.Context, prefix string, e tworooms.Evaluation) error {
	for _, f := range []struct {
		name, what string
		agent      func() tworooms.Agent
	}{
		{"floor/random", "actions uniform in the box, same episodes", tworooms.Uniform},
		{"floor/greedy", "straight at the true goal at 1.8 px a step, same episodes", tworooms.Greedy},
		{"oracle", "waypoints of one who knows wall and door, 1.8 px a step, same episodes", tworooms.Oracle},
	} {
		r, err := tworooms.Evaluate(ctx, e, func() (tworooms.Agent, error) { return f.agent(), nil })
		if err != nil {
			return err
		}
		p.rows = append(p.rows, report.Ratio(prefix+f.name, r.Final(), len(r.Outcomes), f.what))
	}
	return nil
}

// latency times decisions in episodes run one by one, after one that is not counted.
func (p *planning) latency(ctx context.Context) error {
	if p.cfg.Latency < 0 {
		return nil
	}
	e := p.evaluation("latency", 1, tworooms.LayoutRandom)
	e.Workers = 1
	if err := p.cfg.Actor.WarmUp(ctx, tworooms.NewEpisode(e.Episode, e.Seed, 0).Spec()); err != nil {
		return err
	}
	if _, err := play(ctx, p.cfg.Actor, e, p.cfg.Begun); err != nil {
		return err
	}
	e.Episodes, e.Seed = p.cfg.Latency, mix(e.Seed)
	r, err := play(ctx, p.cfg.Actor, e, p.cfg.Begun)
	if err != nil {
		return err
	}
	var first, later []float64
	for _, d := range r.decisions {
		ms := float64(d.Time) / float64(time.Millisecond)
		if d.First {
			first = append(first, ms)
		} else {
			later = append(later, ms)
		}
	}
	const name = "plan/tworooms/latency/"
	note := fmt.Sprintf("encoding included, %d episodes one at a time, warm; ", p.cfg.Latency)
	p.rows = append(p.rows,
		quantile(name+"p50", "ms", later, 0.5, note+"decisions after an episode's first"),
		quantile(name+"p99", "ms", later, 0.99, note+"decisions after an episode's first"),
		quantile(name+"first", "ms", first, 0.5, note+"an episode's first decision with its graph, median"),
		quantile(name+"first/p99", "ms", first, 0.99, note+"an episode's first decision with its graph, 99th percentile"))
	return nil
}

// Baseline is the published latent-L2 search at a size a laptop can afford.
//
// Source: jepa reference 7.4, whose perfect model reaches 72.5 % with it.
func Baseline() agent.CEMConfig {
	cfg := agent.CEMConfig{Horizon: 40, Replan: 8, MaxNorm: tworooms.MaxAction}
	cfg.Search.Samples, cfg.Search.Iterations, cfg.Search.Elites = 200, 8, 20
	return cfg
}

// baseline scores the published cost on the first episodes of success.
func (p *planning) baseline(ctx context.Context) error {
	if p.cfg.Baseline < 0 {
		return nil
	}
	actor, err := agent.NewCEM(p.model, Baseline())
	if err != nil {
		return err
	}
	r, err := play(ctx, actor, p.evaluation("success", p.cfg.Baseline, tworooms.LayoutRandom), p.cfg.Begun)
	if err != nil {
		return err
	}
	p.rows = append(p.rows, report.Ratio("plan/tworooms/baseline/latent-l2", r.Final(), len(r.Outcomes), p.task(anyLayout)+", "+actor.Name()))
	return nil
}
