// Package agent joins the parts of a mind that row 2 keeps apart: it perceives
// through a jepa.Model, keeps a state estimate between observations, and plans
// with package plan.
//
// An Actor is a world model with a way of planning; it is made once, holds the
// compiled graphs, and any number of goroutines may ask it for agents. An Agent
// lives through episodes, one after the other. All it is ever told of a world
// is a Task: the world's Spec and the pixels of the goal; then it sees
// observations. The package imports no world, so there is nothing else to see.
package agent
