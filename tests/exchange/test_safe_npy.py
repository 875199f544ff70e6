"""Arrays come back from pickles; whatever else a pickle asks for is named and does not run."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.errors import PipelineError
from pipeline.exchange.safe_npy import MAX_BYTES, load_pickled_arrays, save_pickled_arrays

ARRAYS = {"xyz": np.arange(24, dtype=np.float32).reshape(2, 4, 3), "seen": np.array([True, False])}


def with_header(content: bytes) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
    return stream.getvalue() + content


def wrapped(content: Any, protocol: int = 3) -> bytes:
    return with_header(pickle.dumps(np.array(content, dtype=object), protocol))


@pytest.fixture
def load(tmp_path: Path) -> Callable[[bytes], dict[str, Any]]:
    def from_bytes(content: bytes) -> dict[str, Any]:
        path = tmp_path / "000.npy"
        path.write_bytes(content)
        return load_pickled_arrays(path)

    return from_bytes


NUMBERS = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(endianness="?"), hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
)


@given(
    arrays=st.dictionaries(st.text(), hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, min_side=0)), max_size=3),
    protocol=st.integers(0, pickle.HIGHEST_PROTOCOL),
    fortran=st.booleans(),
)
def test_arrays_of_any_kind_come_back_by_any_protocol(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray], protocol: int, fortran: bool
) -> None:
    arrays = {name: np.asfortranarray(array) if fortran else array for name, array in arrays.items()}
    path = tmp_path_factory.getbasetemp() / "any.npy"
    path.write_bytes(wrapped(arrays, protocol))
    loaded = load_pickled_arrays(path)
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(loaded[name], array, equal_nan=array.dtype.kind == "f")


def test_numpy_2_and_scalars_and_python_2_are_read(load: Callable[[bytes], dict[str, Any]]) -> None:
    two = wrapped({"a": np.float64(2.5), "b": np.arange(3)}, 2).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core." in two
    for content in (two, two.replace(b"numpy.core.", b"numpy._core.")):
        loaded = load(content)
        assert loaded["a"] == 2.5
        assert loaded["b"].tolist() == [0, 1, 2]
    # Python 2 wrote bytes as its str (opcode U, of unknown encoding), here in place of the text that is to be encoded.
    data = np.array([1, -2], dtype="<i2").tobytes()
    python2 = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(tcnumpy\ndtype\n(U\x02O8"
        b"K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]}U\x01xcnumpy.core.multiarray\n_reconstruct\n"
        b"(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x02tcnumpy\ndtype\n(U\x02i2K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x04" + data + b"tbsatb."
    )
    assert load(with_header(python2))["x"].tolist() == [1, -2]


def test_arrays_are_written_as_every_numpy_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Callable[[bytes], dict[str, Any]]
) -> None:
    # An array that holds such a name itself keeps it.
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.frombuffer(b"cnumpy._core.multiarray\n", dtype=np.uint8)}
    one, two = io.BytesIO(), io.BytesIO()
    save_pickled_arrays(one, arrays)
    dumps = pickle.dumps

    def as_numpy_2(thing: Any, protocol: int) -> bytes:
        return dumps(thing, protocol).replace(b"cnumpy.core.multiarray\n_", b"cnumpy._core.multiarray\n_")

    monkeypatch.setattr("pickle.dumps", as_numpy_2)
    save_pickled_arrays(two, arrays)
    assert two.getvalue() == one.getvalue()
    assert one.getvalue().count(b"cnumpy.core.multiarray\n_reconstruct") == 1
    (tmp_path / "a.npy").write_bytes(one.getvalue())
    for loaded in (load(one.getvalue()), np.load(tmp_path / "a.npy", allow_pickle=True).item()):
        assert all(np.array_equal(loaded[name], array) for name, array in arrays.items())


class Bomb:
    """Unpickled, it calls ``function``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("function", "arguments", "asked"),
    [
        (os.system, ("touch pwned",), r"(posix|nt)\.system"),
        (eval, ("open('pwned', 'w')",), "builtins?.*eval"),
        (getattr, (builtins, "open"), "builtins?.*getattr"),
        (np.fromfile, ("pwned",), r"numpy.*fromfile"),
        (np.load, ("pwned",), r"numpy.*load"),
    ],
)
def test_a_call_is_refused_by_name_and_not_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    load: Callable[[bytes], dict[str, Any]],
    protocol: int,
    function: Any,
    arguments: tuple[Any, ...],
    asked: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if function is getattr:
        arguments = ("text", "upper")  # a module cannot be pickled
    with pytest.raises(PipelineError, match=rf"000\.npy asks for .*{asked}.*not run"):
        load(wrapped({"xyz": Bomb(function, *arguments)}, protocol))
    assert not (tmp_path / "pwned").exists()


def note(call: bytes, state: bytes) -> bytes:
    """A dict whose array is made by these opcodes in place of its own."""
    inner = pickle.dumps(np.array({"xyz": 12345}, dtype=object), 2)
    assert inner.count(b"M90") == 1  # the number 12345
    return with_header(inner.replace(b"M90", call + state))


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
FLOATS = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f4K\x00K\x01tR"


@pytest.mark.parametrize(
    ("call", "state", "found"),
    [
        (RECONSTRUCT, b"(K\x01(J\xff\xff\xff\x7ft" + FLOATS + b"\x89U\x04abcdtb", "4 bytes for float32"),
        (RECONSTRUCT, b"(K\x01(J\xff\xff\xff\xfft" + FLOATS + b"\x89U\x04abcdtb", "shape"),
        (RECONSTRUCT, b"(K\x01(K\x01tcnumpy\ndtype\n(X\x02\x00\x00\x00O8K\x00K\x01tR\x89U\x08abcdefghtb", "dtype 'O8'"),
        (RECONSTRUCT, b"(K\x01(K\x01tNU\x04abcd\x89tb", "no dtype"),
        (RECONSTRUCT, b"", "_reconstruct in place of an array"),
        (b"K\x07", b"", "int in place of an array"),
        (b"cnumpy\nndarray\n", b"}b", "ndarray has no state"),
        (b"c_codecs\nencode\n(U\x01aU\x05rot13tR", b"", "encode in place of an array"),
    ],
)
def test_calls_that_make_no_sound_array_are_refused(
    load: Callable[[bytes], dict[str, Any]], call: bytes, state: bytes, found: str
) -> None:
    with pytest.raises(PipelineError, match=rf"000\.npy is not a pickled dict of arrays .*{found}"):
        load(note(call, state))


def test_a_cut_anywhere_is_told(load: Callable[[bytes], dict[str, Any]]) -> None:
    whole = wrapped(ARRAYS)
    assert np.array_equal(load(whole)["xyz"], ARRAYS["xyz"])
    for length in {*range(0, len(whole), 5), len(whole) - 1}:
        with pytest.raises(PipelineError, match=r"000\.npy is not a pickled dict"):
            load(whole[:length])


@settings(deadline=None)  # the first call loads libraries
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_never_breaks_out(tmp_path_factory: pytest.TempPathFactory, position: int, value: int) -> None:
    content = bytearray(wrapped(ARRAYS))
    content[position % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "changed.npy"
    path.write_bytes(content)
    try:
        loaded = load_pickled_arrays(path)
    except PipelineError:
        return
    assert all(isinstance(array, np.ndarray) for array in loaded.values())


def test_other_files_are_refused(tmp_path: Path, load: Callable[[bytes], dict[str, Any]]) -> None:
    plain = io.BytesIO()
    np.save(plain, np.zeros(3))
    with pytest.raises(PipelineError, match=r"it holds float64 \(3,\)"):
        load(plain.getvalue())
    for content in ([1], {1: np.zeros(2)}, "text"):
        with pytest.raises(PipelineError, match="not a pickled dict of arrays"):
            load(wrapped(content))
    with pytest.raises(PipelineError, match="cannot be read"):
        load_pickled_arrays(tmp_path / "missing.npy")
    with (tmp_path / "huge.npy").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PipelineError, match=r"huge\.npy has 268,435,457 bytes"):
        load_pickled_arrays(tmp_path / "huge.npy")


def test_a_claimed_memo_of_gigabytes_is_refused(load: Callable[[bytes], dict[str, Any]]) -> None:
    with pytest.raises(PipelineError, match="not a pickled dict"):
        load(with_header(b"\x80\x02X" + struct.pack("<I", 0xFFFFFFFF) + b"short"))
