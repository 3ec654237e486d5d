"""The registries of halp_mm: children of mmengine's, under the scope ``halp_mm``.

A component registered here is found by its bare name in our configs, and as ``halp_mm.Name`` from
the configs of any other OpenMMLab project. Each registry knows the package where its components
live and imports it on first use, so a script needs no imports for their side effects.
"""

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

SCOPE = 'halp_mm'

#: Data sets, from clips on disk to samples.
DATASETS = Registry(
    'dataset', parent=MMENGINE_DATASETS, scope=SCOPE, locations=['halp_mm.datasets']
)
#: Functions named in a config, such as the collate function.
FUNCTIONS = Registry(
    'function', parent=MMENGINE_FUNCTIONS, scope=SCOPE, locations=['halp_mm.datasets']
)
#: Batched transforms, normalisations as well as augmentations.
TRANSFORMS = Registry(
    'transform', parent=MMENGINE_TRANSFORMS, scope=SCOPE, locations=['halp_mm.transforms']
)
#: Encoders, modules, heads, pre-trainers and data preprocessors.
MODELS = Registry('model', parent=MMENGINE_MODELS, scope=SCOPE, locations=['halp_mm.models'])
#: Downstream evaluation protocols.
PROTOCOLS = Registry('protocol', scope=SCOPE, locations=['halp_mm.evaluation'])
#: Hooks of the training loop.
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, scope=SCOPE, locations=['halp_mm.engine'])
#: Runners.
RUNNERS = Registry('runner', parent=MMENGINE_RUNNERS, scope=SCOPE, locations=['halp_mm.engine'])
