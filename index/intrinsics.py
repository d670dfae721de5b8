"""What the processor offers and neither Numba nor NumPy has a name for."""

from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

_PAGE_BYTES = 4096

_Function = TypeVar("_Function")


def kernel(function: _Function) -> _Function:
    """
    Compile an inner function without Numba's counting of references.

    The counting would cost more than the work of some. Without it a function cannot make arrays:
    whoever calls it brings the room.
    """
    compiled: Any = njit(cache=True, nogil=True, _nrt=False)  # type: ignore[call-overload]
    return cast("_Function", compiled(function))


_declared: Any = cgutils.get_or_insert_function


def _count_ones(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _count_zeros(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


def _ask_for(_context: Any, array: Any, _place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte_pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer, number, number, number])
        function = _declared(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte_pointer)
        # To read, to be kept in every cache, data (LLVM language reference, llvm.prefetch).
        builder.call(function, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


int64: Any = np.int64
"""A cast in compiled code, where a number is an int to whoever reads and checks it."""

uint64: Any = np.uint64
"""The same. An index of this kind is not asked whether it counts from the end of the array."""

ones: Any = intrinsic(_count_ones)
"""ones(word): the number of ones in an unsigned word."""

trailing_zeros: Any = intrinsic(_count_zeros)
"""trailing_zeros(word): the number of zeros after the last one in an unsigned word."""

prefetch: Any = intrinsic(_ask_for)
"""prefetch(array, place): ask for the cache line of an array's element, without waiting for it."""


def aligned_empty(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an empty array that begins with a page, so that no code lies across cache lines."""
    kind = np.dtype(dtype)
    raw = np.empty(length * kind.itemsize + _PAGE_BYTES, dtype=np.uint8)
    start = -raw.ctypes.data % _PAGE_BYTES
    return raw[start : start + length * kind.itemsize].view(kind)
