"""Features of a whole data set."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
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
    preprocessor = model.data_preprocessor
    view = preprocessor.evaluation_view if view is None else view
    # Draws of a view are those of a clip's place in the batch, so its batches are those of a single
    # process; otherwise each process encodes as many clips at a time as a single one.
    is_random = getattr(view, 'is_random', False)
    size = batch_size if is_random else batch_size * world_size
    batches = batch_positions(clip_lengths(dataset), size)
    # The processes take turns at being first, who has a clip of each batch.
    places = [(rank + i) % world_size for i in range(len(batches))]
    # Who would have none encodes the first one's clip as well, so that all have features to gather.
    is_mine = [place < len(batch) for place, batch in zip(places, batches)]
    places = [place if mine else 0 for place, mine in zip(places, is_mine)]
    shares = [batch[place::world_size] for place, batch in zip(places, batches)]
    loader = DataLoader(dataset, batch_sampler=shares, collate_fn=pad_clips)
    was_training = model.training
    model.eval()
    features: dict[str, Tensor] = {}
    for i, batch in enumerate(loader):
        progress = TrainingProgress(
            epoch=seed[1],
            iteration=i,
            iterations_per_epoch=len(loader),
            seed=seed[0],
            rank=places[i],
            world_size=world_size,
            num_clips=len(batches[i]),
        )
        views = preprocessor.make_views({**batch, 'progress': progress}, {'clip': view})
        for stream, feature in model(**views, mode='tensor').items():
            if stream not in features:  # filled in place: there is no second copy
                size = (len(dataset), feature.shape[1])
                features[stream] = feature.new_zeros(size, dtype=torch.float32)
            if is_mine[i]:
                features[stream][shares[i]] = feature.float()
    model.train(was_training)
    if world_size > 1:
        for feature in features.values():
            all_reduce(feature)  # each clip's features are those of one process, plus zeros
    return features
