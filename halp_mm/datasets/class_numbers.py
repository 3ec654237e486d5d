"""Classes of integer labels without names: the labels that occur, numbered without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from halp_mm.problems import listing


def number_classes(labels: Iterable[int]) -> dict[int, int]:
    """The class of each label, in the order of the labels: 1 and 12 are the classes 0 and 1.

    Labels that have no gaps from 0 on are their own classes.
    """
    return {label: number for number, label in enumerate(sorted(set(labels)))}


def describe_numbers(class_of_label: Mapping[int, int]) -> str | None:
    """Say that classes have other numbers than their labels; None if they have the same.

    Args:
        class_of_label: What :func:`number_classes` returns.
    """
    if all(label == number for label, number in class_of_label.items()):
        return None
    labels = listing([str(label) for label in class_of_label], 10)
    return (
        f'integer labels with gaps are numbered anew: the classes 0 to {len(class_of_label) - 1} '
        f'are called like their labels{labels}. With the names of all classes (--classes) labels '
        'stay as they are'
    )
