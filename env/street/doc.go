// Package street simulates a still camera above a street: hours of a normal day, which no recording at hand has, so that
// a budget of false alarms can be held against them.
//
// People walk along two pavements, somebody crosses the lawn now and then, a bicycle passes more rarely; the light comes
// and goes, and the sensor is noisy. Frames are gray, [Size·Size] bytes, [FPS] a second. A [Street] is a function of its
// seed: the same seed shows the same frames, another one another day before the same camera.
package street
