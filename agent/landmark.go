package agent

import (
	"context"
	"fmt"

	"foresee/jepa"
	"foresee/plan/graph"
)

// LandmarkConfig describes planning on a landmark graph. A zero Graph means
// graph.Fast(), first decisions within tens of milliseconds; a Graph with any
// field set is taken as it is, so graph.Config{Radius: 7} is the published recipe.
type LandmarkConfig struct {
	Graph graph.Config
}

// NewLandmark returns an actor that plans on a graph of the model's landmarks,
// made in imagination anew for every layout. It finds the candidate edges, which
// all episodes share. A model without actions, displacement head or landmarks is
// an error, and so are the config's faults.
//
// Source: jepa reference 7.5.
func NewLandmark(ctx context.Context, m *jepa.Model, cfg LandmarkConfig) (*Actor, error) {
	dyn, err := NewDynamics(m)
	if err != nil {
		return nil, err
	}
	if len(m.Config().Displacement.Hidden) == 0 {
		return nil, fmt.Errorf("agent: the model has no displacement head; train with the preset tworooms")
	}
	if len(m.Landmarks()) == 0 {
		return nil, fmt.Errorf("agent: the model has no landmarks: its training is not finished, or train.landmarks was 0")
	}
	if cfg.Graph == (graph.Config{}) {
		cfg.Graph = graph.Fast()
	}
	p, err := graph.New(ctx, dyn, m.Landmarks(), cfg.Graph)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	return &Actor{
		model: m,
		name:  fmt.Sprintf("landmark graph (%d landmarks, %d edges), decides every step", p.Landmarks(), p.Edges()),
		make:  func() (mind, error) { return &walking{planner: p, goal: make([]float32, m.Config().State())}, nil },
		warm:  p.Warm,
	}, nil
}

// walking is a mind that plans on landmarks.
type walking struct {
	planner *graph.Planner
	session *graph.Session
	goal    []float32 // [S], of which the planner reads the latent
}

func (w *walking) begin(goal []float32, _ int, _ uint64) {
	copy(w.goal, goal)
	w.session = w.planner.Session()
}

func (w *walking) decide(ctx context.Context, state, action []float32) (int, error) {
	a, info, err := w.session.Decide(ctx, state, w.goal)
	if err != nil {
		return 0, err
	}
	copy(action, a)
	return info.Spent.Steps, nil
}
