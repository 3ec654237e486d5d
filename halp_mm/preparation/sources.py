"""The sources that come with the package; importing this module registers them."""

from halp_mm.preparation.annotations.source import AnnotationSource
from halp_mm.preparation.folder.pose_files import PoseFilesSource
from halp_mm.preparation.folder.source import FolderSource
from halp_mm.preparation.msr_action3d.source import MSRAction3DSource
from halp_mm.preparation.ntu.source import NTUSource
from halp_mm.preparation.pku.source import PKUSource

__all__ = [
    'AnnotationSource',
    'FolderSource',
    'MSRAction3DSource',
    'NTUSource',
    'PKUSource',
    'PoseFilesSource',
]
