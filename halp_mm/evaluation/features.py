"""Features of a whole data set."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, get_rank, get_world_size
from mmengine.model import BaseModel
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from halp_mm.datasets import SkeletonDataset, batch_positions, clip_lengths, pad_clips
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import BatchTransform


@torch.no_grad()
def extract_features(
    model: BaseModel,
    dataset: SkeletonDataset | Subset,
    batch_size: int = 256,
    view: BatchTransform | None = None,
    seed: tuple[int, int] = (0, 0),
) -> dict[str, Tensor]:
    """Encode every clip of a data set; distributed processes share the work.

    Args:
        model: A pre-trainer or a classifier. Its mode, training or evaluation, is restored.
        dataset: The clips, all or some of a data set's.
        batch_size: Maximum number of clips that are encoded at a time.
        view: What the encoder is shown; by default the preprocessor's evaluation view.
        seed: Seed and epoch of the view's draws.

    Returns:
        Features ``[N, D]`` by stream, float32, in the data set's order, on the model's device.
    """
    rank, world_size = get_rank(), get_world_size()
    # Every rank encodes as many clips; the last ones may be encoded twice, and are cut off below.
    count = -(-len(dataset) // world_size)
    mine = [(rank + i * world_size) % len(dataset) for i in range(count)]
    batches = batch_positions(clip_lengths(dataset)[mine], batch_size)
    loader = DataLoader(Subset(dataset, mine), batch_sampler=batches, collate_fn=pad_clips)
    preprocessor = model.data_preprocessor
    view = preprocessor.evaluation_view if view is None else view
    was_training = model.training
    model.eval()
    parts: dict[str, Tensor] = {}
    for iteration, (positions, batch) in enumerate(zip(batches, loader)):
        progress = TrainingProgress(seed[1], iteration, len(loader), seed[0], rank)
        views = preprocessor.make_views({**batch, 'progress': progress}, {'clip': view})
        for stream, feature in model(**views, mode='tensor').items():
            if stream not in parts:  # filled in place: of a large data set there is no second copy
                parts[stream] = feature.new_empty(count, feature.shape[1], dtype=torch.float32)
            parts[stream][positions] = feature.float()
    model.train(was_training)
    if world_size == 1:
        return parts
    return {
        stream: torch.stack(all_gather(part), 1).flatten(0, 1)[: len(dataset)]
        for stream, part in parts.items()
    }
