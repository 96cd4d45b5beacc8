"""Embeddings made in the service itself: nothing leaves the house, and no service is needed.

The weights are those of the optional package ``wordllama`` (MIT): 32,000 vectors of 256 numbers,
taken from the input layers of Llama 2 and Phi 3, and trained for likeness of English texts. Only
its two files are used, never its code, which sets up logging for the whole process.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.errors import ModelRejected

if TYPE_CHECKING:
    import numpy as np

SETTING = "local"
"""The value of ``embedding_model`` that chooses them."""
NAME = "wordllama-l2-supercat-256"
"""Under which the vectors are kept: those of other weights are not compared with these."""
LEAST_LIKENESS = 0.15
"""Of two texts that are near; vectors of averaged words are less alike than those of a service."""
WEIGHTS = "weights/l2_supercat_256.safetensors"
TOKENS = "tokenizers/l2_supercat_tokenizer_config.json"
LATER_PART = 0.4
"""Weight of what follows the first paragraph: a request says more than the answer beside it."""
EXTRA = "local embeddings need the extra: pip install 'tallybook[embeddings]'"


def is_installed() -> bool:
    """Whether the optional packages are there."""
    return _directory() is not None and importlib.util.find_spec("tokenizers") is not None


def _directory() -> Path | None:
    found = importlib.util.find_spec("wordllama")
    places = found.submodule_search_locations if found else None
    return Path(places[0]) if places else None


class LocalEmbeddings:
    """Averages of words' vectors. Loaded with the first text, which takes 0.2 s and 25 MB."""

    def __init__(self) -> None:
        self._loaded: asyncio.Task[_Words] | None = None

    async def embed(
        self, texts: Sequence[str], name: str, *, question: bool
    ) -> Sequence[Sequence[float]]:
        """Return embeddings; see `agent.ports.Model.embed`. *name* and *question* change nothing.

        Raises:
            ModelRejected: The optional packages are not installed.
        """
        if self._loaded is None:
            self._loaded = asyncio.create_task(asyncio.to_thread(_load))
        try:
            words = await asyncio.shield(self._loaded)
        except ModelRejected:
            self._loaded = None
            raise
        return await asyncio.to_thread(lambda: [words.vector(text) for text in texts])


class _Words:
    def __init__(self, tokens: Any, weights: np.ndarray) -> None:
        self._tokens, self._weights = tokens, weights

    def vector(self, text: str) -> list[float]:
        """Return the vector of *text*; zeros if it has no words."""
        first, _, rest = text.partition("\n\n")
        vector = self._average(first)
        if rest.strip():
            vector = vector + LATER_PART * self._average(rest)
        return [float(value) for value in vector]

    def _average(self, text: str) -> np.ndarray:
        import numpy as np

        clean = text.encode("utf-8", "replace").decode()  # no half characters
        ids = self._tokens.encode(clean, add_special_tokens=False).ids
        if not ids:
            return np.zeros(self._weights.shape[1], dtype=np.float32)
        mean: np.ndarray = self._weights[ids].astype(np.float32).mean(axis=0)
        length = float(np.linalg.norm(mean))
        return mean / length if length else mean


def _load() -> _Words:
    directory = _directory()
    if directory is None or not is_installed():
        raise ModelRejected(404, EXTRA, "TALLYBOOK_EMBEDDING_MODEL")
    from tokenizers import Tokenizer

    return _Words(Tokenizer.from_file(str(directory / TOKENS)), _weights(directory / WEIGHTS))


def _weights(path: Path) -> np.ndarray:
    """Return the one matrix of a file, as it lies on the disk.

    Source: safetensors' format: eight bytes with the length of a JSON header, the header, data.
    """
    import numpy as np

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    [matrix] = [each for name, each in header.items() if name != "__metadata__"]
    if matrix["dtype"] != "F16":
        raise ModelRejected(404, f"{path.name} holds {matrix['dtype']}, not F16", EXTRA)
    start = 8 + length + matrix["data_offsets"][0]
    return np.memmap(path, np.float16, "r", start, tuple(matrix["shape"]))
