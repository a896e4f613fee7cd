package tworooms_test

import (
	"context"
	"fmt"

	"foresee/env/tworooms"
)

// Score an agent, here the oracle, on layouts that training never shows.
func ExampleEvaluate() {
	e := tworooms.Evaluation{
		Episode:  tworooms.EpisodeConfig{Layout: tworooms.LayoutHeldOut},
		Episodes: 20,
		Seed:     1,
	}
	result, err := tworooms.Evaluate(context.Background(), e, func() (tworooms.Agent, error) {
		return tworooms.Oracle(), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d within 4.5 px of the goal at the end\n", result.Final(), len(result.Outcomes))
	// Output: 20 of 20 within 4.5 px of the goal at the end
}

// Draw a training trajectory and its frames.
func ExampleWalks() {
	w := tworooms.Walks(tworooms.WalkConfig{Layout: tworooms.LayoutTrain}, 1, 0)
	fmt.Println(len(w.Points), len(w.Actions), len(w.Render(65)) == 91*65*65*2, w.Layout.HeldOut())
	// Output: 91 90 true false
}
