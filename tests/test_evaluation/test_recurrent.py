"""The recurrent classifier on a frozen encoder, against a loop over clips, people and frames."""

import copy

import pytest
import torch

from halp_mm.evaluation import RecurrentProtocol
from halp_mm.evaluation.recurrent import RecurrentClassifier
from halp_mm.models import SeBiReNet
from tests.test_evaluation.test_finetune import model_with, poses

__all__ = ['poses']
SETTINGS = dict(hidden_size=6, epochs=60, batch_size=7, learning_rate=0.02, optimizer='Adam')
GCN = dict(type='STGCN', base_channels=16, stages=(1, 1), feature_dim=6, dropout=0.3)


def test_states_are_averaged_over_the_people_and_frames_that_are_seen():
    encoder = SeBiReNet(hidden_size=4, code_dim=2)
    gru, linear = torch.nn.GRU(50, 3, batch_first=True), torch.nn.Linear(3, 5)
    clips = torch.randn(3, 2, 6, 25, 3)
    clips[1, 1] = 0
    clips[2, :, 4:] = 0
    classifier = RecurrentClassifier(encoder, gru, linear, 0.0).eval()
    classifier.norm.running_mean.normal_()
    classifier.norm.running_var.uniform_(0.5, 2)
    logits = classifier(clips)
    codes = encoder.pose_codes(encoder.forward_map(clips)).flatten(3)
    codes = (codes - classifier.norm.running_mean) / (classifier.norm.running_var + 1e-5).sqrt()
    for clip, (people, frames) in enumerate([(2, 6), (1, 6), (2, 4)]):
        state = sum(gru(codes[clip, i, :frames][None])[0][0].mean(0) for i in range(people))
        torch.testing.assert_close(logits[clip], linear(state / people))


@pytest.mark.parametrize('encoder', [dict(type='SeBiReNet', hidden_size=8, code_dim=4), GCN])
def test_only_the_classifier_learns(encoder, poses):
    model = model_with(encoder=encoder)
    before = copy.deepcopy(model.state_dict())
    protocol = RecurrentProtocol(**SETTINGS)
    networks = []
    build = protocol.new_networks

    def keep(*args):
        networks.append(build(*args)['joint'])
        return {'joint': networks[0]}

    protocol.new_networks = keep
    outcome = protocol.outcome(model, *poses)
    assert (outcome.scores['joint'].argmax(1) == poses[1].labels).sum() >= 5  # of 6
    assert outcome.model is None
    assert 'best_top1' in outcome.metrics
    state = networks[0].encoder.state_dict()
    original = model.encoders['joint'].state_dict()
    assert all(torch.equal(value, original[name]) for name, value in state.items())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    again = RecurrentProtocol(**SETTINGS).outcome(model, *poses)
    assert torch.equal(outcome.scores['joint'], again.scores['joint'])


def test_arguments_are_checked():
    for name, value in dict(hidden_size=0, num_layers=0, dropout=1.0).items():
        with pytest.raises(ValueError, match=f'{name} must be'):
            RecurrentProtocol(**{name: value})
