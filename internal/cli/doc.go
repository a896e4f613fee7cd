// Package cli is foresee's command line: it reads arguments, calls one package
// for each command and turns what comes back into text, JSON and an exit code.
//
// One file holds one command: a struct with its flags and a Run method that
// takes the context and an *app, which carries the streams and the flags every
// command has. To add a command, write that file and add a line to grammar.
//
// Results go to stdout, progress and logs to stderr. Nothing here knows how a
// world, a model or a planner works.
package cli
