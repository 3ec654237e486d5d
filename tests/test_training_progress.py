"""Moments of a training run and their random draws."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from halp_mm import clip_draws
from halp_mm.training_progress import TrainingProgress

CPU = torch.device('cpu')


def draw(progress: TrainingProgress, purpose: str = 'a', **kwargs) -> list[float]:
    return torch.rand(4, generator=progress.generator(CPU, purpose, **kwargs)).tolist()


def test_iterations_since_an_epoch():
    progress = TrainingProgress(epoch=3, iteration=35, iterations_per_epoch=10)
    since = [replace(progress, start_epoch=epoch).active_iterations for epoch in (0, 3, 4)]
    assert since == [35, 5, -5]
    assert TrainingProgress().active_iterations == 0


def test_draws_are_repeatable_and_belong_to_the_moment():
    progress = TrainingProgress(epoch=2, iteration=25, iterations_per_epoch=10, seed=4, rank=1)
    torch.rand(3)
    assert draw(progress) == draw(replace(progress))
    others = [
        replace(progress, epoch=3),
        replace(progress, iteration=26),
        replace(progress, seed=5),
        replace(progress, rank=0),
        replace(progress, iteration=25 + 2**24),
    ]
    draws = [draw(progress), draw(progress, 'b'), *(draw(other) for other in others)]
    assert len({tuple(d) for d in draws}) == len(draws)


def test_lengths_and_starts_do_not_change_draws():
    progress = TrainingProgress(1, 5, 5)
    assert (
        draw(progress) == draw(TrainingProgress(1, 5, 7)) == draw(replace(progress, start_epoch=1))
    )


def test_same_draws_on_all_ranks():
    ranks = [TrainingProgress(iteration=7, rank=rank) for rank in range(4)]
    assert len({tuple(draw(p)) for p in ranks}) == 4
    assert len({tuple(draw(p, same_on_all_ranks=True)) for p in ranks}) == 1


def test_many_moments_have_different_draws():
    draws = {
        tuple(draw(TrainingProgress(i // 100, i, 100, rank=rank)))
        for i in range(1000)
        for rank in (0, 1)
    }
    assert len(draws) == 2000


def test_numbers_may_be_close_without_being_confused():
    """Seeds, epochs, iterations and ranks of several digits are told apart."""
    a = TrainingProgress(epoch=1, iteration=11, seed=0)
    b = TrainingProgress(epoch=11, iteration=1, seed=0)
    assert draw(a) != draw(b)
    assert draw(TrainingProgress(seed=1, epoch=2)) != draw(TrainingProgress(seed=12))


def test_a_moment_does_not_change():
    with pytest.raises(FrozenInstanceError):
        TrainingProgress().epoch = 1


def test_processes_draw_the_rows_of_one():
    """Through clip_draws; PyTorch's functions draw each process's own."""
    whole = TrainingProgress(epoch=1, iteration=6, seed=3)
    ranks = [replace(whole, rank=rank, world_size=3) for rank in range(3)]

    def draws(progress: TrainingProgress, clips: int) -> list[torch.Tensor]:
        settings = dict(generator=progress.generator(CPU, 'a'), device=CPU)
        return [
            clip_draws.rand(clips, 4, **settings),
            clip_draws.randn(clips, 2, 3, **settings),
            clip_draws.randint(9, clips, 5, **settings),
            clip_draws.rand(2, clips, dtype=torch.float64, clip_dim=1, **settings).T,
        ]

    expected = draws(whole, 12)
    for i, parts in enumerate(zip(*(draws(progress, 4) for progress in ranks))):
        assert torch.equal(torch.stack(parts, 1).flatten(0, 1), expected[i])
    generator = whole.generator(CPU, 'a')
    assert torch.equal(torch.rand(12, 4, generator=generator), expected[0])
    assert torch.equal(torch.randn(12, 2, 3, generator=generator), expected[1])

    own = {tuple(draw(progress)) for progress in (whole, *ranks)}
    assert len(own) == 4
    # A draw of one kind does not move the other kind's.
    generator = ranks[1].generator(CPU, 'a')
    torch.rand(7, generator=generator)
    first = clip_draws.rand(4, 4, generator=generator, device=CPU)
    assert torch.equal(first, expected[0][1::3])


def test_processes_with_unequal_shares_draw_the_rows_of_one():
    whole = TrainingProgress(epoch=1, iteration=6, seed=3)
    expected = clip_draws.randn(5, 7, generator=whole.generator(CPU, 'a'), device=CPU)
    for rank, share in enumerate((2, 2, 1)):
        progress = replace(whole, rank=rank, world_size=3, num_clips=5)
        own = clip_draws.randn(share, 7, generator=progress.generator(CPU, 'a'), device=CPU)
        assert torch.equal(own, expected[rank::3])


def test_draws_of_frames_do_not_depend_on_the_longest_clip():
    whole = TrainingProgress(epoch=1, iteration=6, seed=3)

    def draws(progress: TrainingProgress, clips: int, frames: int) -> list[torch.Tensor]:
        settings = dict(generator=progress.generator(CPU, 'a'), device=CPU)
        size = (clips, 2, frames, 3)
        return [
            clip_draws.randn_of_frames(*size, frame_dim=2, **settings),
            clip_draws.randn_of_frames(*size, frame_dim=2, **settings),
            clip_draws.rand(clips, 4, **settings),
        ]

    expected = draws(whole, 6, 200)
    assert not torch.equal(expected[0], expected[1])
    values = expected[0].flatten()
    assert values.unique().numel() > 0.999 * values.numel()  # blocks are not repeated
    assert abs(float(values.mean())) < 0.05
    assert float(values.std()) == pytest.approx(1, abs=0.05)
    for rank, frames in enumerate((1, 64, 130)):
        own = draws(replace(whole, rank=rank, world_size=3), 2, frames)
        for found, all_of_them in zip(own[:2], expected):
            assert found.shape == (2, 2, frames, 3)
            assert torch.equal(found, all_of_them[rank::3, :, :frames])
        assert torch.equal(own[2], expected[2][rank::3])


def test_draws_without_a_generator_are_pytorchs():
    torch.manual_seed(5)
    drawn = clip_draws.rand(3, 2, generator=None, device=CPU)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3, 2))
