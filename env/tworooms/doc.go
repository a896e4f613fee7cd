// Package tworooms is the two-room world of PLDM and EB-JEPA (DotWall), with its published rules.
//
// A dot moves in a 65 x 65 image (x right, y down, 0 to 64) inside a border, on either side of a vertical wall with
// one door. Channel 0 shows the dot, channel 1 the walls. The task is to reach a goal in the other room. The
// difficulty is the wall: going straight at the goal and bouncing reaches 42.5 %, a waypoint oracle 100 %.
//
//   - Walks generates training trajectories: 65 % free random walks, 35 % led through the door. A move that is not
//     possible leaves the dot where it is.
//   - World is the evaluation environment. There a blocked dot lands at the wall plus Gaussian noise, so training
//     and evaluation dynamics differ, as published.
//   - Teleports generates matched clips with and without an impossible jump, for measuring surprise.
//   - Evaluate scores an Agent over many episodes; Zero, Uniform, DataWalk, Greedy and Oracle are the floors and
//     the ceiling.
//
// All are pure functions of (config, seed, index), so they can be made in any order and on any number of goroutines.
// Positions are float64 where the published code has float32.
//
// Source: Sobal et al., "Learning from Reward-Free Offline Data" (PLDM), 2025, section on Two-Rooms, and EB-JEPA,
// 2026, example ac_video_jepa, with the data set and environment code released beside them.
package tworooms
