"""Raw recordings of public data sets to data files."""

from halp_mm.datasets.sources.annotation_conversion import (
    PickleSummary,
    convert_annotations,
    write_annotations,
)
from halp_mm.datasets.sources.annotations import (
    Annotations,
    AnnotationsSummary,
    read_annotations,
)
from halp_mm.datasets.sources.folder import FolderSummary, prepare_folder
from halp_mm.datasets.sources.msr_action3d import Summary, fill_gaps, prepare_msr_action3d
from halp_mm.datasets.sources.ntu import NTUSummary, prepare_ntu
from halp_mm.datasets.sources.pku import PKUSummary, prepare_pku
from halp_mm.datasets.sources.preparation import BadFilesError

__all__ = [
    'Annotations',
    'AnnotationsSummary',
    'BadFilesError',
    'FolderSummary',
    'NTUSummary',
    'PKUSummary',
    'PickleSummary',
    'Summary',
    'convert_annotations',
    'fill_gaps',
    'prepare_folder',
    'prepare_msr_action3d',
    'prepare_ntu',
    'prepare_pku',
    'read_annotations',
    'write_annotations',
]
