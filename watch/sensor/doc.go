// Package sensor scores streams of sensor readings and raises alarms on them,
// learning online, with one configuration for every stream.
//
// A [Scorer] says how strange a reading is, given those before it; it scores
// first and learns after. A [Monitor] turns scores into p-values among the
// stream's own past, one p-value for each scorer, and those into alarms at a
// fixed rate of false ones: the threshold is a probability, never a raw score.
//
// Nothing here reads labels or the future. A reading that is NaN or infinite is
// missing: it is counted, it is not scored and nothing is learnt from it.
package sensor
