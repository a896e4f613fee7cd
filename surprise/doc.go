// Package surprise turns raw surprise scores into numbers that can be compared.
//
// A raw score, such as the squared error of a latent prediction, has no scale:
// a flickering lamp has a high one for ever. Expectation keeps what is usual for
// a stream, so that a score can be read as a multiple of it. AUROC says how well
// scores tell two kinds of clips apart, with an interval.
//
// Normal scores become p-values: Conformal by rank, Tail beyond the sample, and
// Calibration both, on the maxima of blocks against autocorrelation. Budget turns
// "so many false alarms a day" into a p-value, Episodes turns exceedances into
// alarms, and Martingale gathers evidence too slow for either.
//
// A score that is not finite is an event: an error that wraps ErrNotFinite,
// never a 0. Nothing here knows of networks, frames or datasets.
package surprise
