// Package graph plans on a graph of landmarks whose edges are tried out in imagination.
//
// A landmark is a remembered latent. An edge joins two landmarks that the displacement head G calls
// near; how much it costs in the layout at hand is found by rolling the world model along it and
// asking G how far from its target the imagined walk ended. Shortest paths over such edges give a
// value that knows walls and doors, which a distance between latents does not: with a perfect model
// a Euclidean cost solves 65 to 83 % of Two Rooms, this planner all of it.
//
// A Planner holds what is the same for all layouts and is safe for concurrent use; a Session is one
// episode. A Session commits to a landmark until it arrives or fails, looks ahead along the path, and
// remembers where the world stopped it although the model said it would not.
//
// All lengths are in action units, those of G: the sum of effective actions from one latent to
// another. Nothing here reads a position, a wall or a reward. Model calls are made in a few fixed
// shapes, padded, so that a compiled engine meets each of them once; Planner.Warm runs them all.
//
// Source: the recipe of the project's notes, jepa.md 7.5.
package graph
