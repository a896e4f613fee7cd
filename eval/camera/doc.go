// Package camera evaluates alarms on cameras, foresee's beside frame differences and the residual of principal components:
// [Video] on a recording into which events are spliced, [Street] on hours of a simulated street, where a budget of false
// alarms can be held against what happens.
//
// Every detector sees the same frames, is made relative to what is usual in the same way and has the same budget. Rows are
// those of docs/figures.md, watch/video/... and watch/street/....
package camera
