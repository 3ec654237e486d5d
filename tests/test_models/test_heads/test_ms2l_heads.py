"""Motion prediction, jigsaw and contrast of MS2L, against its release and loops."""

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import BiGRU, JigsawHead, MeanContrastHead, MotionPredictionHead, StreamOutputs
from halp_mm.models.heads.mean_contrast_head import contrast_pairs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, generator, reference, with_prefix
from tests.test_transforms.test_released_ms2l import LAYOUT

RELEASED = reference('ms2l_model_released')
STATE = with_prefix(RELEASED, 'state/')
FEATURE_DIM = RELEASED['feature'].shape[1]
VIEWS = {'clean': 'input_NTD', 'cut': 'masked', 'shuffled': 'jigsawed'}


def clips(view: str) -> torch.Tensor:
    return RELEASED[VIEWS[view]].unflatten(-1, (-1, 3))[:, None]


def hidden_entries(view: str) -> torch.Tensor:
    """What is hidden of a view, up to the length that the release takes the clips to have."""
    frames = torch.arange(RELEASED['input_NTD'].shape[1])
    is_valid = frames < RELEASED['frames'][:, None]
    is_hidden = is_valid & ~RELEASED[VIEWS[view]].any(-1)
    return is_hidden[:, None, :, None].expand(clips(view).shape[:-1])


def encoder_config(**settings: object) -> dict:
    return dict(
        type='BiGRU',
        layout=LAYOUT,
        num_people=1,
        hidden_size=FEATURE_DIM // 2,
        num_layers=2,
        bidirectional=True,
        input_norm=None,
        pooling='valid',
        **settings,
    )


def released_network() -> EmbeddingNetwork:
    contrast = with_prefix(STATE, 'contra_head.classifier.')
    out_dim, hidden_dim = contrast['3.weight'].shape
    projector = dict(
        type='Projector', hidden_dim=hidden_dim, out_dim=out_dim, batch_norm=True, normalize=False
    )
    network = EmbeddingNetwork(encoder_config(reads_padding=True), projector)
    for direction, suffix in {'forward': '', 'backward': '_reverse'}.items():
        for layer, cell in enumerate(getattr(network.encoder, f'{direction}_cells')):
            cell.load_state_dict(
                {
                    f'{kind}_l0': STATE[f'encoder.gru.{kind}_l{layer}{suffix}']
                    for kind in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')
                }
            )
    network.projector.layers.load_state_dict(contrast)
    return network.eval()


def released_outputs() -> StreamOutputs:
    network = released_network()
    with torch.no_grad():
        maps = {view: network.map_of(clips(view), mask=hidden_entries(view)) for view in VIEWS}
        features = {view: network.encoder.readout(one) for view, one in maps.items()}
        queries = {view: network.projector(feature) for view, feature in features.items()}
    return StreamOutputs(
        'joint',
        clips={'clean': clips('clean')},
        draws={'shuffled': {'permutation': RELEASED['permutation_label']}},
        maps=maps,
        features=features,
        queries=queries,
    )


def loss_of(head, outputs: StreamOutputs) -> torch.Tensor:
    return head.loss({'joint': outputs}, TrainingProgress())['joint']['loss'].detach()


def test_features_equal_the_release():
    feature = released_outputs().features['clean']
    assert_relative(feature, RELEASED['feature'], 1e-5)
    scores = F.linear(feature, STATE['linear.classifier.weight'], STATE['linear.classifier.bias'])
    assert_relative(scores, RELEASED['class_scores'], 1e-5)


def test_the_map_equals_the_release_in_valid_frames():
    encoded = released_outputs().maps['clean'][:, 0, :, :, 0].mT
    frames = torch.arange(encoded.shape[1])
    is_valid = (frames < RELEASED['frames'][:, None])[..., None]
    assert_relative(encoded, RELEASED['encoded_NTD'] * is_valid, 1e-5)


def test_motion_prediction_equals_the_release():
    head = MotionPredictionHead()
    head.connect({'joint': released_network()})
    state = {
        name.replace('decoder.', 'cells.').replace('reconstruction.', 'output.'): value
        for name, value in with_prefix(STATE, 'motion_head.').items()
    }
    head.decoders['joint'].load_state_dict(state)
    assert_relative(loss_of(head, released_outputs()), RELEASED['loss_motion'], 1e-6)


def test_jigsaw_equals_the_release():
    state = with_prefix(STATE, 'jigsaw_head.classifier.')
    head = JigsawHead(hidden_dim=state['0.weight'].shape[0])
    head.connect({'joint': released_network()})
    head.classifiers['joint'].layers.load_state_dict(state)
    assert_relative(loss_of(head.eval(), released_outputs()), RELEASED['loss_jigsaw'], 1e-6)


def test_contrast_equals_the_release():
    temperature = float(RELEASED['temperature'])
    outputs = released_outputs()
    head = MeanContrastHead(temperature=temperature)
    assert_relative(loss_of(head, outputs), RELEASED['loss_contrastive'], 1e-6)
    embeddings = {view: one.double() for view, one in outputs.queries.items()}
    mean = sum(embeddings.values()) / 3
    parts = [contrast_pairs(embeddings[view], mean, temperature) for view in VIEWS]
    assert_relative(torch.stack(parts), RELEASED['loss_contrastive_parts'], 1e-6)


def test_contrast_equals_a_loop():
    first, second = torch.randn(2, 5, 7, dtype=torch.float64, generator=generator())
    rows = [*first, *second]
    total = 0.0
    for i, row in enumerate(rows):
        similarities = [
            -1.0 if i == j else float(F.cosine_similarity(row, other, 0))
            for j, other in enumerate(rows)
        ]
        scaled = torch.tensor(similarities, dtype=torch.float64) / 0.5
        total += float(scaled.exp().sum().log() - scaled[(i + 5) % 10]) / len(rows)
    assert abs(float(contrast_pairs(first, second, 0.5)) - total) < 1e-12


def test_without_reading_padding_it_does_not_matter():
    encoder = MODELS.build(encoder_config()).eval()
    long = clips('clean')[1:2]
    short = long[:, :, : int(RELEASED['frames'][1])]
    assert torch.allclose(encoder(long), encoder(short), atol=1e-6)
    released = MODELS.build(encoder_config(reads_padding=True)).eval()
    released.load_state_dict(encoder.state_dict())
    assert not torch.allclose(released(long), released(short), atol=1e-3)
    assert torch.allclose(released(short), encoder(short), atol=1e-6)


def test_a_pretrainer_tells_hidden_frames_from_padding():
    """Frames that are cut belong to the clip, so their outputs are in the feature."""
    model = MODELS.build(
        dict(
            type='Pretrainer',
            encoder=encoder_config(),
            heads=dict(
                motion=dict(type='MotionPredictionHead'),
                jigsaw=dict(type='JigsawHead', hidden_dim=8),
                contrast=dict(type='MeanContrastHead'),
            ),
            projector=dict(type='Projector', normalize=False),
        )
    )
    mask = hidden_entries('cut')
    draws = {'cut': {'mask': mask}, 'shuffled': {'permutation': RELEASED['permutation_label']}}
    views = {view: {'joint': clips(view)} for view in VIEWS}
    progress = TrainingProgress()
    outputs = model.run_networks('joint', views, draws, progress)
    assert outputs.maps['cut'].any(2).sum((1, 2, 3)).tolist() == RELEASED['frames'].tolist()
    losses = model.loss(views, draws, progress)
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_what_does_not_fit_is_named():
    network = EmbeddingNetwork(dict(type='STGCN', base_channels=4, feature_dim=8), None)
    with pytest.raises(ValueError, match='STGCN separates them'):
        MotionPredictionHead().connect({'joint': network})
    head = JigsawHead(hidden_dim=4)
    head.connect({'joint': EmbeddingNetwork(encoder_config(), None)})
    outputs = StreamOutputs('joint', features={'shuffled': RELEASED['feature']})
    with pytest.raises(ValueError, match='add the transform Jigsaw'):
        loss_of(head, outputs)
    with pytest.raises(ValueError, match='two or more different views'):
        MeanContrastHead(views=['clean', 'clean'])
    with pytest.raises(ValueError, match="needs pooling='valid'"):
        BiGRU(pooling='final', reads_padding=True)
