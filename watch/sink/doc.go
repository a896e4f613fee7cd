// Package sink takes alarms out of the program: as lines of JSON, to a webhook,
// and as figures for Prometheus.
//
// A [Sink] may be slow or gone. A [Queue] stands before it, so that watching never
// waits: when the queue is full the oldest event is left out, and counted.
package sink
