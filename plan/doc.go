// Package plan finds actions by search in imagination: sampled action sequences are rolled out by a
// learnt model, scored by an Objective, and the search moves towards the cheapest.
//
// CEM, ICEM and MPPI are Solvers; MPC executes a few actions of a plan and plans again. A Solver
// knows a world model only through Dynamics, and works on B independent problems at once so that
// one Rollout keeps every core busy. Sub-package cost has Objectives, graph a planner that needs no
// cost shaping, plantest the conformance suite every Solver passes.
//
// Shapes: states [B, S], actions [B, N, L, A], latents [B, N, L, D]; B problems, N candidates each,
// horizon L. Costs are lower-is-better. A cost that is not finite counts as +Inf and is counted.
package plan
