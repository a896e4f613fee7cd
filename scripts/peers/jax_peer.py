#!/usr/bin/env python3
"""The same work as `foresee bench`, in JAX on a CPU, compiled by XLA.

    jax_peer.py rollout|blocks FILE --threads N

It talks as torch_peer.py does: see there. Only what XLA does well on a CPU is here; of the EB-JEPA step its
convolution gradients alone take several times PyTorch's whole step.
"""
import argparse
import json
import os
import struct
import sys
import time


def read(path):
    import numpy as np

    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(n))
        body = np.frombuffer(f.read(), dtype=np.uint8)
    out = {}
    for name, h in header.items():
        if name != "__metadata__":
            lo, hi = h["data_offsets"]
            out[name] = body[lo:hi].view("<f4").reshape(h["shape"]).copy()
    return out


def gap(ours, theirs):
    import numpy as np

    ours, theirs = np.asarray(ours, dtype=np.float64).ravel(), np.asarray(theirs, dtype=np.float64).ravel()
    return float(abs(ours - theirs).max() / max(abs(theirs).max(), 1e-30))


def norm(p, name, x):
    import jax.numpy as jnp

    mean = x.mean(-1, keepdims=True)
    c = x - mean
    return c / jnp.sqrt((c * c).mean(-1, keepdims=True) + 1e-5) * p[name + "/weight"] + p[name + "/bias"]


def rollout(data):
    import jax
    import jax.numpy as jnp

    p = {k: jnp.asarray(v) for k, v in data.items() if "/" in k}
    g = "predictor/gru/"
    state, actions = jnp.asarray(data["state"]), jnp.asarray(data["actions"])

    @jax.jit
    def unrolled(p, state, actions):
        w_a, w_z = p[g + "weight_ih"], p[g + "weight_hh"]

        def step(z, a):
            ra, ia, na = jnp.split(a @ w_a + p[g + "bias_ih"], 3, -1)
            rz, iz, nz = jnp.split(z @ w_z + p[g + "bias_hh"], 3, -1)
            r, i = jax.nn.sigmoid(ra + rz), jax.nn.sigmoid(ia + iz)
            n = jnp.tanh(na + r * nz)
            z = norm(p, "encoder/latent_norm", (1 - i) * n + i * z)
            return z, z

        first = jnp.broadcast_to(state, (actions.shape[0], state.shape[1]))
        return jnp.swapaxes(jax.lax.scan(step, first, jnp.swapaxes(actions, 0, 1))[1], 0, 1)

    run = lambda: unrolled(p, state, actions).block_until_ready()
    return gap(run(), data["expected"]), run


def blocks(data):
    import jax
    import jax.numpy as jnp

    count, heads, causal, made, rate, decay = data["sizes"].tolist()
    count, heads = int(count), int(heads)
    moments = ("/adamw_m", "/adamw_v")
    own = ("x", "target", "sizes", "expected")
    p = {k: jnp.asarray(v) for k, v in data.items() if k not in own and not k.endswith(moments)}
    m, v = ({k: jnp.asarray(data[k + e]) for k in p} for e in moments)
    x, target = jnp.asarray(data["x"]), jnp.asarray(data["target"])
    b, t, d = x.shape

    def dense(p, name, y):
        return y @ p[name + "/weight"] + p[name + "/bias"]

    def attention(p, name, y):
        q, k, u = jnp.moveaxis(dense(p, name + "/qkv", y).reshape(b, t, 3, heads, d // heads), 2, 0)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (d // heads) ** 0.5
        if causal > 0:
            scores = jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -1e30)
        y = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), u)
        return dense(p, name + "/out", y.reshape(b, t, d))

    def loss(p, x, target):
        y = x
        for i in range(count):
            n = f"block{i}"
            y = y + attention(p, n + "/attention", norm(p, n + "/norm0", y))
            y = y + dense(p, n + "/mlp/1", jax.nn.gelu(dense(p, n + "/mlp/0", norm(p, n + "/norm1", y)), approximate=False))
        return jnp.square(dense(p, "head", norm(p, "norm", y)) - target).mean()

    def update(p, m, v, k, x, target):
        value, g = jax.value_and_grad(loss)(p, x, target)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        c1, c2 = 1 - 0.9**k, jnp.sqrt(1 - 0.999**k)
        p = jax.tree.map(lambda a, b, c: a * (1 - rate * decay) - rate / c1 * b / (jnp.sqrt(c) / c2 + 1e-8), p, m, v)
        return p, m, v, value

    update = jax.jit(update, donate_argnums=(0, 1, 2))
    at = [p, m, v, made]

    def step():
        at[3] += 1
        at[0], at[1], at[2], value = update(at[0], at[1], at[2], at[3], x, target)
        return float(value)

    losses = [step() for _ in range(len(data["expected"]))]
    return gap(losses, data["expected"]), step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=["rollout", "blocks"])
    parser.add_argument("file")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    import jax

    jax.config.update("jax_platforms", "cpu")
    difference, run = globals()[args.work](read(args.file))
    print(json.dumps({"peer": f"JAX {jax.__version__}, jit", "gap": difference}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if len(words) != 2 or words[0] != "run":
            sys.exit(f"jax_peer: {line!r} is not \"run N\"")
        seconds = []
        for _ in range(int(words[1])):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
