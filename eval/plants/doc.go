// Package plants evaluates alarms on the simulated plants of env/plant: how many
// there are on normal days at a budget, and how often and how late each fault is
// found, by every kind of sensor model through the same calibration.
package plants
