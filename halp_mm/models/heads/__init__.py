"""Pre-training heads: the terms of a pre-training loss."""

from halp_mm.models.heads.base import PretrainingHead, StreamHead
from halp_mm.models.heads.cmd_head import CMDHead
from halp_mm.models.heads.colorization_head import ColorizationHead
from halp_mm.models.heads.cross_correlation_head import CrossCorrelationHead
from halp_mm.models.heads.cross_stream_head import CrossStreamHead
from halp_mm.models.heads.d3m_head import D3MHead
from halp_mm.models.heads.decorrelation_head import DecorrelationHead
from halp_mm.models.heads.denoising_siamese_head import DenoisingSiameseHead
from halp_mm.models.heads.direction_head import DirectionHead
from halp_mm.models.heads.displacement_head import DisplacementHead
from halp_mm.models.heads.halp_head import HaLPHead
from halp_mm.models.heads.inpainting_head import InpaintingHead
from halp_mm.models.heads.inter_skeleton_head import InterSkeletonHead
from halp_mm.models.heads.jigsaw_head import JigsawHead
from halp_mm.models.heads.koleo_head import KoLeoHead
from halp_mm.models.heads.masked_prediction_head import MaskedPredictionHead
from halp_mm.models.heads.masked_prototype_head import MaskedPrototypeHead
from halp_mm.models.heads.mean_contrast_head import MeanContrastHead
from halp_mm.models.heads.moco_head import MoCoHead
from halp_mm.models.heads.motion_prediction_head import MotionPredictionHead
from halp_mm.models.heads.nnm_head import NNMHead
from halp_mm.models.heads.prototype_head import PrototypeHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.regeneration_head import RegenerationHead
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.heads.supervised_contrast_head import SupervisedContrastHead

__all__ = [
    'CMDHead',
    'ColorizationHead',
    'CrossCorrelationHead',
    'CrossStreamHead',
    'D3MHead',
    'DecorrelationHead',
    'DenoisingSiameseHead',
    'DirectionHead',
    'DisplacementHead',
    'HaLPHead',
    'InpaintingHead',
    'InterSkeletonHead',
    'JigsawHead',
    'KoLeoHead',
    'MaskedPredictionHead',
    'MaskedPrototypeHead',
    'MeanContrastHead',
    'MoCoHead',
    'MotionPredictionHead',
    'NNMHead',
    'PretrainingHead',
    'PrototypeHead',
    'Reads',
    'RegenerationHead',
    'StreamHead',
    'StreamOutputs',
    'SupervisedContrastHead',
]
