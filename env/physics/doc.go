// Package physics makes quad-splice, a benchmark of intuitive physics that no short memory can win.
//
// A quadruplet is two possible clips and two impossible ones made by swapping their halves at a moment when
// everything in which they differ is behind a screen:
//
//	P1 = (A1 | B1)    P2 = (A2 | B2)    I1 = (A1 | B2)    I2 = (A2 | B1)
//
// On a run of h hidden frames the four are equal byte for byte, noise included. Hence a window of at most h+1 frames
// lies in one half, the windows of {P1, P2} and of {I1, I2} are the same multiset, and any score that adds up what it
// sees in such windows gets exactly half of the pairs: single frames, frame differences, short linear prediction. That
// holds for the mean over a clip. The maximum is not additive, so scores of single clips stand beside the ceiling that
// trivial features reach.
//
//   - Quad makes quadruplet i of a Family; Train makes possible clips to learn from; Benign makes events in full view
//     that break no law. All are pure functions of (config, seed, index).
//   - Judge compares the four clips' Scores; Single sums up single clips. Package eval pools many quadruplets.
//   - Fit and Trivials are the floors, Still a memory without physics, Oracle the ceiling.
//
// Worlds are seen from the side, with gravity and a floor, or from above. Bodies roll without friction, solids are
// soft, bodies and mirrors elastic. Solidity, InertiaDirection and Gravity alternate with a twin in which the possible
// and the impossible change places: wall or none, mirror or none, shelf or none. Gravity throws one thing up and lets
// one fall, rather than rolling one in below the shelf, because only so the twin swaps the same two outcomes.
// Screens rise, sink or slide to reveal, so that it may have stopped behind is no excuse; where a thing comes out by
// itself (Continuity, InertiaDirection) it must, since nothing rubs.
//
// Source: the quadruplets of IntPhys (Riochet et al., TPAMI 2022) and the splicing of Physical Concepts (Piloto et
// al., Nature Human Behaviour 2022). The twins, the exact hidden runs and the noise axis are ours.
package physics
