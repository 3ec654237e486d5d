"""Train the model of a config."""

from __future__ import annotations

from halp_mm.commands.unused_imports import unused_imports_left_out

with unused_imports_left_out():
    from halp_mm.apis import train, training_config
    from halp_mm.commands.command_line import Command, Option
    from halp_mm.commands.launching import LAUNCH_OPTIONS, set_local_rank
    from halp_mm.engine import TrainingStopped, leave_distributed


def run(local_rank: int = 0, **settings) -> None:
    """Train the model.

    Args:
        local_rank: The process's number on its machine; torchrun sets it without this option.
        **settings: See :func:`training_config`.

    Raises:
        SystemExit: with status 75 or 130, if the training was stopped and saved.
    """
    set_local_rank(local_rank)
    status = 0
    try:
        train(training_config(**settings))
    except TrainingStopped as stopped:
        status = stopped.code
    leave_distributed()  # after the traceback has released the model
    if status:
        raise SystemExit(status)


main = Command(
    'train.py',
    __doc__,
    run,
    settings_of=training_config,
    options={
        'config': Option(help='A Python config.'),
        'work_dir': Option(metavar='DIR'),
        'resume': Option(
            metavar='CKPT',
            help='Continue a run: from this checkpoint, or from the latest in the work directory.',
        ),
        **LAUNCH_OPTIONS,
    },
    after_interruption='with --resume the same command continues from the last checkpoint',
).main
