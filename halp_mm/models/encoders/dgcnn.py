"""The point cloud encoder of Skeleton Cloud Colorization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.models.encoders.base import Encoder
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, get_layout

#: Slope of the activations for negative inputs, as in DGCNN.
_SLOPE = 0.2


class EdgeConvolution(nn.Module):
    """The maximum over a point's neighbours of a layer that sees the point and the difference.

    Source: DGCNN (Wang et al., ACM TOG 2019), Sec. 3.1.

    Args:
        in_dim: Length of a point's vector.
        out_dim: Length of the result.
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.of_point = nn.Linear(in_dim, out_dim, bias=False)
        self.of_difference = nn.Linear(in_dim, out_dim, bias=False)
        self.norm = nn.BatchNorm1d(out_dim)

    def forward(self, points: Tensor, neighbours: Tensor) -> Tensor:
        """Map points ``[N, P, in_dim]`` with neighbours ``[N, P, K]`` to ``[N, P, out_dim]``."""
        of_difference = self.of_difference(points)  # linear: the difference of both ends'
        rows = neighbours.flatten(1)[..., None].expand(-1, -1, of_difference.shape[-1])
        ends = of_difference.gather(1, rows).unflatten(1, neighbours.shape[1:])
        edges = (self.of_point(points) - of_difference)[:, :, None] + ends
        normed = self.norm(edges.flatten(0, 2)).view(edges.shape)
        return F.leaky_relu(normed, _SLOPE).amax(2)


@MODELS.register_module()
class DGCNN(Encoder):
    """A dynamic graph network on a clip as one cloud of points: all joints of all frames.

    Each layer connects a point with its nearest neighbours by the vectors that the layer before has
    made, first of all by coordinates, so also across frames. A feature is the maximum over the
    points. A person who is all zero in a frame is not in the cloud there.

    Source: Skeleton Cloud Colorization (Yang et al., ICCV 2021); DGCNN (Wang et al., ACM TOG 2019).
    Sizes are DGCNN's.

    Args:
        layout: Joint layout of the clips.
        num_channels: Number of coordinates of a joint.
        channels: Lengths of a point's vector after each layer.
        feature_dim: Length D of a feature.
        num_neighbours: K, at most the joints of all people.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if a size is less than 1, or there are no layers.
    """

    keeps_people = True
    keeps_joints = True

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_channels: int = 3,
        channels: Sequence[int] = (64, 64, 128, 256),
        feature_dim: int = 1024,
        num_neighbours: int = 20,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(
            num_channels=num_channels, feature_dim=feature_dim, num_neighbours=num_neighbours
        )
        for size in channels:
            check_count(channels=size)
        if not channels:
            raise ValueError('channels is empty; expected the size of one layer or more')
        self.layout = get_layout(layout)
        self.num_channels = num_channels
        self.num_neighbours = num_neighbours
        self.feature_dim = self.map_dim = feature_dim
        self.layers = nn.ModuleList(
            EdgeConvolution(*sizes) for sizes in pairwise([num_channels, *channels])
        )
        self.last = nn.Linear(sum(channels), feature_dim, bias=False)
        self.last_norm = nn.BatchNorm1d(feature_dim)

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to vectors of the points ``[N, M, D, T, V]``.

        Raises:
            ValueError: if the clips differ from the encoder in joints or coordinates.
        """
        self.check_joints(clips)
        is_point = clips.flatten(3).any(-1)[..., None].expand(clips.shape[:4]).flatten(1)
        num_neighbours = min(self.num_neighbours, clips.shape[1] * clips.shape[3])  # of one frame
        points, results = clips.flatten(1, 3), []
        for layer in self.layers:
            points = layer(points, nearest_neighbours(points, is_point, num_neighbours))
            results.append(points)
        points = self.last(torch.cat(results, -1))
        points = self.last_norm(points.flatten(0, 1)).view(points.shape)
        points = F.leaky_relu(points, _SLOPE) * is_point[..., None]
        return points.unflatten(1, clips.shape[1:4]).permute(0, 1, 4, 2, 3)

    def readout(self, feature_map: Tensor) -> Tensor:
        """Take the maximum over all points that exist: ``[N, M, D, T, V]`` to ``[N, D]``."""
        points = feature_map.transpose(1, 2).flatten(2)  # [N, D, P]
        is_point = points.any(1, keepdim=True)
        largest = points.masked_fill(~is_point, -torch.inf).amax(2)
        return largest.where(is_point.any(2), 0)


@torch.no_grad()
def nearest_neighbours(points: Tensor, is_point: Tensor, count: int) -> Tensor:
    """The places of each point's nearest points, itself among them, ``[N, P, count]``.

    Args:
        points: ``[N, P, D]``.
        is_point: Which of them exist, boolean ``[N, P]``. What does not is nobody's neighbour; a
            point with too few neighbours is its own several times.
        count: Number of neighbours.
    """
    length = points.square().sum(-1)
    # Minus the squared distance, but for the point's own length, which all share.
    closeness = 2 * points @ points.mT - length[:, None]
    closeness = closeness.masked_fill(~is_point[:, None], -torch.inf)
    closest, places = closeness.topk(count, 2)
    itself = torch.arange(points.shape[1], device=points.device)[:, None]
    return places.where(closest > -torch.inf, itself)
