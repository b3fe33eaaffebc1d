"""The demo's page: one HTML file that needs no network."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from mmss_plugins.analysis.jobs.steps import StepRecord
from mmss_plugins.utils.atomic_files import check_replaceable, write_text

MARK = '<title>Pretraining for remote sensing: the demonstration</title>'  # as in page.html
INTRODUCTIONS = {
    'cromss': 'CromSS pretrains on satellite images whose labels are often wrong.',
    'grass': 'GraSS pretrains on aerial images without any label.',
}


def write_page(
    sections: Mapping[str, str], seed: int, steps: Sequence[StepRecord], path: Path
) -> None:
    """Write the page of one run.

    Args:
        sections: HTML of each method, by name.
        seed: Of the run.
        steps: The steps and their durations.
        path: The HTML file to write.
    """
    template = Template((Path(__file__).parent / 'page.html').read_text(encoding='utf-8'))
    page = template.substitute(
        introduction=' '.join(INTRODUCTIONS[name] for name in sections),
        sections='\n'.join(sections.values()),
        seed=seed,
        steps=_step_table(steps),
        machine=escape(
            f'{platform.system()} {platform.machine()}, Python {platform.python_version()}'
        ),
    )
    check_replaceable(path, MARK)
    write_text(path, page)


def _step_table(steps: Sequence[StepRecord]) -> str:
    rows = ''.join(
        f'<tr><td>{escape(step.name)}</td><td>{step.seconds:.0f} s</td></tr>' for step in steps
    )
    total = sum(step.seconds for step in steps)
    return f'<table>{rows}<tr><td><b>together</b></td><td><b>{total:.0f} s</b></td></tr></table>'
