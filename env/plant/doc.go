// Package plant simulates machines with sensors, and what goes wrong with them:
// a pendulum, four coupled tanks, a stirred reactor and a ball bearing.
//
// A [Series] is a function of its [Config]: the equations are integrated by the
// classical Runge-Kutta scheme of fourth order, and inputs, disturbances and
// sensor noise come from generators keyed by the seed. A fault changes the
// equations, or a sensor, from a reading on; everything before it is the same
// with and without.
//
// The readings are what a gateway would log: measured channels and the inputs
// that it knows. Levels of tanks 3 and 4, and all velocities, stay hidden.
package plant
