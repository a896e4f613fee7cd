// Package data keeps episodes on disk and serves clips of them.
//
// A dataset is a folder that numpy opens as it is:
//
//	meta.json       what is inside: see [Meta]
//	pixels.npy      [S, H, W, C] uint8, one frame a step
//	action.npy      [S, A] float32, and further columns [S, width] float32
//	ep_len.npy      [E] int64, steps of each episode
//	ep_offset.npy   [E] int64, first step of each episode
//
// S counts steps over all E episodes, which lie one after the other. Step t
// holds frame t and the action taken at t, which leads to frame t+1; the last
// action row of an episode is 0 and unused. Columns marked privileged (the true
// position of an agent, the layout of its world) are for probes and evaluation
// alone: only [Dataset.Privileged] reaches them.
//
// [Create] writes a dataset, [Open] maps one into memory, [NewLoader] draws
// clips from it, [Inspect] and [WriteSheet] describe it. Package data/importer
// makes datasets of videos and pictures.
//
// Letters in shapes: B batch, F frames of a clip, H, W, C height, width and
// channels, A action, S steps, E episodes.
package data
