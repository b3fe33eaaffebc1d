"""Only plain values come in with a Namespace, and only where it is asked for."""

import argparse
import functools
import os
import pickle
import threading
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from mmss_plugins.compat.plain_namespace import PlainNamespace, namespaces_admitted

pytestmark = pytest.mark.smoke


def load(tmp_path, value):
    path = tmp_path / 'x.ckpt'
    torch.save({'x': value}, path)
    with namespaces_admitted():
        return torch.load(path, weights_only=True)['x']


def test_plain_values_come_as_they_are(tmp_path):
    values = {
        'lr': 1e-3, 'name': 'x', 'flag': True, 'none': None, 'bands': [1, 2], 'scale': (0.4, 1.0),
        'classes': {'a': [{'b'}]}, 'order': OrderedDict(a=1), 'raw': b'x', 'number': 2 + 3j,
    }  # fmt: skip
    loaded = load(tmp_path, argparse.Namespace(**values, inner=argparse.Namespace(a=1)))
    assert type(loaded) is PlainNamespace
    found = dict(vars(loaded))
    assert vars(found.pop('inner')) == {'a': 1}
    assert found == values
    assert vars(load(tmp_path, argparse.Namespace())) == {}


class Reduced:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def test_other_objects_are_refused_before_they_are_made(tmp_path):
    made = tmp_path / 'made'
    for value in (
        Path('here'), functools.partial(print), Reduced(os.mkdir, str(made)), argparse,
        argparse.ArgumentParser, threading.Thread,
    ):  # fmt: skip
        for outer in (argparse.Namespace(a=value), value, argparse.Namespace(a=[{'b': value}])):
            try:
                pickle.dumps(value)
            except TypeError:
                continue
            with pytest.raises(pickle.UnpicklingError):
                load(tmp_path, outer)
    assert not made.exists()


def test_tensors_and_deep_values_are_refused(tmp_path):
    with pytest.raises(pickle.UnpicklingError, match=r"'a' is not plain: .* found Tensor"):
        load(tmp_path, argparse.Namespace(a=[torch.zeros(1)]))
    deep = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(pickle.UnpicklingError, match="'a' is nested more than 16 deep"):
        load(tmp_path, argparse.Namespace(a=deep))
    wide = [0]
    for _ in range(12):
        wide = [wide] * 1000  # the same list, many times
    assert load(tmp_path, argparse.Namespace(a=wide)).a[0][0][0]


def test_the_class_itself_is_never_made(tmp_path):
    for value in (
        Reduced(setattr, argparse.Namespace(), 'a', 1),
        Reduced(argparse.Namespace._get_kwargs, argparse.Namespace()),
    ):
        with pytest.raises(pickle.UnpicklingError):
            load(tmp_path, value)


def test_what_is_no_state_is_refused():
    for state in (None, [1], {1: 2}, (None, {'a': 1})):
        with pytest.raises(pickle.UnpicklingError, match='not made of names'):
            PlainNamespace().__setstate__(state)


def test_elsewhere_namespaces_are_refused(tmp_path):
    path = tmp_path / 'x.ckpt'
    torch.save({'x': argparse.Namespace(a=1)}, path)
    with namespaces_admitted():
        torch.load(path, weights_only=True)
    with pytest.raises(pickle.UnpicklingError, match=r'argparse\.Namespace'):
        torch.load(path, weights_only=True)
