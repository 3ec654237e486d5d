"""Installation of halp_mm."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """The packages that ``requirements/NAME.txt`` lists."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    stripped = (line.partition('#')[0].strip() for line in lines)
    return [line for line in stripped if line]


setup(
    name='halp_mm',
    version=re.search(r"'(.+)'", (ROOT / 'halp_mm' / 'version.py').read_text())[1],
    description='Action representations from skeletons, learned without labels',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['halp_mm', 'halp_mm.*']),
    package_data={'halp_mm.reporting': ['published/*.json', 'templates/*']},
    install_requires=requirements('runtime'),
    extras_require={
        extra: requirements(extra) for extra in ('runtime', 'optional', 'tests', 'docs')
    },
)
