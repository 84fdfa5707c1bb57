"""The network: convolutions that bring a line down to one row of frames, four pixels each, and CTC over the alphabet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

# (kernel height, width), (stride down, across), (padding down, across)
_LAYERS = (
    ((3, 3), (2, 2), (1, 1)),
    ((3, 3), (2, 2), (1, 1)),
    ((3, 3), (1, 1), (1, 1)),
    ((3, 3), (2, 1), (1, 1)),
    ((3, 3), (2, 1), (1, 1)),
    ((2, 3), (1, 1), (0, 1)),
    ((1, 5), (1, 1), (0, 2)),
)
FRAME = 4  # pixels of width of one frame


class Network(nn.Module):
    """(lines, 1, HEIGHT, width) of 0 to 1 in, (lines, width / FRAME, classes) of logarithms of probabilities out."""

    def __init__(self, classes: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        before = 1
        for after, (kernel, stride, padding) in zip(channels, _LAYERS, strict=True):
            convolution = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
            self.blocks.append(nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)))
            before = after
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv2d(before, classes, 1)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """See the class."""
        for block in self.blocks:
            lines = block(lines)
        return self.head(self.drop(lines)).squeeze(2).transpose(1, 2).log_softmax(2)


def _folded(block: nn.Sequential) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Weights and bias of a convolution with its normalisation in them."""
    convolution, norm = block[0], block[1]
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = convolution.weight * scale[:, None, None, None]
    bias = norm.bias - norm.running_mean * scale
    return weight.detach().numpy(), bias.detach().numpy()


def _halved(weights: list[TensorProto]) -> tuple[list[TensorProto], list[onnx.NodeProto]]:
    """The weights with 16 bits each where they are fractions, and the nodes that cast them back."""
    stored, casts = [], []
    for weight in weights:
        if weight.data_type == TensorProto.FLOAT:
            stored.append(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{weight.name}_half"))
            casts.append(helper.make_node("Cast", [f"{weight.name}_half"], [weight.name], to=TensorProto.FLOAT))
        else:
            stored.append(weight)
    return stored, casts


def export(network: Network, path: Path, metadata: dict[str, str], *, is_half: bool = False) -> None:
    """Write the network as ONNX, node by node: the same weights make the same bytes.

    Input ``lines``: uint8 (lines, 1, 32, width); output ``frames``: float32 (lines, frames, classes), probabilities.
    ``is_half``: weights are stored with 16 bits and cast to 32 when the file is loaded.
    """
    nodes = [
        helper.make_node("Cast", ["lines"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["grey", "scale"], ["x0"]),
    ]
    weights = [numpy_helper.from_array(np.array(1 / 255, np.float32), "scale")]
    for i, (block, (kernel, stride, padding)) in enumerate(zip(network.blocks, _LAYERS, strict=True)):
        weight, bias = _folded(block)  # type: ignore[arg-type]
        weights += [numpy_helper.from_array(weight, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        attributes = {"kernel_shape": list(kernel), "strides": list(stride), "pads": [*padding, *padding]}
        nodes.append(helper.make_node("Conv", [f"x{i}", f"w{i}", f"b{i}"], [f"c{i}"], **attributes))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"x{i + 1}"]))
    last = len(_LAYERS)
    weights.append(numpy_helper.from_array(network.head.weight.detach().numpy(), "wh"))
    weights.append(numpy_helper.from_array(network.head.bias.detach().numpy(), "bh"))  # type: ignore[union-attr]
    weights.append(numpy_helper.from_array(np.array([2], np.int64), "row"))
    nodes += [
        helper.make_node("Conv", [f"x{last}", "wh", "bh"], ["scores"], kernel_shape=[1, 1]),
        helper.make_node("Squeeze", ["scores", "row"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Softmax", ["turned"], ["frames"], axis=2),
    ]
    if is_half:
        weights, casts = _halved(weights)
        nodes = casts + nodes
    classes = network.head.out_channels
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("lines", TensorProto.UINT8, ["lines", 1, 32, "width"])],
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["lines", "frames", classes])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="gongkai")
    model.ir_version = 9
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
