"""Recordings of many kinds to data files.

Worker processes import this package, so its names are imported when they are asked for.
"""

from halp_mm.lazy_names import lazy_names

_MODULES = {
    'AnnotationSource': 'halp_mm.preparation.annotations.source',
    'BadDataError': 'halp_mm.problems',
    'ClipFacts': 'halp_mm.preparation.source',
    'FolderSource': 'halp_mm.preparation.folder.source',
    'MSRAction3DSource': 'halp_mm.preparation.msr_action3d.source',
    'NTUSource': 'halp_mm.preparation.ntu.source',
    'NWUCLASource': 'halp_mm.preparation.nw_ucla.source',
    'PKUSource': 'halp_mm.preparation.pku.source',
    'PoseFilesSource': 'halp_mm.preparation.folder.pose_files',
    'Parsed': 'halp_mm.preparation.raw_files',
    'ParsedClip': 'halp_mm.preparation.raw_files',
    'Problem': 'halp_mm.problems',
    'RawFiles': 'halp_mm.preparation.raw_files',
    'Source': 'halp_mm.preparation.source',
    'Summary': 'halp_mm.preparation.summary',
    'UTDMHADSource': 'halp_mm.preparation.utd_mhad.source',
    'find_files': 'halp_mm.preparation.raw_files',
    'prepare': 'halp_mm.preparation.preparing',
    'prepare_annotations': 'halp_mm.preparation.annotations.source',
    'prepare_folder': 'halp_mm.preparation.folder.source',
    'prepare_msr_action3d': 'halp_mm.preparation.msr_action3d.source',
    'prepare_ntu': 'halp_mm.preparation.ntu.source',
    'prepare_nw_ucla': 'halp_mm.preparation.nw_ucla.source',
    'prepare_pku': 'halp_mm.preparation.pku.source',
    'prepare_utd_mhad': 'halp_mm.preparation.utd_mhad.source',
    'write_annotations': 'halp_mm.preparation.annotations.writing',
}
__all__ = list(_MODULES)
__getattr__ = lazy_names(__name__, _MODULES)
