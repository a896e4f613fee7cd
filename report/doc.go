// Package report holds the figures foresee prints and the forms they are printed in.
//
// A Row is one figure with its sample size and interval, a Document is everything one command
// reports. A Document is written as JSON, as a text table for the terminal, or inside a Page: one
// self-contained HTML file with inline SVG and PNG, without scripts. Tables put the floors and the
// oracle of a group of rows beside its scores, so that no score is ever seen alone.
//
// A Row that could not be measured holds NaN: null in JSON, "NaN" in a table, never 0.
package report
