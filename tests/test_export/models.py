"""Small models with all that inference needs to know."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from halp_mm.datasets.known_clips import KnownClips
from halp_mm.engine.saved_model import ModelDescription, SavedModel
from halp_mm.skeletons import get_layout

RESIZE = dict(type='CenterCropResize', num_frames=16)
GRU = dict(type='BiGRU', hidden_size=4, num_layers=1)
TRUE_GRU = GRU | dict(bidirectional=True)
FINAL_GRU = TRUE_GRU | dict(input_norm=None, pooling='final')
VALID_GRU = TRUE_GRU | dict(input_norm=None, pooling='valid', reads_padding=True)
DEVIATION_GRU = TRUE_GRU | dict(input_norm='axis', pooling='deviation', num_segments=2)
HCN = dict(type='HCN', base_channels=4, image_width=16, num_frames=16)
DGCNN = dict(type='DGCNN', channels=[4], feature_dim=8, num_neighbours=4)
SEBIRENET = dict(type='SeBiReNet', hidden_size=4, code_dim=2, num_segments=3)
LSTM = dict(type='LSTM', hidden_size=4)
VIEW_ADAPTED = dict(type='ViewAdaptedEncoder', encoder=LSTM, hidden_size=4)
AGCN = dict(type='AGCN', base_channels=4, stages=[1], feature_dim=8)
TRANSFORMER = dict(
    type='SpatioTemporalTransformer', num_frames=16, embed_dim=8, depth=1, num_heads=2
)
GL_TRANSFORMER = dict(type='GLTransformer', num_frames=16, embed_dim=4, depth=1, num_heads=2)
H_TRANSFORMER = dict(type='HierarchicalTransformer', num_people=2, num_frames=16, hidden_size=16)
DSTE = dict(type='DSTE', num_frames=16, embed_dim=4, depth=1)
SLIM = dict(type='SLiMTransformer', embed_dim=8, depth=1, num_heads=2)
# With fewer channels, oneDNN of torch 2.13 writes beyond its memory in training.
STGCN = dict(type='STGCN', base_channels=16, stages=[1, 1], feature_dim=8)


def own_channels(encoder: Mapping, channels: int) -> dict:
    """The number of channels, unless an encoder takes it from another."""
    return {} if 'encoder' in encoder else {'num_channels': channels}


def saved_model(
    encoders: Mapping[str, dict],
    normalization: Sequence[dict],
    evaluation_view: Sequence[dict] = (RESIZE,),
    classes: Sequence[str] = (),
    layout: str = 'kinect_v2',
    encoder_layout: str | None = None,
    channels: int = 3,
) -> SavedModel:
    """A model of random weights and statistics, for clips of two people."""
    clips = KnownClips(get_layout(layout), 2, channels, 20, 40.0, 80, 1.7)
    seen = get_layout(encoder_layout or layout).to_dict()
    description = ModelDescription(
        {stream: stream for stream in encoders},
        {
            stream: encoder | dict(layout=seen, **own_channels(encoder, channels))
            for stream, encoder in encoders.items()
        },
        list(normalization),
        list(evaluation_view),
        clips,
        list(classes),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = description.build()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.5, 2)
    return SavedModel(model, description)
