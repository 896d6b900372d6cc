from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

class SessionOptions:
    intra_op_num_threads: int
    inter_op_num_threads: int
    def __init__(self) -> None: ...

class InferenceSession:
    def __init__(self, path: str, sess_options: SessionOptions, *, providers: Sequence[str]) -> None: ...
    def run(
        self, output_names: None, input_feed: Mapping[str, NDArray[np.float32] | NDArray[np.int64]]
    ) -> list[NDArray[np.float32]]: ...
