"""An answer's body, unpacked piece by piece under a bound, so that no answer can fill memory."""

from __future__ import annotations

import zlib

ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})

_MOST_MEMBERS = 64


class Unpacked:
    """Collects at most ``limit`` bytes of body, and one more that shows there are more.

    ``encoding`` is one of ``ENCODINGS``; the bytes of an answer are handed to ``feed`` as they
    come, which raises zlib.error where they cannot be unpacked.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self.body = bytearray()
        self._limit = limit
        self._packed = encoding in {"gzip", "x-gzip"}
        self._members = 0
        self._inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def is_over(self) -> bool:
        """Tell whether the answer is larger than the limit."""
        return len(self.body) > self._limit

    @property
    def is_complete(self) -> bool:
        """Tell whether what was fed is not cut in the middle, as far as the packing shows."""
        return not self._packed or not self._members or self._inflater.eof

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the answer; what lies beyond the limit is dropped."""
        if not self._packed:
            self.body += data[: self._limit + 1 - len(self.body)]
            return
        while not self.is_over:
            if self._inflater.eof:
                data = data.lstrip(b"\0")  # some servers fill up the last block
            if not data:
                return
            if self._inflater.eof or not self._members:
                self._begin_member()
            # Never 0, which would mean no bound at all.
            room = self._limit + 1 - len(self.body)
            self.body += self._inflater.decompress(data, room)
            data = self._inflater.unconsumed_tail or self._inflater.unused_data

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > _MOST_MEMBERS:
            raise zlib.error(f"more than {_MOST_MEMBERS} packed parts")
        self._inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
