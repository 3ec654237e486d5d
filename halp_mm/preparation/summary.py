"""The summary of a preparation: what became of the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from halp_mm.preparation.raw_files import ParsedClip
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.problems import MAX_LISTED, Problem, listing, problem_lines


@dataclass
class Summary:
    """What a data file holds and what was omitted; it is also in the file's notes.

    Args:
        layout: The layout of the data file.
        recordings: The number of parsed recordings.
        clips: The number of clips in the data file.
        splits: The number of clips in each split.
        published: The published number of clips in each split.
        without_split: The number of clips in no split.
        classes: The number of clips of each class.
        without_label: The number of clips without a label.
        people: The number of clips for each number of people.
        frames: The minimum and maximum frames of a clip.
        cleaning: For each kind of cleaning, how often it was applied to each clip.
        remarks: Remarks of the source.
        left_out: For each reason, the names of the omitted clips or recordings.
        problems: What is wrong with them.
    """

    layout: str
    recordings: int = 0
    clips: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    without_split: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    without_label: int = 0
    people: dict[int, int] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)
    cleaning: dict[str, dict[str, int]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, source: Source, layout: str) -> Summary:
        """The summary of a source before anything is read.

        Args:
            source: The source.
            layout: The layout of the data file.
        """
        return cls(
            layout,
            splits=dict.fromkeys(source.splits, 0),
            published={name: count for name, count in source.splits.items() if count is not None},
            classes=dict.fromkeys(source.class_names, 0),
        )

    def leave_out(self, reason: str, names: Iterable[str]) -> None:
        """Note that clips or recordings are not in the data file."""
        names = list(names)
        if names:
            self.left_out.setdefault(reason, []).extend(names)

    def count(
        self, clip: ParsedClip, shape: tuple[int, int], facts: ClipFacts, class_name: str | None
    ) -> None:
        """Count a clip that is in the data file.

        Args:
            clip: The clip as it was parsed.
            shape: How many people and frames it has.
            facts: What is known of it.
            class_name: Its class; None if it has no label.
        """
        people, frames = shape
        self.clips += 1
        if class_name is None:
            self.without_label += 1
        else:
            self.classes[class_name] += 1
        for split in facts.splits:
            self.splits[split] = self.splits.get(split, 0) + 1
        self.without_split += not facts.splits
        self.people[people] = self.people.get(people, 0) + 1
        shortest, longest = self.frames or (frames, frames)
        self.frames = [min(shortest, frames), max(longest, frames)]
        for way, times in clip.cleaning.items():
            cleaned = self.cleaning.setdefault(way, {})
            if times:
                cleaned[clip.name] = times

    def __str__(self) -> str:
        lines = [f'clips: {self.clips} from {self.recordings} recordings']
        for name, count in sorted(self.splits.items()):
            known = f' (published {self.published[name]})' if name in self.published else ''
            lines.append(f'  {name} {count}{known}')
        lines += [f'  {self.without_split} in no split'] if self.without_split else []
        people = [f'{number} in {clips} clips' for number, clips in sorted(self.people.items())]
        lines += [
            f'classes: {len(self.classes)}{_few(self.classes)}',
            *([f'  {self.without_label} without a label'] if self.without_label else []),
            f'people: {", ".join(people)}',
            f'frames: {" to ".join(map(str, self.frames))} a clip',
            f'layout: {self.layout}',
        ]
        for way, cleaned in self.cleaning.items():
            total = sum(cleaned.values())
            lines.append(f'{way}: {total} in {len(cleaned)} clips{_few(cleaned)}')
        lines += self.remarks
        lines.append(f'left out: {sum(map(len, self.left_out.values()))}')
        lines += [f'  {len(names)} {why}{listing(names)}' for why, names in self.left_out.items()]
        lines += [f'problems: {len(self.problems)}', *problem_lines(self.problems)]
        return '\n'.join(lines)


def _few(counts: Mapping[str, int]) -> str:
    """The names with their counts if they are few; the notes have all of them."""
    if len(counts) <= MAX_LISTED:
        return listing([f'{name} ({count})' for name, count in counts.items()])
    return ''
