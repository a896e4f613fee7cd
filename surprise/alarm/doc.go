// Package alarm turns a stream of scores into alarms that keep a budget.
//
// A [Calibration] is learnt from the scores of a stream known to be normal and
// stored beside the model. It holds the highest scores of blocks longer than the
// scores' correlation, and from them the score that a normal stream reaches as
// often as the budget allows: by rank where there are blocks enough, beyond them
// by a generalised-Pareto tail, and then it says that it is not calibrated.
//
// A moment may have several scores, each a [Statistic] calibrated apart with an equal
// share of the budget, so that one with a heavy tail does not set the threshold of
// another; an alarm says which of them passed.
//
// A [Judge] applies it to a live stream. Three things are told apart:
//
//	alarm, fast   the debounced score reaches the threshold now
//	alarm, slow   many blocks a little too high: a restarted power martingale
//	drift         blocks distributed otherwise than in calibration (Kolmogorov-Smirnov),
//	              which says that the baseline has aged, and is no alarm
//
// Debouncing, m of the last n, is applied before calibration, not after, so that
// it does not thin the budget out. Nothing from an alarm, or from shortly before
// it, is ever taken for normal.
//
// Scores mean what their maker says; nothing here knows of sensors or frames.
package alarm
