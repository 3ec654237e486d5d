"""SLiM's losses, from given logits and features, and against loops."""

from types import SimpleNamespace

import pytest
import torch

from halp_mm.models import KoLeoHead, MaskedPrototypeHead, PrototypeHead, StreamOutputs
from halp_mm.models.heads.koleo_head import koleo_loss
from halp_mm.models.heads.prototype_distillation import sinkhorn_knopp
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, generator, reference

VECTORS = reference('slim_losses_own_rendering')
TEMPERATURES = dict(
    student_temperature=float(VECTORS['student_temperature']),
    teacher_temperature=float(VECTORS['teacher_temperature']),
)


class Given(torch.nn.Module):
    """Takes its inputs for similarities to prototypes."""

    def forward(self, features, fixed=False):
        return features


def with_given_logits(head, num_prototypes: int):
    """A head whose networks compute nothing."""
    head.entries = {'joint': slice(0, num_prototypes)}
    head.students = {'joint': Given()}
    head.teachers = SimpleNamespace(module=head.students)
    return head


def test_global_local_contrast_equals_the_formula():
    taught = VECTORS['teacher_cls_logits_two_views'].double().chunk(2)
    assigned = sinkhorn_knopp(torch.cat(taught) / TEMPERATURES['teacher_temperature'])
    assert_relative(assigned.roll(len(taught[0]), 0), VECTORS['assignment_cls_swapped'], 1e-6)
    masked = VECTORS['student_global_logits'].double().chunk(2)
    local = VECTORS['student_local_logits'].double().chunk(int(VECTORS['num_local']))
    features = {f'masked_{i}': one for i, one in enumerate(masked)}
    features |= {f'local_{i}': one for i, one in enumerate(local)}
    head = PrototypeHead(
        list(features),
        ['global_0', 'global_1'],
        {'masked_0': 'global_0', 'masked_1': 'global_1'},
        num_prototypes=taught[0].shape[1],
        **TEMPERATURES,
    )
    outputs = StreamOutputs(
        'joint',
        features=features,
        key_features={f'global_{i}': one for i, one in enumerate(taught)},
    )
    with_given_logits(head, taught[0].shape[1])
    found = head.stream_loss(outputs, TrainingProgress())['loss']
    assert_relative(found, VECTORS['glcl_local'] + VECTORS['glcl_global'], 1e-6)


def masked_outputs(mask, student, teacher, num_joints: int = 2) -> StreamOutputs:
    """Two views of half the clips each, with logits at their hidden tokens."""
    draws, maps, key_maps = {}, {}, {}
    places = mask.nonzero(as_tuple=True)
    tokens = []
    for logits in (student, teacher):
        whole = torch.randn(*mask.shape, logits.shape[1], generator=generator(), dtype=logits.dtype)
        whole[places] = logits
        tokens.append(whole.unflatten(1, (-1, num_joints)).permute(0, 3, 1, 2)[:, None])
    for i, hidden in enumerate(mask.chunk(2)):
        cells = hidden.unflatten(1, (-1, num_joints))[:, None]
        draws[f'masked_{i}'] = dict(mask=cells, hidden=cells.flatten().nonzero().flatten())
        maps[f'masked_{i}'], key_maps[f'global_{i}'] = (one.chunk(2)[i] for one in tokens)
    return StreamOutputs('joint', draws=draws, maps=maps, key_maps=key_maps)


MASKED_VIEWS = dict(masked_0='global_0', masked_1='global_1')


def test_masked_feature_prediction_equals_the_formula():
    student, teacher = (VECTORS[f'{x}_patch_logits'].double() for x in ('student', 'teacher'))
    assigned = sinkhorn_knopp(teacher / TEMPERATURES['teacher_temperature'])
    assert_relative(assigned, VECTORS['assignment_patch'], 1e-6)
    head = MaskedPrototypeHead(MASKED_VIEWS, num_prototypes=student.shape[1], **TEMPERATURES)
    with_given_logits(head, student.shape[1])
    outputs = masked_outputs(VECTORS['mask'], student, teacher)
    results = head.stream_loss(outputs, TrainingProgress())
    assert_relative(results['loss'], VECTORS['mfp'], 1e-6)
    assert_relative(results['hidden'], VECTORS['mask'].double().mean(), 1e-6)


def test_nothing_hidden_is_no_loss():
    mask = torch.zeros(4, 6, dtype=torch.bool)
    student = torch.randn(0, 3, requires_grad=True)
    head = with_given_logits(MaskedPrototypeHead(MASKED_VIEWS, num_prototypes=3), 3)
    outputs = masked_outputs(mask, student, student.detach())
    loss = head.stream_loss(outputs, TrainingProgress())['loss']
    assert loss == 0
    assert loss.isfinite()


def test_koleo_equals_the_formula_and_a_loop():
    features = VECTORS['student_cls_features'].double()
    head = KoLeoHead(('one', 'other'))
    head.connect({'joint': SimpleNamespace(encoder=SimpleNamespace(feature_dim=6))})
    outputs = StreamOutputs('joint', features=dict(zip(('one', 'other'), features.chunk(2))))
    loss = head.stream_loss(outputs, TrainingProgress())['loss']
    assert_relative(loss, VECTORS['koleo_sum_of_two_views'], 1e-6)
    unit = features / features.norm(dim=1, keepdim=True)
    distances = (unit[:, None] - unit).norm(dim=-1)
    distances.fill_diagonal_(9)
    assert koleo_loss(features).item() == pytest.approx(
        -distances.amin(1).log().mean().item(), abs=1e-5
    )


def test_the_total_is_the_sum_of_the_heads():
    parts = sum(VECTORS[name] for name in ('glcl_local', 'glcl_global', 'mfp'))
    total = parts + VECTORS['koleo_weight'] * VECTORS['koleo_sum_of_two_views']
    assert_relative(total, VECTORS['total'], 1e-6)


def test_wrong_settings():
    with pytest.raises(ValueError, match='views is empty; expected masked views and their bases'):
        MaskedPrototypeHead({})
    encoder = SimpleNamespace(replaces_hidden=False)
    with pytest.raises(ValueError, match='SimpleNamespace has no token for what a mask hides'):
        MaskedPrototypeHead(MASKED_VIEWS).connect({'joint': SimpleNamespace(encoder=encoder)})
    head = with_given_logits(MaskedPrototypeHead(MASKED_VIEWS), 3)
    with pytest.raises(ValueError, match="view 'masked_0' has no hidden tokens to predict; add Se"):
        head.stream_loss(StreamOutputs('joint'), TrainingProgress())
