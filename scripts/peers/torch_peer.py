#!/usr/bin/env python3
"""The same work as `foresee bench`, in PyTorch at its best on a CPU.

    torch_peer.py train|blocks|rollout|encoder|step FILE --threads N

FILE is a safetensors file that foresee wrote: weights, inputs and what foresee
made of them. The peer first makes the same from the same and prints one JSON
line with "gap", the largest difference relative to the largest value. Then it
reads lines "run N" and answers each with {"seconds": [...]}, one number a run;
it ends with its input.

Best mode as measured: eager, channels_last, fused AdamW, as many threads as
foresee uses. The caller sets the allocator (MALLOC_MMAP_MAX_=0 and so on) in the
environment: without it fresh pages cost more than the arithmetic.
"""
import argparse
import json
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


def read(path):
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(n))
        body = np.frombuffer(f.read(), dtype=np.uint8)
    out = {}
    for name, h in header.items():
        if name == "__metadata__":
            continue
        lo, hi = h["data_offsets"]
        out[name] = torch.from_numpy(body[lo:hi].view("<f4").reshape(h["shape"]).copy())
    return out


def gap(ours, theirs):
    ours, theirs = ours.double().flatten(), theirs.double().flatten()
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


def torch_layout(x):
    """foresee's [kh, kw, in, out] and [in, out] in PyTorch's order."""
    if x.dim() == 4:
        return x.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    if x.dim() == 2:
        return x.t().contiguous()
    return x


class Net:
    """The EB-JEPA net over a dict of parameters named by foresee's paths."""

    def __init__(self, weights):
        self.p = {k: torch_layout(v) for k, v in weights.items()}

    def conv(self, name, x):
        return F.conv2d(x, self.p[name + "/weight"], self.p[name + "/bias"], padding=1)

    def dense(self, name, x):
        return F.linear(x, self.p[name + "/weight"], self.p[name + "/bias"])

    def norm(self, x):
        name = "encoder/latent_norm"
        return F.layer_norm(x, x.shape[-1:], self.p[name + "/weight"], self.p[name + "/bias"])

    def encode(self, pixels):
        """pixels [N, H, W, 2] uint8 to [N, D]."""
        x = pixels.permute(0, 3, 1, 2).float() / 255  # channels_last as it lies
        low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = (x - low) / (high - low + 1e-6)
        mean = torch.tensor([0.0026, 0.0989]).view(1, 2, 1, 1)
        std = torch.tensor([0.0369, 0.2986]).view(1, 2, 1, 1)
        x = ((x - mean) / std).contiguous(memory_format=torch.channels_last)
        stack = 0
        while f"encoder/trunk/{stack}/conv/weight" in self.p:
            name = f"encoder/trunk/{stack}"
            x = F.max_pool2d(self.conv(name + "/conv", x), 3, 2, 1)
            for block in ("/block0", "/block1"):
                y = F.relu(self.conv(name + block + "/conv0", x))
                x = F.relu(self.conv(name + block + "/conv1", y) + x)
            stack += 1
        x = F.relu(x).permute(0, 2, 3, 1).flatten(1)
        return self.norm(self.dense("encoder/latent", x))

    def predict(self, z, a):
        p, g = self.p, "predictor/gru/"
        z = torch.gru_cell(a, z, p[g + "weight_ih"], p[g + "weight_hh"], p[g + "bias_ih"], p[g + "bias_hh"])
        return self.norm(z)

    def inverse(self, a, b):
        x = torch.cat([a, b], -1)
        x = F.relu(self.dense("inverse/hidden0", x))
        return self.dense("inverse/out", F.relu(self.dense("inverse/hidden1", x)))

    def loss(self, pixels, actions):
        b, t = pixels.shape[:2]
        rows = self.encode(pixels.flatten(0, 1))
        n, d = rows.shape
        z = rows.view(b, t, d)
        at, pred = z[:, 0], 0
        for k in range(t - 1):
            at = self.predict(at, actions[:, k])
            pred = pred + F.mse_loss(at, z[:, k + 1])
        idm = F.mse_loss(self.inverse(z[:, :-1], z[:, 1:]), actions)
        centred = rows - rows.mean(0)
        std = F.relu(1 - (centred.square().sum(0) / (n - 1) + 1e-4).sqrt()).mean()
        cov = centred.t() @ centred / (n - 1)
        off = cov.square().sum() - cov.diagonal().square().sum()
        sim = F.mse_loss(z[:, 1:], z[:, :-1])
        return pred / (t - 1) + idm + 16 * std + 8 * off / (d * (d - 1)) + 12 * sim


def train(data):
    moments = ("/adamw_m", "/adamw_v")
    names = [k for k in data if "/" in k and not k.startswith(("batch", "expected")) and not k.endswith(moments)]
    net = Net({k: data[k] for k in names})
    for v in net.p.values():
        v.requires_grad_()
    groups = [[k for k in names if k.startswith("encoder/")], [k for k in names if not k.startswith("encoder/")]]
    optimizer = torch.optim.AdamW(net.p.values(), lr=1e-3, weight_decay=1e-5, fused=True)
    for k, v in net.p.items():
        optimizer.state[v] = {"step": data["step"][0].clone(), "exp_avg": torch_layout(data[k + moments[0]]),
                              "exp_avg_sq": torch_layout(data[k + moments[1]])}
    rates = data["rates"].tolist()
    batches = [(data[f"batch{k}/0"].to(torch.uint8), data[f"batch{k}/1"]) for k in range(len(rates))]
    made = 0

    def step():
        nonlocal made
        k = made % len(rates)
        made += 1
        for g in optimizer.param_groups:
            g["lr"] = rates[k]
        optimizer.zero_grad(set_to_none=True)
        value = net.loss(*batches[k])
        value.backward()
        for group in groups:
            torch.nn.utils.clip_grad_norm_([net.p[n] for n in group], 2.0)
        optimizer.step()
        return value.item()

    losses = torch.tensor([step() for _ in rates])
    return gap(losses, data["expected"]), step


def blocks(data):
    count, heads, causal, made, rate, decay = data["sizes"].tolist()
    moments = ("/adamw_m", "/adamw_v")
    own = ("x", "target", "sizes", "expected")
    p = {k: torch_layout(v).requires_grad_() for k, v in data.items() if k not in own and not k.endswith(moments)}
    optimizer = torch.optim.AdamW(p.values(), lr=rate, weight_decay=decay, fused=True)
    for k, v in p.items():
        optimizer.state[v] = {"step": torch.tensor(made), "exp_avg": torch_layout(data[k + moments[0]]),
                              "exp_avg_sq": torch_layout(data[k + moments[1]])}
    x, target = data["x"], data["target"]
    b, t, d = x.shape
    heads = int(heads)

    def dense(name, v):
        return F.linear(v, p[name + "/weight"], p[name + "/bias"])

    def norm(name, v):
        return F.layer_norm(v, (d,), p[name + "/weight"], p[name + "/bias"])

    def attention(name, v):
        q, k, u = dense(name + "/qkv", v).view(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, u, is_causal=causal > 0)
        return dense(name + "/out", y.transpose(1, 2).reshape(b, t, d))

    def step():
        optimizer.zero_grad(set_to_none=True)
        y = x
        for i in range(int(count)):
            n = f"block{i}"
            y = y + attention(n + "/attention", norm(n + "/norm0", y))
            y = y + dense(n + "/mlp/1", F.gelu(dense(n + "/mlp/0", norm(n + "/norm1", y))))
        loss = F.mse_loss(dense("head", norm("norm", y)), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = torch.tensor([step() for _ in range(len(data["expected"]))])
    return gap(losses, data["expected"]), step


def rollout(data):
    net = Net({k: v for k, v in data.items() if "/" in k})
    state, actions = data["state"], data["actions"]  # [1, D], [N, L, A]
    n, length = actions.shape[:2]
    steps = actions.transpose(0, 1).contiguous()

    @torch.inference_mode()
    def run():
        z = state.expand(n, -1).contiguous()
        out = torch.empty(n, length, z.shape[1])
        for t in range(length):
            z = net.predict(z, steps[t])
            out[:, t] = z
        return out

    return gap(run(), data["expected"]), run


def encoder(data):
    net = Net({k: v for k, v in data.items() if "/" in k})
    pixels = data["pixels"].to(torch.uint8)
    run = torch.inference_mode()(lambda: net.encode(pixels))
    return gap(run(), data["expected"]), run


def step(data):
    net = Net({k: v for k, v in data.items() if "/" in k})
    state, action = data["state"], data["actions"].flatten(0, 1)

    @torch.inference_mode()
    def run():
        x = F.relu(net.dense("predictor/hidden0", torch.cat([state, action], -1)))
        x = F.relu(net.dense("predictor/hidden1", x))
        return state + net.dense("predictor/out", x)

    return gap(run(), data["expected"]), run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=["train", "blocks", "rollout", "encoder", "step"])
    parser.add_argument("file")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    difference, run = globals()[args.work](read(args.file))
    print(json.dumps({"peer": f"PyTorch {torch.__version__}, eager, channels_last", "gap": difference}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if len(words) != 2 or words[0] != "run":
            sys.exit(f"torch_peer: {line!r} is not \"run N\"")
        seconds = []
        for _ in range(int(words[1])):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
