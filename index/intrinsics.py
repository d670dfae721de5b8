"""Processor instructions that neither Numba nor NumPy offers, and helpers for compiled kernels."""

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
    Compile an inner function without Numba's reference counting.

    In a short function, counting takes longer than the work itself. Without it, the function cannot
    create arrays: the caller passes in buffers.
    """
    compiled: Any = njit(cache=True, nogil=True, _nrt=False)  # type: ignore[call-overload]
    return cast("_Function", compiled(function))


_declare: Any = cgutils.get_or_insert_function


def _count_ones(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _count_zeros(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


def _prefetch(_context: Any, array: Any, _position: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte_pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer, number, number, number])
        function = _declare(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte_pointer)
        # Read access, keep in all caches, data cache (LLVM language reference, llvm.prefetch).
        builder.call(function, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


int64: Any = np.int64
"""A cast to int64 in compiled code. To readers and type checkers the number is an int."""

uint64: Any = np.uint64
"""A cast to uint64. If an index has this type, Numba leaves out the check for negative values."""

ones: Any = intrinsic(_count_ones)
"""ones(word): the number of 1-bits in an unsigned word."""

trailing_zeros: Any = intrinsic(_count_zeros)
"""trailing_zeros(word): the number of 0-bits below the lowest 1-bit of an unsigned word."""

prefetch: Any = intrinsic(_prefetch)
"""
prefetch(array, position): request the cache line of an array's element, without waiting for it.
"""


def aligned_empty(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """
    Return an uninitialised array that starts at a page boundary, so no code spans two cache lines.
    """
    kind = np.dtype(dtype)
    raw = np.empty(length * kind.itemsize + _PAGE_BYTES, dtype=np.uint8)
    start = -raw.ctypes.data % _PAGE_BYTES
    return raw[start : start + length * kind.itemsize].view(kind)
