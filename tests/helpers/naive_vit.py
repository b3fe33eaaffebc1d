"""Vision transformers written out in NumPy from their papers, over published tensor names."""

import math

import numpy as np

erf = np.vectorize(math.erf)


def arrays(module):
    """A module's tensors as float64 arrays by name."""
    return {name: tensor.detach().double().numpy() for name, tensor in module.state_dict().items()}


def sine(position, dims):
    """Embedding of one number: sines, then cosines."""
    angles = [position / 10000 ** (2 * i / dims) for i in range(dims // 2)]
    return np.array([math.sin(a) for a in angles] + [math.cos(a) for a in angles])


def linear(x, state, name):
    return x @ state[f'{name}.weight'].T + state[f'{name}.bias']


def norm(x, state, name, eps):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    return scaled * state[f'{name}.weight'] + state[f'{name}.bias']


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def attend(q, k, v, heads):
    """Softmax attention of (L, D), head by head."""
    size = q.shape[1] // heads
    out = np.zeros_like(v)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = q[:, part] @ k[:, part].T / math.sqrt(size)
        weights = np.exp(scores - scores.max(1, keepdims=True))
        out[:, part] = weights / weights.sum(1, keepdims=True) @ v[:, part]
    return out


def block(x, state, name, heads):
    """A pre-norm block of tokens (L, D)."""
    qkv = linear(norm(x, state, f'{name}.norm1', 1e-6), state, f'{name}.attn.qkv')
    x = x + linear(attend(*np.split(qkv, 3, 1), heads), state, f'{name}.attn.proj')
    hidden = gelu(linear(norm(x, state, f'{name}.norm2', 1e-6), state, f'{name}.mlp.fc1'))
    return x + linear(hidden, state, f'{name}.mlp.fc2')


def patches(image, weight, bias, offset=0):
    """Tokens (L, D) of patches that do not overlap, row by row.

    Args:
        image: (C, H, W).
        weight: (D, C, p, p).
        bias: (D,).
        offset: Pixels that the first patch lies outside, above and to the left; zeros are there.
    """
    p = weight.shape[-1]
    height, width = (size // p * p for size in image.shape[1:])
    image = np.pad(image, ((0, 0), (offset, 0), (offset, 0)))
    rows = []
    for y in range(0, height, p):
        for x in range(0, width, p):
            window = image[:, y : y + p, x : x + p]
            rows.append((weight * window).sum((1, 2, 3)) + bias)
    return np.array(rows)


def dofa_kernels(state, wavelengths, patch, dims):
    """The weight (D, C, p, p) and bias (D,) that DOFA makes for bands in micrometres."""
    name = 'patch_embed.weight_generator'
    waves = np.array([sine(1000 * w, 128) for w in wavelengths])
    hidden = np.maximum(linear(waves, state, 'patch_embed.fclayer.w1'), 0)
    waves = waves + np.maximum(linear(hidden, state, 'patch_embed.fclayer.w2'), 0)
    tokens = np.concatenate([state[f'{name}.weight_tokens'], waves, state[f'{name}.bias_token']])
    layer = f'{name}.transformer_encoder.layers.0'
    weight = state[f'{layer}.self_attn.in_proj_weight']
    qkv = tokens @ weight.T + state[f'{layer}.self_attn.in_proj_bias']
    attended = linear(attend(*np.split(qkv, 3, 1), 4), state, f'{layer}.self_attn.out_proj')
    tokens = norm(tokens + attended, state, f'{layer}.norm1', 1e-5)
    hidden = linear(gelu(linear(tokens, state, f'{layer}.linear1')), state, f'{layer}.linear2')
    tokens = norm(tokens + hidden, state, f'{layer}.norm2', 1e-5)
    kernels = np.zeros((dims, len(wavelengths), patch, patch))
    for band in range(len(wavelengths)):
        numbers = linear(tokens[128 + band] + waves[band], state, f'{name}.fc_weight')
        for row in range(patch):
            for column in range(patch):
                start = (row * patch + column) * dims
                kernels[:, band, row, column] = numbers[start : start + dims]
    return 0.01 * kernels, 0.01 * linear(tokens[-1], state, f'{name}.fc_bias')
