"""The sources that come with the package; importing this module registers them."""

from halp_mm.preparation.annotations.source import AnnotationSource
from halp_mm.preparation.folder.pose_files import PoseFilesSource
from halp_mm.preparation.folder.source import FolderSource
from halp_mm.preparation.msr_action3d.source import MSRAction3DSource
from halp_mm.preparation.ntu.source import NTUSource
from halp_mm.preparation.nw_ucla.source import NWUCLASource
from halp_mm.preparation.pku.source import PKUSource
from halp_mm.preparation.utd_mhad.source import UTDMHADSource

__all__ = [
    'AnnotationSource',
    'FolderSource',
    'MSRAction3DSource',
    'NTUSource',
    'NWUCLASource',
    'PKUSource',
    'PoseFilesSource',
    'UTDMHADSource',
]
