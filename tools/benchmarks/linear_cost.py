"""Linear evaluation with features that are computed once, and with an encoder in every epoch.

Both train the same classifier on the same features in the same order. The second way encodes the
training clips again in each epoch, as a network with a frozen part does; the test clips both encode
once.
"""

import argparse
import time

import torch
from mmengine.device import get_device

from halp_mm.apis import build_model, check_data_files, load_config
from halp_mm.evaluation import extract_features, top_k_accuracy
from halp_mm.evaluation.linear import mean_and_deviation, standardized
from halp_mm.registry import DATASETS, PROTOCOLS


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description='Cost of linear evaluation')
    parser.add_argument('config', help='a config whose linear protocol has no random train_view')
    parser.add_argument('checkpoint', nargs='?', help='by default the encoder is untrained')
    parser.add_argument('--epochs', type=int, default=20)
    args = parser.parse_args()
    config = load_config(args.config, {'protocols.linear.epochs': args.epochs})
    if config.protocols.linear.get('train_view'):
        parser.error(f'{args.config} draws new crops in every epoch, so nothing can be kept')
    check_data_files(config)
    model = build_model(config, args.checkpoint)
    train = DATASETS.build(config.train_dataloader.dataset)
    test = DATASETS.build(config.test_dataset)
    for dataset in (train, test):
        dataset.normalize_once(model.data_preprocessor.normalization, device=get_device())
    protocol = PROTOCOLS.build({'seed': config.randomness.seed, **config.protocols.linear})
    extract_features(model, test)  # the first batches take longer

    start = time.perf_counter()
    cached = protocol.run(model, train, test).metrics['top1']
    cached_seconds = time.perf_counter() - start

    start = time.perf_counter()
    encoded = (extract_features(model, train) for _ in range(args.epochs))
    seen = extract_features(model, test)
    if protocol.standardize:
        whole = extract_features(model, train)
        scales = {stream: mean_and_deviation(feature) for stream, feature in whole.items()}
        encoded = (standardized(features, scales) for features in encoded)
        seen = standardized(seen, scales)
    classifiers = protocol.train(encoded, train.labels, len(train.metainfo['classes']))
    with torch.no_grad():
        scores = [classifiers[stream](feature).softmax(1) for stream, feature in seen.items()]
    scores = torch.stack(scores).mean(0)
    anew = top_k_accuracy(scores, test.labels.to(scores.device), 1)
    anew_seconds = time.perf_counter() - start

    print(
        f'{args.config}: {len(train)} and {len(test)} clips, {args.epochs} epochs, {get_device()}, '
        f'{torch.get_num_threads()} threads'
    )
    print(f'features computed once         {cached_seconds:7.2f} s, top-1 {cached:.2f}')
    print(f'encoder run in every epoch     {anew_seconds:7.2f} s, top-1 {anew:.2f}')
    print(f'ratio                          {anew_seconds / cached_seconds:7.2f}')


if __name__ == '__main__':
    main()
