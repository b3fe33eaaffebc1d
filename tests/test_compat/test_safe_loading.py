"""MMEngine's checkpoints load restricted; hostile ones do not load."""

import os
import pickle
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType

import numpy as np
import pytest
import torch
from helpers.damaged_checkpoints import flipped, repacked
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import PretrainedInit
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import load_checkpoint

from mmss_plugins.checkpoints import CheckpointFileError
from mmss_plugins.compat import safe_loading

pytestmark = pytest.mark.smoke  # the stacks differ here


class Reduced:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def save(tmp_path, content):
    path = tmp_path / 'checkpoint.pth'
    torch.save(content, path)
    return path


def round_trip(tmp_path, content):
    return torch.load(save(tmp_path, content), weights_only=True)


def test_message_hub_round_trip(tmp_path):
    hub = MessageHub('safe_loading_round_trip')
    for value in (3.0, 1.0, 2.0):
        hub.update_scalar('train/loss', value)
    hub.update_info('best', np.float64(41.5))
    hub.update_info('counts', np.arange(6, dtype=np.int64).reshape(2, 3))
    hub.update_info('mask', np.array([True, False]))
    loaded = round_trip(tmp_path, {'message_hub': hub.state_dict()})['message_hub']

    buffer = loaded['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.data[0].tolist() == [3.0, 1.0, 2.0]
    assert (buffer.min(), buffer.max(), buffer.current()) == (1.0, 3.0, 2.0)
    assert buffer.statistics('mean', 2) == pytest.approx(1.5)
    buffer.update(9.0)  # what a resumed run does
    assert buffer.current() == 9.0
    assert loaded['runtime_info']['best'] == 41.5
    assert type(loaded['runtime_info']['best']) is np.float64
    assert loaded['runtime_info']['counts'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert loaded['runtime_info']['mask'].tolist() == [True, False]


@pytest.mark.parametrize('dtype', ['uint8', 'int32', 'float16', 'float32', '>f8'])
def test_numbers_and_arrays_of_other_types(tmp_path, dtype):
    array = np.array([1, 2, 250], dtype)
    loaded = round_trip(tmp_path, {'array': array, 'scalar': array[1]})
    np.testing.assert_array_equal(loaded['array'], array)
    assert loaded['array'].dtype == array.dtype.newbyteorder('=')  # NumPy restores it so
    assert loaded['scalar'] == 2


@pytest.mark.parametrize('strategy', ['cos', 'linear'])
def test_one_cycle_schedule_round_trip(tmp_path, strategy):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = OneCycleParamScheduler(
        optimizer, 'lr', eta_max=1.0, total_steps=10, anneal_strategy=strategy
    )
    loaded = round_trip(tmp_path, scheduler.state_dict())
    expected = {'cos': 3.0 + np.sqrt(0.5), 'linear': 3.5}[strategy]
    assert loaded['anneal_func'](4.0, 2.0, 0.25) == pytest.approx(expected)


@pytest.mark.parametrize(
    ('owner', 'name'),
    [
        (HistoryBuffer, '__init__'),
        (HistoryBuffer, 'register_statistics'),
        (HistoryBuffer, '_set_default_statistics'),
        (OneCycleParamScheduler, '__init__'),
        (OneCycleParamScheduler, 'build_iter_from_epoch'),
        (np.ndarray, 'tofile'),
        (dict, 'update'),
    ],
)
def test_any_other_attribute_is_refused(tmp_path, owner, name):
    with pytest.raises(pickle.UnpicklingError):
        round_trip(tmp_path, {'x': Reduced(getattr, owner, name)})


def test_attribute_of_an_attribute_is_refused(tmp_path):
    chain = Reduced(getattr, Reduced(getattr, HistoryBuffer, 'min'), '__globals__')
    with pytest.raises(pickle.UnpicklingError, match='__globals__'):
        round_trip(tmp_path, {'x': chain})


def test_history_methods_cannot_be_called(tmp_path):
    call = Reduced(HistoryBuffer.min, HistoryBuffer([1.0], [1]))
    with pytest.raises(pickle.UnpicklingError, match='unrecognized function'):
        round_trip(tmp_path, {'x': call})


@pytest.mark.parametrize('function', [os.system, os.mkdir, eval, exec, __import__])
def test_code_is_refused_and_not_run(tmp_path, function):
    made = tmp_path / 'made'
    argument = {
        os.system: f'mkdir {made}',
        os.mkdir: str(made),
        __import__: 'this_module_does_not_exist',
    }.get(function, f'__import__("os").mkdir({str(made)!r})')
    path = save(tmp_path, {'x': Reduced(function, argument)})
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    assert not made.exists()


def test_scheduler_cannot_be_created(tmp_path):
    with pytest.raises(pickle.UnpicklingError, match='parameter scheduler'):
        round_trip(tmp_path, {'x': Reduced(OneCycleParamScheduler)})


@pytest.mark.parametrize('code', ['O', 'U4', 'V8', 'f8,i4', 'M8[s]'])
def test_types_other_than_numbers_are_refused(tmp_path, code):
    with pytest.raises(pickle.UnpicklingError, match='NumPy type'):
        round_trip(tmp_path, {'x': np.zeros(1, code)})


def test_a_changed_type_is_a_copy():
    altered = safe_loading.restricted_dtype('f8', False, False)
    altered.__setstate__((3, '>', None, None, None, -1, -1, 0))
    assert altered is not np.dtype('f8')
    assert np.dtype('f8').isnative


def test_array_subclasses_are_refused(tmp_path):
    with pytest.raises(pickle.UnpicklingError):
        round_trip(tmp_path, {'x': np.ma.masked_array([1.0], [True])})


def test_relaxed_loading_of_the_fork_is_taken_back(tmp_path):
    checkpoint = ModuleType('mmengine.runner.checkpoint')

    def execute(module):
        module._safe_torch_load = lambda file, map_location=None, weights_only=None: torch.load(
            file, map_location=map_location, weights_only=False
        )

    safe_loading.restrict_after_import(checkpoint, execute)
    good = save(tmp_path, {'x': torch.arange(3)})
    assert checkpoint._safe_torch_load(good, map_location='cpu')['x'].tolist() == [0, 1, 2]
    bad = save(tmp_path, {'x': Reduced(os.mkdir, str(tmp_path / 'made'))})
    for options in ({}, {'weights_only': False}):
        with pytest.raises(CheckpointFileError, match=r'objects \(posix.mkdir\)'):
            checkpoint._safe_torch_load(bad, **options)
    with pytest.raises(pickle.UnpicklingError), bad.open('rb') as file:
        checkpoint._safe_torch_load(file, weights_only=False)
    assert not (tmp_path / 'made').exists()


def test_original_checkpoint_module_gets_nothing_added():
    checkpoint = ModuleType('mmengine.runner.checkpoint')
    safe_loading.restrict_after_import(checkpoint, lambda module: setattr(module, 'x', 1))
    assert checkpoint.x == 1
    assert not hasattr(checkpoint, '_safe_torch_load')


def test_mmengine_itself_refuses_a_hostile_checkpoint(tmp_path):
    made = tmp_path / 'made'
    content = {'state_dict': Reduced(os.mkdir, str(made))}
    with pytest.raises(CheckpointFileError, match=r'objects \(posix.mkdir\)'):
        load_checkpoint(torch.nn.Linear(1, 1), str(save(tmp_path, content)))
    with pytest.raises(CheckpointFileError, match="asks for attribute '__init__'"):
        load_checkpoint(
            torch.nn.Linear(1, 1),
            str(save(tmp_path, {'x': Reduced(getattr, HistoryBuffer, '__init__')})),
        )
    assert not made.exists()


def serve_file(content):
    """A local web server with one file; (server, its address)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server, f'http://127.0.0.1:{server.server_address[1]}/weights.pth'


@pytest.mark.parametrize('hostile', [True, False])
def test_a_downloaded_checkpoint_is_read_as_a_local_one(tmp_path, monkeypatch, hostile):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    made, model = tmp_path / 'made', torch.nn.Linear(1, 1)
    state = {'weight': torch.full((1, 1), 3.0), 'bias': torch.full((1,), 4.0)}
    content = {'state_dict': state, **({'x': Reduced(os.mkdir, str(made))} if hostile else {})}
    server, url = serve_file(save(tmp_path, content).read_bytes())
    try:
        if hostile:  # torch's own function makes the folder
            with pytest.raises(CheckpointFileError, match=r'objects \(posix.mkdir\)'):
                load_checkpoint(model, url)
        else:
            load_checkpoint(model, url)
            assert (model.weight.item(), model.bias.item()) == (3.0, 4.0)
    finally:
        server.shutdown()
        server.server_close()
    if not hostile:  # from the cache now
        model.weight.data.zero_()
        load_checkpoint(model, url)
        assert model.weight.item() == 3.0
    assert not made.exists()


def test_a_torch_that_unpickles_by_default_is_refused(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.5.1')
    with pytest.raises(ImportError, match=r'needs torch 2\.6 or later, but found 2\.5\.1'):
        safe_loading.install()


@pytest.mark.parametrize('way', ['load', 'init_cfg', 'with prefix'])
def test_mmengine_reads_packed_files_rightly_and_refuses_damaged_ones(tmp_path, way):
    state = {'weight': torch.full((1, 1), 3.0), 'bias': torch.full((1,), 4.0)}
    prefix = 'encoder.' if way == 'with prefix' else ''
    good = save(tmp_path, {'state_dict': {prefix + name: t for name, t in state.items()}})

    def load(path):
        model = torch.nn.Linear(1, 1)
        if way == 'load':
            load_checkpoint(model, str(path), map_location='cpu')
        else:
            PretrainedInit(str(path), prefix or None, 'cpu')(model)
        return model.weight.item(), model.bias.item()

    assert load(good) == load(repacked(good, tmp_path / 'packed.pth')) == (3.0, 4.0)
    with pytest.raises(CheckpointFileError, match='Bad CRC-32'):
        load(flipped(good, tmp_path / 'damaged.pth'))
    giant = {'state_dict': {prefix + 'weight': torch.zeros(1).expand(1 << 20, 1 << 20)}}
    with pytest.raises(CheckpointFileError, match='tensors would take'):
        load(save(tmp_path, giant))


def test_weights_that_are_nan_are_reported(tmp_path, recwarn):
    state = {'a': torch.ones(3), 'mask': torch.full((2,), -torch.inf), 'n': torch.tensor(3)}
    for content in (state, {'state_dict': state}):
        torch.save(content, tmp_path / 'x.pth')
        load_checkpoint(torch.nn.Identity(), str(tmp_path / 'x.pth'))
    assert not [w for w in recwarn if w.category is RuntimeWarning]
    torch.save({'state_dict': {**state, 'b': torch.tensor([1, torch.nan])}}, tmp_path / 'x.pth')
    with pytest.warns(RuntimeWarning, match=r'x\.pth: 1 of its tensors hold NaN'):
        load_checkpoint(torch.nn.Identity(), str(tmp_path / 'x.pth'))


def test_local_files_are_read_by_the_given_function(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_loading, '_read_file', safe_loading.read_restricted)
    path = save(tmp_path, {'state_dict': {}})
    assert safe_loading.load_from_local(path) == {'state_dict': {}}
    safe_loading.install(lambda file, map_location: (file, map_location))
    safe_loading.install()  # keeps it
    assert safe_loading.load_from_local(path, 'cpu') == (path, 'cpu')
