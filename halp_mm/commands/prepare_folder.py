"""Make a data file of your own clips: a folder with one file a clip, and a labels file.

A clip is a .npy, .npz or .csv file, or what OpenPose, AlphaPose, MMPose, MediaPipe, Azure Kinect or
motion capture (.bvh) wrote; the labels file is a CSV with the columns name, label and
split. See "Your own data" in docs/data.md.
"""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.preparation.folder.pose_files import FORMATS
from halp_mm.preparation.folder.source import prepare_folder
from halp_mm.skeletons import read_layout

main = preparation_command(
    'prepare_folder.py',
    __doc__,
    prepare_folder,
    {
        'folder': Option(metavar='FOLDER'),
        'layout': Option(
            flags=('--layout',),
            metavar='NAME',
            help='The joint layout of the clips: a name or a .json file. Arrays need it.',
            convert=read_layout,
        ),
        'labels': Option(flags=('--labels',), metavar='FILE'),
        'to_layout': Option(metavar='NAME', convert=read_layout),
        'classes': Option(metavar='FILE'),
        'dataset': Option(metavar='NAME'),
        'format': Option(metavar='NAME', choices=FORMATS),
    },
).main
