"""Inpainting with a discriminator, against a loop over what is hidden."""

import pytest
import torch
from torch.nn.functional import logsigmoid

from halp_mm.models import InpaintingHead, StreamOutputs
from halp_mm.models.heads.inpainting_head import as_frames
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator

ENCODER = dict(type='BiGRU', hidden_size=4, num_layers=1)


def connected(**settings) -> InpaintingHead:
    sizes = dict(hidden_size=5, num_layers=2, discriminator_size=3, discriminator_layers=2)
    head = InpaintingHead(**{**sizes, **settings})
    head.connect({'joint': EmbeddingNetwork(ENCODER, None)})
    return head.double()


def outputs() -> StreamOutputs:
    source = generator(3)
    clips = torch.randn(4, 2, 6, 25, 3, generator=source, dtype=torch.float64)
    clips[1, 1] = 0
    mask = torch.rand(4, 2, 6, 25, generator=source) < 0.4
    feature = torch.randn(4, 8, generator=source, dtype=torch.float64)
    return StreamOutputs(
        'joint',
        clips={'clean': clips, 'masked': clips.masked_fill(mask[..., None], 0)},
        draws={'masked': {'mask': mask}},
        features={'clean': feature.requires_grad_()},
    )


def test_losses_equal_a_loop():
    head, seen = connected(adversarial_weight=0.3), outputs()
    decoder, discriminator = head.decoders['joint'], head.discriminators['joint']
    clips, mask = seen.clips['clean'], seen.draws['masked']['mask']
    squares, fooled, told = [], [], []
    for clip, incomplete, hidden, feature in zip(
        clips, seen.clips['masked'], mask, seen.features['clean']
    ):
        state = decoder.start(feature).tanh().view(2, 5)
        emitted = decoder.output(decoder.cells(as_frames(incomplete[None])[0], state)[0])
        emitted = emitted.view(6, 2, 25, 3).transpose(0, 1)
        filled = clip.clone()
        for person in range(2):
            if clip[person].any():
                where = hidden[person]
                squares.append((emitted[person][where] - clip[person][where]) ** 2)
                filled[person][where] = emitted[person][where].detach()
        real, made = (
            discriminator.output(discriminator.cells(as_frames(c[None])[0])[1][-1])
            for c in (clip, filled)
        )
        fooled.append(-logsigmoid(made))
        told.append(-logsigmoid(real) - logsigmoid(-made))
    error = torch.cat(squares).mean()
    adversarial, discrimination = (torch.stack(terms).mean() for terms in (fooled, told))
    expected = dict(error=error, adversarial=adversarial, discriminator=discrimination)
    expected['loss'] = error + 0.3 * adversarial + discrimination
    losses = head.stream_loss(seen, TrainingProgress())
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item()), name


def test_each_side_learns_from_its_own_term():
    """One backward pass gives the gradients of two that are apart."""
    head, seen = connected(adversarial_weight=0.3), outputs()
    decoder, discriminator = head.decoders['joint'], head.discriminators['joint']
    loss = head.stream_loss(seen, TrainingProgress())['loss']
    feature = seen.features['clean']
    own = [feature, *decoder.parameters()]
    others = list(discriminator.parameters())
    assert all(parameter.requires_grad for parameter in others)
    found = torch.autograd.grad(loss, own + others)

    clips, mask = as_frames(seen.clips['clean']), seen.draws['masked']['mask']
    hidden = mask & seen.clips['clean'].flatten(3).any(-1)[..., None]
    hidden = as_frames(hidden[..., None].expand_as(seen.clips['clean']))
    filled = decoder(feature, as_frames(seen.clips['masked'])).where(hidden, clips)
    error = (filled - clips)[hidden].square().mean()
    misled = error + 0.3 * -logsigmoid(discriminator(filled)).mean()
    told = -logsigmoid(discriminator(clips)) - logsigmoid(-discriminator(filled.detach()))
    expected = torch.autograd.grad(misled, own) + torch.autograd.grad(told.mean(), others)
    for a, b in zip(found, expected):
        torch.testing.assert_close(a, b)


def test_without_an_adversary_there_is_no_discriminator():
    head, seen = connected(adversarial_weight=0), outputs()
    assert not len(head.discriminators)
    error = connected().stream_loss(seen, TrainingProgress())['error']
    assert set(head.stream_loss(seen, TrainingProgress())) == {'loss'}
    assert error.isfinite()


def test_what_does_not_fit_is_refused():
    for name, value in dict(adversarial_weight=-1, hidden_size=0, discriminator_layers=0).items():
        with pytest.raises(ValueError, match=f'{name} must be'):
            InpaintingHead(**{name: value})
    network = EmbeddingNetwork(dict(type='SeBiReNet', hidden_size=4), None)
    with pytest.raises(ValueError, match='SeBiReNet takes any number'):
        InpaintingHead().connect({'joint': network})
    with pytest.raises(ValueError, match=r"view 'masked' has no mask to fill in"):
        connected().stream_loss(StreamOutputs('joint'), TrainingProgress())
