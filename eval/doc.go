// Package eval holds the benchmark suites: functions that put a model to the
// test and return report rows, each score beside its floors, its oracle, its
// number of trials and its interval.
//
// # Seeds
//
// Every suite takes one seed and maps it, by purpose, into a space of its own
// (Seed): seed 1 of the planning suite has nothing in common with seed 1 of
// collecting data, of training, or of another suite. Whoever tunes on episodes
// uses the development space instead (PlanConfig, quads.Config) and leaves the
// other alone: what is reported was never looked at before.
//
// Held-out layouts of Two Rooms are those that collecting leaves out of training
// data unless told otherwise.
package eval
