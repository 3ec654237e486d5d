"""Self-distillation over prototypes, against loops."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import PrototypeHead, StreamOutputs
from halp_mm.models.heads.prototype_head import sinkhorn_knopp
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator, unit_vectors


def sinkhorn_slowly(logits: list[list[float]], num_iterations: int) -> list[list[float]]:
    """SwAV, Eq. (3): exponentials, then columns and rows in turn."""
    rows = [[math.exp(x) for x in row] for row in logits]
    for _ in range(num_iterations):
        sums = [sum(row[k] for row in rows) for k in range(len(rows[0]))]
        rows = [[x / s for x, s in zip(row, sums)] for row in rows]
        rows = [[x / sum(row) for x in row] for row in rows]
    return rows


@pytest.mark.parametrize('shape', [(6, 4), (4, 6), (1, 3)])
@pytest.mark.parametrize('num_iterations', [1, 3, 10])
def test_sinkhorn_knopp_equals_a_loop(shape, num_iterations):
    logits = 3 * torch.randn(shape, generator=generator(), dtype=torch.float64)
    found = sinkhorn_knopp(logits, num_iterations)
    expected = torch.tensor(sinkhorn_slowly(logits.tolist(), num_iterations), dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_marginals():
    """Every clip is assigned once; in the end all prototypes get as much."""
    logits = 3 * torch.randn(12, 5, generator=generator(), dtype=torch.float64)
    ones = torch.ones(12, dtype=torch.float64)
    torch.testing.assert_close(sinkhorn_knopp(logits, 3).sum(1), ones)
    found = sinkhorn_knopp(logits, 500)
    torch.testing.assert_close(found.sum(1), ones)
    torch.testing.assert_close(found.sum(0), torch.full((5,), 12 / 5, dtype=torch.float64))


def test_sharp_logits_stay_finite():
    found = sinkhorn_knopp(torch.randn(6, 4, generator=generator()) * 1e4)
    assert found.isfinite().all()
    torch.testing.assert_close(found.sum(1), torch.ones(6))


VIEWS = ('long', 'other', 'short')


def head_of(**options) -> PrototypeHead:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = PrototypeHead(num_prototypes=4, **options)
        head.connect({'joint': SimpleNamespace(embedding_dim=5)})
    return head.double()


def outputs_of(head: PrototypeHead, seed: int = 0) -> StreamOutputs:
    embeddings = {v: unit_vectors(6, 5, seed=10 * seed + i) for i, v in enumerate(VIEWS)}
    return StreamOutputs(
        'joint',
        queries={v: embeddings[v].requires_grad_() for v in VIEWS if v in head.reads.queries},
        keys={v: unit_vectors(6, 5, seed=50 + i) for i, v in enumerate(VIEWS)
              if v in head.reads.keys},
    )  # fmt: skip


@pytest.mark.parametrize(
    ('students', 'teachers', 'pairs'),
    [
        (('long', 'short'), ('long',), [('long', 'short')]),
        (
            VIEWS,
            ('long', 'other'),
            [('long', 'other'), ('long', 'short'), ('other', 'long'), ('other', 'short')],
        ),
    ],
)
def test_loss_equals_a_loop(students, teachers, pairs):
    head = head_of(student_views=students, teacher_views=teachers)
    assert head.reads.queries == {student for _, student in pairs}
    assert head.reads.keys == {teacher for teacher, _ in pairs}
    assert not head.reads.queues
    outputs = outputs_of(head)
    results = head.loss({'joint': outputs}, TrainingProgress())['joint']
    prototypes = [
        [x / math.sqrt(sum(y * y for y in row)) for x in row]
        for row in head.prototypes['joint'].weight.tolist()
    ]

    def logits_of(embedding: torch.Tensor, temperature: float) -> list[list[float]]:
        return [
            [sum(x * y for x, y in zip(row, prototype)) / temperature for prototype in prototypes]
            for row in embedding.tolist()
        ]

    total, used = 0.0, {}
    for teacher, student in pairs:
        assignment = sinkhorn_slowly(logits_of(outputs.keys[teacher], 0.06), 3)
        used.setdefault(teacher, {row.index(max(row)) for row in assignment})
        for p, logits in zip(assignment, logits_of(outputs.queries[student], 0.1)):
            normalizer = math.log(sum(math.exp(x) for x in logits))
            total -= sum(a * (x - normalizer) for a, x in zip(p, logits)) / 6 / len(pairs)
    assert results['loss'].item() == pytest.approx(total)
    assert results['used_prototypes'].item() == pytest.approx(len(used['long']) / 4)
    results['loss'].backward()
    assert all(query.grad.any() for query in outputs.queries.values())
    assert head.prototypes['joint'].weight.grad.any()


def test_the_teacher_is_fixed():
    """Prototypes learn through the student only."""
    head = head_of()
    outputs = outputs_of(head)
    outputs.keys['long'].requires_grad_()
    head.loss({'joint': outputs}, TrainingProgress())['joint']['loss'].backward()
    assert outputs.keys['long'].grad is None
    weight = head.prototypes['joint'].weight
    prototypes = F.normalize(weight.detach(), dim=1)
    assignment = sinkhorn_knopp(outputs.keys['long'].detach() @ prototypes.T / 0.06)

    def student_loss(weight: torch.Tensor) -> torch.Tensor:
        logits = outputs.queries['short'].detach() @ F.normalize(weight, dim=1).T / 0.1
        return -(assignment * logits.log_softmax(1)).sum(1).mean()

    copy = weight.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(student_loss(copy), copy)
    torch.testing.assert_close(weight.grad, gradient)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(student_views=['long'], teacher_views=['long']),
            r"student_views=\['long'\] cannot learn from teacher_views=\['long'\]",
        ),
        (dict(student_views=[]), 'student_views must be a list of different names'),
        (dict(num_prototypes=0), 'num_prototypes must be a whole number of at least 1'),
        (dict(teacher_temperature=0), 'teacher_temperature must be a finite number above 0'),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        PrototypeHead(**options)
