"""The registries of halp_mm, children of mmengine's in the scope ``halp_mm``.

Our configs refer to a registered component by its bare name; configs of other OpenMMLab projects
refer to it as ``halp_mm.Name``. Each registry imports the package of its components on first use,
so a script needs no imports for their side effects.
"""

import mmengine.registry
from mmengine.registry import Registry

from halp_mm.component_building import build_component

SCOPE = 'halp_mm'

#: Data sets, from clips on disk to samples.
DATASETS = Registry(
    'dataset',
    parent=mmengine.registry.DATASETS,
    scope=SCOPE,
    locations=['halp_mm.datasets'],
    build_func=build_component,
)
#: Sources of recordings, from which data files are made.
SOURCES = Registry('source', scope=SCOPE, locations=['halp_mm.preparation.sources'])
#: Functions named in a config, such as the collate function.
FUNCTIONS = Registry(
    'function',
    parent=mmengine.registry.FUNCTIONS,
    scope=SCOPE,
    locations=['halp_mm.datasets'],
    build_func=build_component,
)
#: Batched transforms: normalisations and augmentations.
TRANSFORMS = Registry(
    'transform',
    parent=mmengine.registry.TRANSFORMS,
    scope=SCOPE,
    locations=['halp_mm.transforms'],
    build_func=build_component,
)
#: Encoders, modules, heads, pre-trainers and data preprocessors.
MODELS = Registry(
    'model',
    parent=mmengine.registry.MODELS,
    scope=SCOPE,
    locations=['halp_mm.models'],
    build_func=build_component,
)
#: Downstream evaluation protocols.
PROTOCOLS = Registry(
    'protocol', scope=SCOPE, locations=['halp_mm.evaluation'], build_func=build_component
)
#: Hooks of the training loop.
HOOKS = Registry(
    'hook',
    parent=mmengine.registry.HOOKS,
    scope=SCOPE,
    locations=['halp_mm.engine'],
    build_func=build_component,
)
#: Runners.
RUNNERS = Registry(
    'runner',
    parent=mmengine.registry.RUNNERS,
    scope=SCOPE,
    locations=['halp_mm.engine'],
)
#: Training loops.
LOOPS = Registry('loop', parent=mmengine.registry.LOOPS, scope=SCOPE, locations=['halp_mm.engine'])

# The other kinds have no components of ours. They allow users to register theirs, and prevent
# mmengine's warning about a missing registry of this scope.
VISUALIZERS = Registry(
    'visualizer',
    parent=mmengine.registry.VISUALIZERS,
    scope=SCOPE,
    locations=['halp_mm.engine'],
)
MODEL_WRAPPERS = Registry('model_wrapper', parent=mmengine.registry.MODEL_WRAPPERS, scope=SCOPE)
VISBACKENDS = Registry('vis_backend', parent=mmengine.registry.VISBACKENDS, scope=SCOPE)
LOG_PROCESSORS = Registry('log_processor', parent=mmengine.registry.LOG_PROCESSORS, scope=SCOPE)
DATA_SAMPLERS = Registry('data sampler', parent=mmengine.registry.DATA_SAMPLERS, scope=SCOPE)
OPTIMIZERS = Registry(
    'optimizer',
    parent=mmengine.registry.OPTIMIZERS,
    scope=SCOPE,
    locations=['halp_mm.engine.optimizers'],
)
OPTIM_WRAPPERS = Registry(
    'optim_wrapper',
    parent=mmengine.registry.OPTIM_WRAPPERS,
    scope=SCOPE,
    locations=['halp_mm.engine.bfloat16'],
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor',
    parent=mmengine.registry.OPTIM_WRAPPER_CONSTRUCTORS,
    scope=SCOPE,
    locations=['halp_mm.engine'],
)
PARAM_SCHEDULERS = Registry(
    'parameter scheduler', parent=mmengine.registry.PARAM_SCHEDULERS, scope=SCOPE
)
