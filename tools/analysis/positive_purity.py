"""Are hallucinated positives positives? Ask the labels that training never sees.

Embeds the training clips by the key network, clusters and hallucinates as the HaLPHead of the
config does, and prints how pure the prototypes' clusters are and whose clip each positive is
nearest to: its anchor, another clip of the anchor's class, or a clip of another class.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from halp_mm.apis import build_model, check_data_files, load_config
from halp_mm.datasets import pad_clips
from halp_mm.models import HaLPHead, Pretrainer
from halp_mm.models.modules import spherical_kmeans
from halp_mm.registry import DATASETS


@torch.no_grad()
def embed(model: Pretrainer, dataset: torch.utils.data.Dataset, stream: str) -> Tensor:
    """Key embeddings ``[N, D]`` of a data set's clips."""
    network = model.key_networks.module[stream]
    loader = DataLoader(dataset, 256, collate_fn=pad_clips)
    batches = (model.data_preprocessor(batch)['views']['clip'][stream] for batch in loader)
    return torch.cat([network(clips) for clips in batches])


def cluster_purity(embeddings: Tensor, labels: Tensor, prototypes: Tensor) -> float:
    """Share of clips that have the most frequent class of their cluster, per cent."""
    clusters = (embeddings @ prototypes.T).argmax(1)
    counts = torch.zeros(len(prototypes), int(labels.max()) + 1)
    counts.index_put_((clusters.cpu(), labels), torch.ones(len(labels)), accumulate=True)
    return 100 * counts.amax(1).sum().item() / len(labels)


@torch.no_grad()
def nearest_clips(
    head: HaLPHead,
    embeddings: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    generator: torch.Generator,
) -> dict[str, float]:
    """Whose clip the kept positives are nearest to, per cent."""
    positives = head.hallucinate(embeddings, prototypes, generator=generator)
    vectors = (
        positives.alpha[..., None] * embeddings[:, None]
        + positives.beta[..., None] * prototypes[positives.target]
    )
    nearest = (F.normalize(vectors, dim=-1) @ embeddings.T).argmax(-1).cpu()[positives.kept.cpu()]
    anchor = torch.arange(len(labels))[:, None].expand(positives.kept.shape)[positives.kept.cpu()]
    own, same = nearest == anchor, labels[nearest] == labels[anchor]
    shares = {'its anchor': own, 'the same class': same & ~own, 'another class': ~same}
    return {name: 100 * share.double().mean().item() for name, share in shares.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description='Are hallucinated positives positives?')
    parser.add_argument('config', help='a config with a HaLPHead')
    parser.add_argument('checkpoint')
    args = parser.parse_args()
    config = load_config(args.config)
    check_data_files(config)
    model = build_model(config, args.checkpoint)
    name, head = next((n, head) for n, head in model.heads.items() if isinstance(head, HaLPHead))
    stream = model.terms[name].streams[0]
    dataset = DATASETS.build(config.train_dataloader.dataset)
    embeddings, labels = embed(model, dataset, stream), dataset.labels
    generator = torch.Generator(embeddings.device).manual_seed(config.randomness.seed)
    order = torch.randperm(len(labels), generator=generator, device=embeddings.device)
    newest = embeddings[order[: head.num_newest]]
    prototypes = spherical_kmeans(newest, head.num_prototypes, generator)
    print(f'{len(labels)} clips of {len(labels.unique())} classes, {len(prototypes)} prototypes')
    print(f'cluster purity               {cluster_purity(embeddings, labels, prototypes):5.1f} %')
    for name, share in nearest_clips(head, embeddings, labels, prototypes, generator).items():
        print(f'positives nearest to {name:<15}{share:>6.1f} %')


if __name__ == '__main__':
    main()
