"""Heads that look at the whole batch: two ranks of n clips are one of 2n."""

from pathlib import Path
from types import SimpleNamespace

import torch

from halp_mm.models import (
    CrossCorrelationHead,
    DecorrelationHead,
    KoLeoHead,
    PretrainingHead,
    PrototypeHead,
    StreamOutputs,
)
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator, unit_vectors
from tests.ranks import connected, run_ranks

CLIPS = 8


def build_heads() -> dict[str, PretrainingHead]:
    torch.manual_seed(0)
    heads = {
        'barlow': CrossCorrelationHead(0.1, view='long', other_view='short'),
        'decorrelation': DecorrelationHead(('long', 'short')),
        'koleo': KoLeoHead(('long', 'short')),
        'prototypes': PrototypeHead(num_prototypes=3),
    }
    encoder = SimpleNamespace(feature_dim=5)
    for head in heads.values():
        head.connect({'joint': SimpleNamespace(embedding_dim=5, encoder=encoder)})
        head.double()
    return heads


def losses_and_gradients(rows: slice) -> dict[str, dict]:
    """Of each head, for some of the clips, whose queries come from one linear layer."""
    results = {}
    for name, head in build_heads().items():
        source = generator(1)
        layer = torch.nn.Linear(4, 5, dtype=torch.float64)
        layer.load_state_dict({k: unit_vectors(*v.shape) for k, v in layer.state_dict().items()})
        inputs = torch.randn(2, CLIPS, 4, generator=source, dtype=torch.float64)
        keys = unit_vectors(CLIPS, 5, seed=2)
        read = {
            view: layer(x[rows])
            for view, x in zip(('long', 'short'), inputs)
            if view in head.reads.encoded
        }
        copied = {'long': keys[rows]}
        outputs = StreamOutputs(
            'joint', queries=read, features=read, keys=copied, key_features=copied
        )
        loss = head.loss({'joint': outputs}, TrainingProgress())['joint']['loss']
        loss.backward()
        parameters = [
            (name, parameter)
            for module in (layer, head)
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        ]
        results[name] = {'loss': loss.detach(), **{n: p.grad for n, p in parameters}}
    return results


def judge_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        half = CLIPS // 2
        torch.save(
            losses_and_gradients(slice(rank * half, (rank + 1) * half)), f'{folder}/rank{rank}.pth'
        )


def test_two_ranks_are_one_of_as_many_clips(tmp_path: Path):
    """The loss and, averaged as DDP does, the gradients; which half of the clips would not have."""
    ranks = run_ranks(judge_as_rank, tmp_path)
    whole, half = losses_and_gradients(slice(None)), losses_and_gradients(slice(CLIPS // 2))
    for head, expected in whole.items():
        assert {'loss', 'weight', 'bias'} <= set(expected)
        for name, value in expected.items():
            mean = (ranks[0][head][name] + ranks[1][head][name]) / 2
            torch.testing.assert_close(mean, value, msg=f'{head} {name}', rtol=1e-9, atol=1e-12)
            if name != 'bias':  # which Barlow Twins takes off again
                assert not torch.allclose(half[head][name], value, rtol=1e-3)
    torch.testing.assert_close(ranks[0]['barlow']['loss'], whole['barlow']['loss'])
