// Package quads is the suite of surprise: it records clips to learn from and scores quadruplets of clips, two possible
// ones and the two impossible ones that come of swapping their halves while the cut is hidden.
//
// Quadruplets come from env/physics or, as pictures, from a folder (docs/format/quad.md). The model is known only as
// an eval.ClipScorer. Every score stands beside trivial scores, which get exactly half of matched pairs, nets without
// training, and for the built-in quadruplets a memory without physics and an oracle. docs/figures.md lists the rows.
package quads
