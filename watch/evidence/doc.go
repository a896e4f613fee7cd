// Package evidence keeps, of every alarm on a camera, what a person needs to judge
// it: where in the picture it is (a heat map of p-values), what the place normally
// looks like (the most similar moment of the normal past), and what happened (the
// clip around it), each as files in a folder and all on one page.
//
// The heat map has one scale for every alarm and every camera: the p-value of a
// cell's relative surprise among those of cells in normal frames, by rank, and by
// a generalised-Pareto tail beyond the sample. Where nothing is unusual it shows
// nothing.
package evidence
