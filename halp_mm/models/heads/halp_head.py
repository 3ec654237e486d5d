"""HaLP: hallucinated positives in latent space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_positive,
)
from halp_mm.models.heads.base import PretrainingHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, spherical_kmeans
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


class Positives(NamedTuple):
    """Hallucinated positives z_H = alpha anchor + beta target, G for each of B anchors.

    The vectors are never computed. Only their similarities are needed, which are the same
    combination of the anchor's and the target's similarities.
    """

    alpha: Tensor  #: ``[B, G]``
    beta: Tensor  #: ``[B, G]``
    target: Tensor  #: ``[B, G]``, index of the target P_sel
    kept: Tensor  #: boolean ``[B, G]``: passes the rank filter
    t_star: Tensor  #: ``[B, G]``


def hardest_step(
    anchor_selected: Tensor, anchor_closest: Tensor, selected_closest: Tensor
) -> Tensor:
    """t*: the largest step along the geodesic at which P* is at least as similar as P_sel. Eq. (7).

    The equation's fraction is expanded by z_k.(P* - P_sel), which is never negative. This avoids a
    division by zero, gives 0 for P_sel = P*, and lets atan2 find the angle also for a negative
    kappa + cos(Omega).

    Args:
        anchor_selected: z_k.P_sel, the cosine of Omega.
        anchor_closest: z_k.P*, the largest similarity between the anchor and a prototype.
        selected_closest: P_sel.P*.

    Returns:
        t*, within [0, 1].
    """
    omega = torch.acos(anchor_selected.clamp(-1, 1))
    sine = omega.sin().clamp(min=0)  # pi in float32 is larger than pi
    margin = (anchor_closest - anchor_selected).clamp(min=0)
    angle = torch.atan2(
        sine * margin, (1 - selected_closest).clamp(min=0) + anchor_selected * margin
    )
    return torch.where(omega > 0, angle / omega.clamp(min=1e-12), 0.0).clamp(max=1)


def slerp_coefficients(t: Tensor, cosine: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha and beta of the point alpha a + beta b at a share t of the way from a to b. Eq. (4).

    Args:
        t: Share of the way.
        cosine: a.b of the unit vectors.

    Returns:
        sin((1 - t) Omega) / sin(Omega) and sin(t Omega) / sin(Omega); 1 - t and t for equal a
        and b.
    """
    omega = torch.acos(cosine.clamp(-1, 1))
    sine = omega.sin()
    straight = sine < 1e-6
    sine = torch.where(straight, 1.0, sine)
    alpha = torch.where(straight, 1 - t, ((1 - t) * omega).sin() / sine)
    beta = torch.where(straight, t, (t * omega).sin() / sine)
    return alpha, beta


@MODELS.register_module()
class HaLPHead(PretrainingHead):
    """Pull queries to positives between their keys and prototypes of the queue. Algorithm 1.

    The weight of this head is the paper's mu, and ``hardness`` is its lambda. The defaults are the
    paper's; options that mention the release follow the released code.

    Source: HaLP (Shah et al., CVPR 2023), Sec. 3 and 4.2.

    Args:
        num_positives: G, the number of hallucinated positives per anchor.
        num_prototypes: N, the number of prototypes.
        num_newest: K, the number of the queue's newest entries to cluster.
        update_interval: Iterations between two clusterings.
        hardness: lambda; t is drawn from [0, lambda t*].
        temperature: tau.
        anchor: Start of the hallucinated positives, ``'key'`` or ``'query'``.
        direction: Their direction, ``'prototype'`` or ``'query'``. With ``'query'`` there is no t*,
            and t is drawn from [0, lambda].
        hardest_only: Whether to use t = t* instead of drawing t.
        rank_filter: Whether to drop positives whose closest prototype differs from their anchor's,
            Eq. (2).
        release_range: Whether to draw t from [(1 - lambda) t*, t*], as the release does.
        skip_closest: Whether never to select P* itself, as the release does.
        view: Name of the query view.
        key_view: Name of the key view.

    Raises:
        ValueError: if an argument is out of range, or arguments contradict each other.
    """

    prototypes: Tensor
    has_prototypes: Tensor

    def __init__(
        self,
        num_positives: int = 100,
        num_prototypes: int = 20,
        num_newest: int = 256,
        update_interval: int = 5,
        hardness: float = 0.8,
        temperature: float = 0.07,
        anchor: str = 'key',
        direction: str = 'prototype',
        hardest_only: bool = False,
        rank_filter: bool = True,
        release_range: bool = False,
        skip_closest: bool = False,
        view: str = 'query',
        key_view: str = 'key',
    ) -> None:
        super().__init__()
        check_count(
            num_positives=num_positives,
            num_prototypes=num_prototypes,
            num_newest=num_newest,
            update_interval=update_interval,
        )
        check_fraction(hardness=hardness)
        check_positive(temperature=temperature)
        check_choice(('key', 'query'), anchor=anchor)
        check_choice(('prototype', 'query'), direction=direction)
        check_flag(
            hardest_only=hardest_only,
            rank_filter=rank_filter,
            release_range=release_range,
            skip_closest=skip_closest,
        )
        if direction == 'query' and anchor == 'query':
            raise ValueError("anchor='query' cannot move towards itself, direction='query'")
        if not 1 + skip_closest <= num_prototypes <= num_newest:
            raise ValueError(
                f'num_newest={num_newest} entries cannot make num_prototypes={num_prototypes}'
            )
        self.num_positives = num_positives
        self.num_prototypes = num_prototypes
        self.num_newest = num_newest
        self.update_interval = update_interval
        self.hardness = hardness
        self.temperature = temperature
        self.anchor = anchor
        self.direction = direction
        self.hardest_only = hardest_only
        self.rank_filter = rank_filter
        self.release_range = release_range
        self.skip_closest = skip_closest
        self.view = view
        self.key_view = key_view
        # Only the newest keys of the queue are read; the query is compared only with positives.
        self.reads = Reads(
            queries=frozenset([view]),
            keys=frozenset([key_view]),
            queues={key_view: num_newest},
        )

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the buffer of the prototypes ``[streams, N, D]``."""
        shape = (
            len(networks),
            self.num_prototypes,
            next(iter(networks.values())).embedding_dim,
        )
        self.register_buffer('prototypes', F.normalize(torch.ones(shape), dim=-1))
        self.register_buffer('has_prototypes', torch.zeros(len(networks), dtype=torch.bool))

    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """Compute ``loss``, Eq. (8), the share ``positives_kept`` and the mean ``t_star``."""
        active = progress.active_iterations
        if active >= 0 and active % self.update_interval == 0:
            self.update_prototypes(streams, progress)
        results = {}
        for i, (name, outputs) in enumerate(streams.items()):
            query, key = outputs.queries[self.view], outputs.keys[self.key_view]
            generator = progress.generator(key.device, f'HaLP {name}')
            loss, positives = self.halp_loss(query, key, self.prototypes[i], generator)
            # Until the queue holds num_newest keys, prototypes are meaningless.
            ready = self.has_prototypes[i]
            results[name] = {
                'loss': torch.where(ready, loss, 0.0),
                'positives_kept': (positives.kept & ready).float().mean(),
                't_star': (positives.t_star * ready).mean(),
            }
        return results

    @torch.no_grad()
    def update_prototypes(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> None:
        """Cluster the newest keys of all streams' queues at once. Sec. 3.5."""
        queues = [outputs.queues[self.key_view] for outputs in streams.values()]
        newest = torch.stack([queue.newest(self.num_newest) for queue in queues])
        generator = progress.generator(newest.device, 'prototypes', same_on_all_ranks=True)
        self.prototypes.copy_(spherical_kmeans(newest, self.num_prototypes, generator))
        enqueued = torch.stack([queue.num_enqueued for queue in queues])
        self.has_prototypes.copy_(enqueued >= self.num_newest)

    def halp_loss(
        self, query: Tensor, key: Tensor, prototypes: Tensor, generator: Generator | None = None
    ) -> tuple[Tensor, Positives]:
        """Compute Eq. (8) for one stream, averaged over the anchors.

        The loss is linear in the query. It is therefore the query's similarity to the mean of its
        kept positives, negated and divided by tau. An anchor without kept positives contributes
        zero. Only the query has a gradient.

        Args:
            query: z_q, unit vectors ``[B, D]``.
            key: z_k, unit vectors ``[B, D]``.
            prototypes: P, unit vectors ``[N, D]``.
            generator: Generator for the draws of P_sel and t.

        Returns:
            The scalar loss and the positives.
        """
        with torch.no_grad():
            detached = query.detach().to(key.dtype)
            anchor = key if self.anchor == 'key' else detached
            towards_query = self.direction == 'query'
            positives = self.hallucinate(
                anchor, prototypes, detached if towards_query else None, generator
            )
            kept = positives.kept.to(positives.alpha.dtype)
            share = kept / kept.sum(1, keepdim=True).clamp(min=1)
            of_anchor = (share * positives.alpha).sum(1, keepdim=True)
            of_targets = share * positives.beta
            if towards_query:
                mean_target = of_targets.sum(1, keepdim=True) * detached
            else:
                of_prototypes = share.new_zeros(len(key), len(prototypes))
                of_prototypes.scatter_add_(1, positives.target, of_targets)
                mean_target = of_prototypes @ prototypes
            mean_positive = of_anchor * anchor + mean_target
        return -(query * mean_positive).sum(1).mean() / self.temperature, positives

    def hallucinate(
        self,
        anchor: Tensor,
        prototypes: Tensor,
        end: Tensor | None = None,
        generator: Generator | None = None,
    ) -> Positives:
        """Draw G positives for each anchor.

        Args:
            anchor: Unit vectors ``[B, D]``.
            prototypes: P, unit vectors ``[N, D]``.
            end: Unit vectors ``[B, D]`` to move towards; random prototypes by default.
            generator: Generator for the draws.
        """
        anchor_prototype = anchor @ prototypes.T
        closest_similarity, closest = anchor_prototype.max(1, keepdim=True)
        shape = (len(anchor), self.num_positives)
        selected = self.select_prototypes(closest, shape, generator)
        if end is None:
            prototype_prototype = prototypes @ prototypes.T
            cosine = anchor_prototype.gather(1, selected)
            selected_closest = prototype_prototype[selected, closest]
            t_star = hardest_step(cosine, closest_similarity, selected_closest)
            end_prototype = prototype_prototype.index_select(1, selected.flatten())
            end_prototype = end_prototype.view(-1, *shape)
        else:
            cosine = (anchor * end).sum(1, keepdim=True).expand(shape)
            t_star = torch.ones_like(cosine)
            end_prototype = (prototypes @ end.T)[..., None]
        alpha, beta = slerp_coefficients(self.draw_step(t_star, generator), cosine)
        kept = torch.ones_like(selected, dtype=torch.bool)
        if self.rank_filter:
            # Prototypes are the first dimension: a CPU is slow at reducing a short last one.
            similarity = beta * end_prototype  # [N, B, G]
            similarity.addcmul_(alpha, anchor_prototype.T[..., None])
            own = similarity.gather(0, closest.T[..., None].expand(1, *shape))[0]
            # At t = t* both similarities are equal; the margin absorbs rounding.
            kept = own >= similarity.amax(0) - 1e-5
        return Positives(alpha, beta, selected, kept, t_star)

    def select_prototypes(
        self, closest: Tensor, shape: tuple[int, int], generator: Generator | None
    ) -> Tensor:
        """Draw P_sel for each positive: indices ``[B, G]``, uniform over the prototypes."""
        choices = self.num_prototypes - self.skip_closest
        selected = clip_draws.randint(choices, *shape, generator=generator, device=closest.device)
        return selected + (selected >= closest) if self.skip_closest else selected

    def draw_step(self, t_star: Tensor, generator: Generator | None) -> Tensor:
        """Draw t for each positive, given its t*: ``[B, G]``."""
        if self.hardest_only:
            return t_star
        uniform = clip_draws.rand(
            *t_star.shape, generator=generator, device=t_star.device, dtype=t_star.dtype
        )
        if self.release_range:
            return (1 - self.hardness * uniform) * t_star
        return self.hardness * uniform * t_star
