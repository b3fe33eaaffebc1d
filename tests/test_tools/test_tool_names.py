from collections import Counter

from helpers.paths import ROOT

TOOLS = ROOT / 'tools'


def test_mim_run_finds_one_tool_by_a_name():
    names = Counter(path.stem for path in TOOLS.rglob('*.py') if path.stem != '__init__')
    assert len(names) >= 20
    assert [name for name, count in names.items() if count > 1] == []
