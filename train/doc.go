// Package train learns a world model from a dataset, in stages.
//
//  1. pixels: the encoder, with a short predictor beside it, from clips of
//     frames. Prediction error pulls latents together, regularizers keep them
//     from collapsing.
//  2. latents: the encoder is frozen, its latents of all frames are cached, and
//     the predictor learns on them alone, at many thousands of clips a second.
//     A memory model then learns which of its errors are usual (stage usual).
//  3. displacement: a head G(z_i, z_j), the summed action between two latents.
//  4. landmarks: a few hundred remembered latents that the planner builds on.
//
// A run is a pure function of (program, config, seed, dataset): every batch and
// every initial weight comes from keyed generators on the host. A checkpoint is
// written every Settings.SaveEvery steps; a killed run continues from the last
// one with the same bits as an undisturbed run.
//
// Source: the recipe of jepa reference 7.5; the loss of Sobal et al.,
// arXiv 2602.03604 for the eb-jepa preset.
package train
