"""The shipped configs of small sets, which are what the recipe says: compared, or written anew.

``python -m tests.made_configs`` writes them, after a change of the recipe.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from halp_mm.apis.config_making import base_config, changed_settings, config_text
from halp_mm.apis.data_facts import DataFacts
from halp_mm.apis.recipe import choose_settings
from tests.helpers import DATA
from tests.runs import ROOT

#: The facts of the sets' data files, which tests do not have.
ALL_FACTS = {
    name: DataFacts(**facts)
    for name, facts in json.loads((DATA / 'data_facts.json').read_text()).items()
}
FACTS = {name: facts for name, facts in ALL_FACTS.items() if name != 'msrc12_xsub'}
#: The sets of each encoder's methods; the encoder stands in the names of the files.
METHODS = {
    **{('bigru', method): list(FACTS) for method in ('moco', 'halp', 'crosclr_b')},
    **{('bigru', method): list(FACTS) for method in ('barlow_twins', 'halp_barlow_twins')},
    **{('bigru', method): list(ALL_FACTS) for method in ('moco_nnm', 'halp_nnm')},
    **{('bigru', method): list(FACTS) for method in ('cmd', 'halp_cmd')},
    **{('lstm', method): list(FACTS) for method in ('ascal', 'va_lstm')},
    **{('stgcn', method): list(FACTS) for method in ('skeletonbt', 'skt', 'pstl')},
    **{('stgcn', method): list(FACTS) for method in ('skeletonclr', 'aimclr', 'crosclr')},
    **{('stgcn', method): ['msr-action3d_xsub'] for method in ('halp_aimclr', 'aimclr_crosclr')},
    ('agcn', 'aagcn'): list(FACTS),
    ('sebirenet', 'sebirenet'): list(ALL_FACTS),
    ('dgcnn', 'colorization'): list(ALL_FACTS),
    ('gru', 'longt_gan'): list(ALL_FACTS),
    ('bigru', 'pc'): list(ALL_FACTS),
    ('gltransformer', 'gl_transformer'): list(ALL_FACTS),
    ('transformer', 'slim'): list(ALL_FACTS),
    ('dste', 'usdrl'): list(ALL_FACTS),
    ('transformer', 'h_transformer'): list(ALL_FACTS),
    **{('transformer', method): list(ALL_FACTS) for method in ('mamp', 'mae')},
    **{('transformer', method): list(ALL_FACTS) for method in ('halp_mamp', 'halp_slim')},
    ('stgcn', 'aimclr_masked'): list(ALL_FACTS),
    ('bigru-agcn', 'isc'): list(FACTS),
    ('stgcn', 'stgcn'): list(FACTS),
    ('bigru', 'ms2l'): list(ALL_FACTS),
}


def made_configs() -> Iterator[tuple[Path, str]]:
    """Each config's file and its text."""
    bases = ROOT / 'configs' / '_base_'
    for (encoder, method), names in METHODS.items():
        for name in names:
            facts = ALL_FACTS[name]
            paths = [bases / 'methods' / f'{method}_small.py', bases / 'datasets' / f'{name}.py']
            base = base_config(paths)
            comment = 'The recipe of tools/make_config.py, written by python -m tests.made_configs.'
            relative = [f'../{path.relative_to(bases.parent)}' for path in paths]
            settings = changed_settings(choose_settings(facts, base), base)
            text = config_text(f'{comment}\n{facts}.', relative, settings)
            yield ROOT / 'configs' / method / f'{encoder}_{name}.py', text


if __name__ == '__main__':
    for path, text in made_configs():
        path.write_text(text)
        print(path.relative_to(ROOT))
