"""The blocks of transformers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_count, check_fraction
from halp_mm.models.modules.precision import at_least_float32
from halp_mm.models.modules.rotary_positions import rotated


def attend(
    query: Tensor, key: Tensor, value: Tensor, is_seen: Tensor | None, dropout: float
) -> Tensor:
    """Scaled dot-product attention ``[B, heads, L, D]``.

    On a CPU it is in float32 if a gradient is asked for, which takes PyTorch up to ten times as
    long in bfloat16.

    Args:
        query: ``[B, heads, L, D]``, and so are key and value.
        key: The keys.
        value: The values.
        is_seen: Boolean, broadcast to ``[B, heads, L, L]``: what is attended to; None for all.
        dropout: Probability of dropping an attention weight.
    """
    if query.device.type != 'cpu' or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(query, key, value, is_seen, dropout)
    with torch.autocast('cpu', enabled=False):
        query, key, value = map(at_least_float32, (query, key, value))
        return F.scaled_dot_product_attention(query, key, value, is_seen, dropout)


class SelfAttention(nn.Module):
    """Multi-head self-attention among the tokens of a sequence.

    Source: Vaswani et al., NeurIPS 2017, Sec. 3.2.

    Args:
        dim: Length D of a token.
        num_heads: Number of heads; divides D.
        dropout: Probability of dropping an attention weight, and an entry of the output.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(
        self,
        tokens: Tensor,
        is_seen: Tensor | None = None,
        rotation: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Map tokens ``[B, L, D]`` to ``[B, L, D]``.

        Args:
            tokens: The tokens.
            is_seen: Boolean ``[B, L]``: which tokens are attended to; None for all.
            rotation: Cosines and sines by which queries and keys are turned, see
                :func:`~halp_mm.models.modules.rotary_positions.rotated`; None for no turning.
        """
        heads = self.query_key_value(tokens).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        if rotation is not None:
            query, key = rotated(query, *rotation), rotated(key, *rotation)
        dropout = self.dropout if self.training else 0.0
        mask = None if is_seen is None else is_seen[:, None, None]
        attended = attend(query, key, value, mask, dropout)
        output = self.output(attended.transpose(1, 2).flatten(2))
        return F.dropout(output, self.dropout, self.training)


class DropPath(nn.Module):
    """Drop a residual branch of a sequence at random while training; scale the branches kept.

    Source: stochastic depth (Huang et al., ECCV 2016).

    Args:
        probability: Probability of dropping.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Drop rows of ``[B, ...]``."""
        if not self.training or self.probability == 0:
            return x
        is_kept = torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) >= self.probability
        return x * is_kept / (1 - self.probability)


class TransformerBlock(nn.Module):
    """Self-attention and a perceptron, each after a layer norm and beside a residual connection.

    Args:
        dim: Length D of a token.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of the perceptron's hidden layer, as a multiple of D.
        drop_path: Probability of dropping a residual branch.
        mlp: Another perceptron, instead of one with ``mlp_ratio``.
        norm_eps: Added to the variances of the layer norms.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        mlp: nn.Module | None = None,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim, norm_eps)
        self.attention = SelfAttention(dim, num_heads)
        self.mlp_norm = nn.LayerNorm(dim, norm_eps)
        self.mlp = perceptron(dim, mlp_ratio) if mlp is None else mlp
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, rotation: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Map tokens ``[B, L, D]`` to ``[B, L, D]``; ``rotation`` as in the attention."""
        attended = self.attention(self.attention_norm(tokens), rotation=rotation)
        tokens = tokens + self.drop_path(attended)
        return tokens + self.drop_path(self.mlp(self.mlp_norm(tokens)))


class GatedPerceptron(nn.Module):
    """A perceptron whose hidden units are multiplied by gates; SwiGLU.

    It has about as many weights as one of ``mlp_ratio`` without gates: two thirds of the hidden
    units, rounded up to a multiple of 8.

    Source: Shazeer, "GLU variants improve transformer", 2020.

    Args:
        dim: Length D of a token.
        mlp_ratio: Units of the hidden layer without gates, as a multiple of D.
    """

    def __init__(self, dim: int, mlp_ratio: float) -> None:
        super().__init__()
        hidden_dim = (int(int(dim * mlp_ratio) * 2 / 3) + 7) // 8 * 8
        self.gate_and_hidden = nn.Linear(dim, 2 * hidden_dim)
        self.output = nn.Linear(hidden_dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens ``[B, L, D]`` to ``[B, L, D]``."""
        gate, hidden = self.gate_and_hidden(tokens).chunk(2, -1)
        return self.output(F.silu(gate) * hidden)


def perceptron(dim: int, mlp_ratio: float) -> nn.Sequential:
    """The perceptron of a block, with one hidden layer of ``dim * mlp_ratio`` units."""
    hidden_dim = int(dim * mlp_ratio)
    return nn.Sequential(nn.Linear(dim, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, dim))


def transformer_blocks(
    depth: int, dim: int, num_heads: int, mlp_ratio: float, drop_path: float = 0.0
) -> nn.Sequential:
    """Stack transformer blocks, and a layer norm at the end.

    Args:
        depth: Number of blocks.
        dim: Length D of a token.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of D.
        drop_path: Probability of dropping a residual branch of the last block; it grows linearly
            from 0 in the first.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_count(depth=depth)
    check_fraction(below_one=True, drop_path=drop_path)
    check_at_least(0, mlp_ratio=mlp_ratio)
    check_heads(dim, num_heads)
    rates = drop_path_rates(depth, drop_path)
    blocks = [TransformerBlock(dim, num_heads, mlp_ratio, rate) for rate in rates]
    return nn.Sequential(*blocks, nn.LayerNorm(dim))


def drop_path_rates(depth: int, last: float) -> list[float]:
    """Probabilities of dropping a residual branch: 0 in the first block, growing linearly."""
    return torch.linspace(0, last, depth, device='cpu').tolist()


def check_heads(dim: int, num_heads: int) -> None:
    """Raise a ValueError unless the heads share a token of length D equally."""
    check_count(num_heads=num_heads)
    if dim % num_heads:
        raise ValueError(f'num_heads={num_heads} does not divide the length {dim} of a token')


def initialize_transformer(module: nn.Module) -> None:
    """Initialise linear layers uniformly by their sizes, and biases by zero.

    Source: the initialisation of masked autoencoders (He et al., CVPR 2022), after Glorot and
    Bengio (AISTATS 2010).

    Args:
        module: A module and its submodules are initialised.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
