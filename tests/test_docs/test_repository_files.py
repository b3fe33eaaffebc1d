"""Files for contributors agree with the project: versions, make targets, YAML syntax."""

import re

import pytest
import yaml
from helpers.paths import ROOT

from mmss_plugins import __version__

pytestmark = pytest.mark.skipif(
    not (ROOT / 'CITATION.cff').is_file(), reason='needs the files of a checkout'
)


def load(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_versions_agree():
    assert load('CITATION.cff')['version'] == __version__
    newest = re.search(r'^## (\S+)', (ROOT / 'CHANGELOG.md').read_text(), re.MULTILINE)[1]
    assert newest == __version__


def test_pre_commit_runs_the_pinned_ruff():
    revisions = {repo['repo']: repo['rev'] for repo in load('.pre-commit-config.yaml')['repos']}
    pinned = re.search(r'^ruff==(\S+)', (ROOT / 'constraints/openmmlab.txt').read_text(), re.M)[1]
    assert revisions['https://github.com/astral-sh/ruff-pre-commit'] == f'v{pinned}'


def test_workflow_runs_targets_of_the_makefile():
    targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    steps = [
        step for job in load('.github/workflows/ci.yml')['jobs'].values() for step in job['steps']
    ]
    commands = [step['run'].split() for step in steps if 'run' in step]
    assert {command[1] for command in commands} == {'lint', 'test', 'test-onedl', 'docs'}
    for command in commands:
        assert command[0] == 'make'
        assert command[1] in targets


@pytest.mark.parametrize('name', ['bug', 'feature', 'question'])
def test_issue_forms(name):
    form = load(f'.github/ISSUE_TEMPLATE/{name}.yml')
    assert {'name', 'description', 'body'} <= form.keys()
    ids = [part['id'] for part in form['body']]
    assert len(ids) == len(set(ids))
    assert all(part['attributes']['label'] for part in form['body'])
