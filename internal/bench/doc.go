// Package bench measures speed and reports it as rows beside a peer measured in
// the same run, so that a figure means something on a shared or throttled
// machine too.
//
// A figure is the median of warm runs with the order-statistic interval of the
// median; blocks of ours and of the peer's runs alternate.
package bench
