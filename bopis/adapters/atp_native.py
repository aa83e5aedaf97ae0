"""All ATP of the native engine as numpy arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bopis._allocator_rs import Engine


@dataclass(frozen=True, slots=True)
class AtpArrays:
    """Every cell's ATP as of record `sequence`. Row i is cell i; ids are the ledger's own."""

    location_ids: npt.NDArray[np.uint32]
    item_ids: npt.NDArray[np.uint32]
    atp: npt.NDArray[np.int64]
    sequence: int


class AtpReader:
    """Copies again and again. Which cell a row is never changes, so that is asked but once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._locations = np.empty(0, np.uint32)
        self._items = np.empty(0, np.uint32)

    def read(self) -> AtpArrays:
        """A copy, read-only. The writer goes on meanwhile, other Python threads too.

        Raises OverloadedError if more changed during the copy than it can take in.
        """
        locations, items, atp, sequence = self._engine.copy_atp(len(self._locations))
        if locations:
            self._locations = np.concatenate([self._locations, np.frombuffer(locations, np.uint32)])
            self._items = np.concatenate([self._items, np.frombuffer(items, np.uint32)])
        return AtpArrays(self._locations, self._items, np.frombuffer(atp, np.int64), sequence)
