"""Self-distillation over prototypes, against loops."""

import math
from types import SimpleNamespace

import pytest
import torch

from halp_mm.models import PrototypeHead, StreamOutputs
from halp_mm.models.heads.prototype_distillation import sinkhorn_knopp
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
PROJECTOR = dict(type='Projector', hidden_dim=[], out_dim=3)


def head_of(**options) -> PrototypeHead:
    """A head whose teacher differs from the student."""
    encoder = SimpleNamespace(feature_dim=5, feature_parts={'class': 2, 'tokens': 3})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = PrototypeHead(num_prototypes=4, projector=PROJECTOR, **options)
        head.connect({'joint': SimpleNamespace(encoder=encoder)})
        for parameter in head.teachers.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape))
    return head.double()


def outputs_of(head: PrototypeHead, dim: int = 5) -> StreamOutputs:
    features = {v: unit_vectors(6, dim, seed=i) for i, v in enumerate(VIEWS)}
    return StreamOutputs(
        'joint',
        features={v: features[v].requires_grad_() for v in VIEWS if v in head.reads.features},
        key_features={v: unit_vectors(6, dim, seed=50 + i) for i, v in enumerate(VIEWS)
                      if v in head.reads.key_features},
    )  # fmt: skip


def logits_of(network, features: torch.Tensor, temperature: float) -> list[list[float]]:
    """Cosines of projections and prototypes, number by number."""

    def unit(row: list[float]) -> list[float]:
        length = math.sqrt(sum(x * x for x in row))
        return [x / length for x in row]

    (layer,) = network.projector.layers
    prototypes = [unit(row) for row in network.prototypes.weight.tolist()]
    weights = list(zip(layer.weight.tolist(), layer.bias.tolist()))
    projected = [
        unit([sum(w * x for w, x in zip(ws, row)) + bias for ws, bias in weights])
        for row in features.tolist()
    ]
    return [
        [sum(x * y for x, y in zip(row, one)) / temperature for one in prototypes]
        for row in projected
    ]


@pytest.mark.parametrize(
    ('students', 'teachers', 'masked', 'pairs'),
    [
        (('long', 'short'), ('long',), None, [('long', 'short')]),
        (
            VIEWS,
            ('long', 'other'),
            None,
            [('long', 'other'), ('long', 'short'), ('other', 'long'), ('other', 'short')],
        ),
        (('short',), ('long', 'other'), {'short': 'other'}, [('long', 'short')]),
    ],
)
@pytest.mark.parametrize('part', [None, 'tokens'])
def test_loss_equals_a_loop(students, teachers, masked, pairs, part):
    head = head_of(student_views=students, teacher_views=teachers, masked_views=masked, part=part)
    assert head.reads.features == {student for _, student in pairs}
    assert head.reads.key_features == {teacher for teacher, _ in pairs}
    assert not head.reads.queues
    assert not head.reads.embeddings
    outputs = outputs_of(head)
    results = head.loss({'joint': outputs}, TrainingProgress())['joint']
    entries = slice(2, 5) if part else slice(0, 5)
    student, teacher = head.students['joint'], head.teachers.module['joint']
    views = list(dict.fromkeys(view for view, _ in pairs))
    # The teacher's views are balanced together.
    taught = torch.cat([outputs.key_features[view][:, entries] for view in views])
    together = sinkhorn_slowly(logits_of(teacher, taught, 0.06), 3)
    assignments = {view: together[6 * i : 6 * i + 6] for i, view in enumerate(views)}
    total = 0.0
    for view, other in pairs:
        rows = logits_of(student, outputs.features[other][:, entries], 0.1)
        for p, logits in zip(assignments[view], rows):
            normalizer = math.log(sum(math.exp(x) for x in logits))
            total -= sum(a * (x - normalizer) for a, x in zip(p, logits)) / 6 / len(pairs)
    assert results['loss'].item() == pytest.approx(total)
    used = {row.index(max(row)) for row in together}
    assert results['used_prototypes'].item() == pytest.approx(len(used) / 4)
    results['loss'].backward()
    assert all(feature.grad[:, entries].any() for feature in outputs.features.values())
    assert all(parameter.grad.any() for parameter in head.students.parameters())
    assert all(parameter.grad is None for parameter in head.teachers.parameters())


def test_the_teacher_follows():
    head = head_of()
    before = {k: v.clone() for k, v in head.teachers.module.state_dict().items()}
    head.update_copies(0.9)
    for key, value in head.students.state_dict().items():
        expected = 0.9 * before[key] + 0.1 * value
        torch.testing.assert_close(head.teachers.module.state_dict()[key], expected)


def test_the_teachers_temperature_warms_up():
    head = head_of(teacher_temperature=0.07, initial_temperature=0.04, warmup_epochs=30)
    found = [head.temperature_at(TrainingProgress(e, 10 * e, 10)) for e in (0, 10, 30, 99)]
    assert found == pytest.approx([0.04, 0.05, 0.07, 0.07])
    assert head_of(teacher_temperature=0.07).temperature_at(TrainingProgress()) == 0.07


def test_prototypes_are_frozen_at_first():
    head = head_of(frozen_epochs=1)
    losses = []
    for epoch in (0, 1):
        head.zero_grad()
        loss = head.stream_loss(outputs_of(head), TrainingProgress(epoch, epoch))['loss']
        loss.backward()
        losses.append(loss.item())
        weights = head.students['joint'].prototypes.weight
        assert weights.grad.any() == (epoch == 1)
        assert head.students['joint'].projector.layers[0].weight.grad.any()
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ('parts', 'message'),
    [
        (
            {'class': 5},
            r"part='tokens'; .* SimpleNamespace have the parts \['class'\]",
        ),
        ({}, r'the features of SimpleNamespace have no parts\. Name one, or None'),
    ],
)
def test_unknown_parts(parts, message):
    encoder = SimpleNamespace(feature_dim=5, feature_parts=parts)
    with pytest.raises(ValueError, match=message):
        PrototypeHead(part='tokens').connect({'joint': SimpleNamespace(encoder=encoder)})


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
