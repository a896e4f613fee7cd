// Package house holds the rules of this repository as data and as checks that
// read the source tree: which package may import which, who may import the
// engine, documentation, formatting and size budgets.
//
// The checks run as ordinary Go tests (go test ./internal/house), on the
// repository itself and on small planted trees in which each rule is seen to
// fail. Nothing else imports this package.
package house
