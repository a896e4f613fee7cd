// Package watch reads a stream of frames through a world model and says, frame
// by frame, how much it was surprised.
//
// The surprise of frame t is the error of its prediction from the frames before
// it, in normalised latent units:
//
//	surprise(t) = (1/D) Σ_d (ẑ_d(t) - z_d(t))²,   ẑ(t) = predictor(z(t-1), ..., z(t-C), w(t-1), a(t-1))
//
// with C latents of context, the static code w where the model has one, and the
// recorded action a where it takes actions. Where the latent is a map of cells,
// each place has a surprise of its own, s_i(t), whose mean is the above. The
// relative surprise is that over its running expectation m, package surprise; it
// has no unit and is about 1 for an ordinary frame:
//
//	top(t) = max_i s_i(t) / ((m_i(t-1) + g(t-1)) / 2),   g = exp(mean_j log m_j)
//	relative(t) = top(t) over its own running expectation
//
// so that what flickers for ever is soon expected where it does. With one cell,
// relative is top. m forgets with a half-life of [HalfLife] frames. By itself this
// package alarms at a fixed factor of relative surprise; for a rate of false alarms
// [Observation.Scores] are calibrated, each apart, package surprise/alarm.
//
// What walks through the picture surprises place after place, far above what is usual there, and is normal. So it is
// also measured how much more most of a place and its eight neighbours surprise than what is usual there and what the
// places around each of them, up to two away, did a frame ago:
//
//	sudden(t) = max_i median_{j∈N1(i)} s_j(t) / max((m_j(t-1) + g(t-1))/2, max_{k∈N2(j)} s_k(t-1))
//
// with N1 and N2 the places up to one and two rows and columns away. Half of the picture is judged by the median of
// s_i/((m_i + g)/2): a walker leaves it alone, another picture does not.
//
// Beside the surprise, how much the picture changes is compared with what it usually
// does: a picture that stands still, that is another one all at once, or that changes
// too much for a second, is unusual whatever a model makes of it. So is one that is
// nearer to an earlier one than to the last: a loop, or time that runs backwards.
// With c the mean squared change of the picture's numbers, m its running expectation and
// d_k the mean squared difference to k pictures before, on at most 16 x 16 cells:
//
//	jump(t) = c(t)/m(t-1),   still(t) = mean of log(m/c) over the last 5,   rush(t) = mean of log(c/m) over the last 10
//	replay(t) = (d_1 + 0.02²) / (min_{2≤k≤600} d_k + 0.02²)
//
// A line of output is one JSON object, see [Record]. The first C frames of an
// episode cannot be predicted: their surprise is null. While the expectation
// warms up, relative is null. Both carry "warming": true.
//
// What happens to the source between frames is a line of its own, see
// [EventRecord]. Frames are read ahead, so that it may precede the lines of frames
// that came before; its time says where it belongs.
//
// Nothing here sees where things truly are.
package watch
