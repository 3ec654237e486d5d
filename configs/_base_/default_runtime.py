default_scope = 'halp_mm'
runner_type = 'SkeletonRunner'

default_hooks = dict(
    runtime_info=dict(type='DeferredRuntimeInfoHook', interval=20),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    normalize_once=dict(type='NormalizeOnceHook'),
    evaluation=dict(type='KNNEvaluationHook', interval=10),
)

# TensorBoard or Weights & Biases: add dict(type='TensorboardVisBackend') or
# dict(type='WandbVisBackend', init_kwargs=dict(project='halp_mm')) to the list.
visualizer = dict(type='LogVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_processor = dict(by_epoch=True, window_size=20)
log_level = 'INFO'

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
auto_scale_lr = dict(enable=False, base_batch_size=64)
load_from = None
resume = False
