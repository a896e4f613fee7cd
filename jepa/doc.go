// Package jepa is foresee's world model: a joint-embedding predictive
// architecture, built as graphs on GoMLX and run on any of its backends.
//
// An Encoder turns a frame into a latent z [D] and, where the config asks for
// one, a static code w [W] that holds what does not change within an episode.
// A model state is [S] = [z, carried...]: the latent first, then what the model
// carries unchanged (w) or shifts along (earlier latents, Predictor.Context > 1).
// A Predictor takes a state and an action to the next latent; a Rollout repeats
// it. A displacement head G(z_i, z_j) tells which summed action leads from one
// latent to another.
//
// Shapes: [B, T, H, W, C] pixels, [B, T, D] latents, [N, L, A] candidate
// actions. Nothing in this package ever sees a position, a wall or a reward.
//
// Source: LeCun, "A path towards autonomous machine intelligence" (2022),
// section 4.4; Sobal et al., arXiv 2502.14819 and arXiv 2602.03604 for the
// action-conditioned form.
package jepa
