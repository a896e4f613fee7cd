package tworooms

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Evaluation says which episodes to run.
type Evaluation struct {
	Episode  EpisodeConfig
	Episodes int    // how many, starting with episode 0
	Seed     uint64 // of the sequence of episodes and of the agents' generators
	Workers  int    // goroutines, each with an agent of its own; 0 means GOMAXPROCS
}

// Outcome is how one episode went.
type Outcome struct {
	Layout           Layout
	Start, Goal, End Point
	Distance         float64 // px between End and Goal
	Steps            int     // actions taken
	Reached          int     // steps until the dot was first within 4.5 px of the goal, or -1
	Final            bool    // within 4.5 px at the end
	Ever             bool    // mean square below 1 px² after some step
	Success          bool    // by the config's rule
}

// Result holds the outcomes, Outcomes[i] that of episode i.
type Result struct{ Outcomes []Outcome }

// Final counts the episodes that ended within 4.5 px of the goal: EB-JEPA's success.
func (r Result) Final() int { return r.count(func(o Outcome) bool { return o.Final }) }

// Ever counts the episodes that were within a mean square of 1 px² at any step: PLDM's success.
func (r Result) Ever() int { return r.count(func(o Outcome) bool { return o.Ever }) }

// MeanReached returns the mean number of steps until the dot was first within 4.5 px of the goal, over the episodes in
// which it was, and how many those are. Without any it returns 0, 0.
func (r Result) MeanReached() (mean float64, n int) {
	sum := 0
	for _, o := range r.Outcomes {
		if o.Reached >= 0 {
			sum += o.Reached
			n++
		}
	}
	if n == 0 {
		return 0, 0
	}
	return float64(sum) / float64(n), n
}

func (r Result) count(f func(Outcome) bool) (n int) {
	for _, o := range r.Outcomes {
		if f(o) {
			n++
		}
	}
	return n
}

// Evaluate runs the episodes, several at a time, each with an agent of its worker's made by newAgent. The outcome of
// episode i depends only on (Episode, Seed, i) and the agent, whatever the number of workers. It returns the first
// error of an agent or of ctx, naming the episode, and then no result. An invalid config panics.
func Evaluate(ctx context.Context, e Evaluation, newAgent func() (Agent, error)) (Result, error) {
	if err := e.Episode.Validate(); err != nil {
		panic(err.Error())
	}
	workers := e.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outcomes := make([]Outcome, e.Episodes)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(workers, e.Episodes) {
		group.Go(func() {
			agent, err := newAgent()
			if err != nil {
				cancel(fmt.Errorf("tworooms: make an agent: %w", err))
				return
			}
			for {
				i := int(next.Add(1)) - 1
				if i >= e.Episodes || ctx.Err() != nil {
					return
				}
				if outcomes[i], err = runEpisode(ctx, e, i, agent); err != nil {
					cancel(fmt.Errorf("tworooms: episode %d: %w", i, err))
				}
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	return Result{Outcomes: outcomes}, nil
}

func runEpisode(ctx context.Context, e Evaluation, i int, agent Agent) (Outcome, error) {
	w := NewEpisode(e.Episode, e.Seed, i)
	if err := agent.Begin(w, newRand(e.Seed, streamAgent, i)); err != nil {
		return Outcome{}, err
	}
	reached := -1
	for o := w.Observation(); !w.Over(); {
		if err := ctx.Err(); err != nil {
			return Outcome{}, err
		}
		action, err := agent.Act(o)
		if err != nil {
			return Outcome{}, err
		}
		step, err := w.Step(action)
		if err != nil {
			return Outcome{}, err
		}
		o = step.Observation
		if reached < 0 && w.Final() {
			reached = w.Steps()
		}
	}
	return Outcome{
		Layout: w.Layout(), Start: w.Start(), Goal: w.Goal(), End: w.Position(), Distance: w.Distance(),
		Steps: w.Steps(), Reached: reached, Final: w.Final(), Ever: w.Ever(), Success: w.Success(),
	}, nil
}
