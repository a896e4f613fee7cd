// Package probe measures what a frozen model knows: how well a small readout,
// linear or an MLP, recovers a true quantity from its latents, how far its
// rollouts drift, and whether its latents have collapsed.
//
// Probes see latents as plain numbers, detached from any graph, so nothing they
// learn can flow back. They split rows by group, that is by episode: frames of
// one episode resemble each other, and a row-wise split would grade a probe on
// what it has seen. This is the one room beside evaluation that reads a
// dataset's privileged columns.
//
// Shapes: n rows (frames), D latent, W static code, K targets, G groups.
package probe
