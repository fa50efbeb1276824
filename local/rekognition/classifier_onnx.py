"""Turns a Keras MobileNetV2 classifier (architecture as JSON, weights as HDF5) into an ONNX graph.

Only the layers that such a network has are known: convolutions, whose batch norms are folded in,
ReLU6, zero padding and residual sums, then global average pooling and one sigmoid unit.
The graph takes ``input``, float32 of shape (1, 3, 160, 160), RGB from 0 to 255, and gives ``probability``
of shape (1, 1). Needed once, when weights are set up; OpenCV runs the result.
"""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

INPUT_SIZE = 160
_OPSET = 13
_IR_VERSION = 8

Layer = dict[str, Any]
Tensors = dict[str, NDArray[np.float32]]


class UnknownLayerError(Exception):
    """The classifier has a layer that this conversion does not know."""


def convert_classifier(architecture: Path, weights: Path, target: Path) -> None:
    """Write the classifier as ONNX to `target`.

    Raises
    ------
    UnknownLayerError
        If the network is not the MobileNetV2 classifier that is expected.
    """
    layers = json.loads(architecture.read_text())["config"]["layers"]
    backbone = next(layer for layer in layers if layer["class_name"] == "Functional")
    head = next(layer for layer in layers if layer["class_name"] == "Dense")["config"]["name"]
    tensors = _read_tensors(weights)

    graph = _Graph()
    features = graph.add_backbone(backbone["config"]["layers"], tensors)
    graph.node("GlobalAveragePool", [features], "pooled")
    graph.node("Flatten", ["pooled"], "flat")
    kernel = graph.constant("head_kernel", tensors[f"{head}/kernel"])
    bias = graph.constant("head_bias", tensors[f"{head}/bias"])
    graph.node("Gemm", ["flat", kernel, bias], "logit")
    graph.node("Sigmoid", ["logit"], "probability")
    onnx.save(graph.model(), str(target))


def _read_tensors(weights: Path) -> Tensors:
    tensors: Tensors = {}

    def collect(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape:
            layer, tensor = path.split("/")[-2:]
            tensors[f"{layer}/{tensor.split(':')[0]}"] = np.asarray(item, np.float32)

    with h5py.File(weights, "r") as file:
        file.visititems(collect)
    return tensors


class _Graph:
    """ONNX nodes and constants of one network, in order."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.float32]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def add_backbone(self, layers: list[Layer], tensors: Tensors) -> str:
        """Add the feature extractor and return the name of its output."""
        scale = self.constant("pixel_scale", np.array(1 / 127.5, np.float32))
        one = self.constant("one", np.array(1, np.float32))
        low = self.constant("relu_low", np.array(0, np.float32))
        high = self.constant("relu_high", np.array(6, np.float32))
        self.node("Mul", ["input", scale], "scaled")
        output = self.node("Sub", ["scaled", one], "normalised")

        norms = {_sources(layer)[0]: layer for layer in layers if layer["class_name"] == "BatchNormalization"}
        # What each layer's output is called in the graph: a folded norm and a padding have none of their own.
        produced: dict[str, str] = {}
        padding: dict[str, list[int]] = {}
        for layer in layers:
            kind, name = layer["class_name"], layer["config"]["name"]
            sources = [produced[source] for source in _sources(layer)]
            if kind == "InputLayer":
                produced[name] = "normalised"
                continue
            if kind == "BatchNormalization":
                produced[name] = sources[0]
                continue
            if kind == "ZeroPadding2D":
                (top, bottom), (left, right) = layer["config"]["padding"]
                padding[name] = [top, left, bottom, right]
                produced[name] = sources[0]
                continue
            if kind in ("Conv2D", "DepthwiseConv2D"):
                pads = padding.get(_sources(layer)[0])
                output = self._add_convolution(layer, norms[name], tensors, sources[0], pads)
            elif kind == "ReLU":
                output = self.node("Clip", [sources[0], low, high], name)
            elif kind == "Add":
                output = self.node("Add", sources, name)
            else:
                raise UnknownLayerError(f"Layer {name} is a {kind}, which this conversion does not know.")
            produced[name] = output
        return output

    def _add_convolution(
        self, layer: Layer, norm: Layer, tensors: Tensors, source: str, pads: list[int] | None
    ) -> str:
        config, name, norm_name = layer["config"], layer["config"]["name"], norm["config"]["name"]
        depthwise = layer["class_name"] == "DepthwiseConv2D"
        variance = tensors[f"{norm_name}/moving_variance"] + norm["config"]["epsilon"]
        gain = tensors[f"{norm_name}/gamma"] / np.sqrt(variance)
        bias = tensors[f"{norm_name}/beta"] - tensors[f"{norm_name}/moving_mean"] * gain
        # Keras keeps height, width, in, out (depthwise: in, 1); ONNX wants out, in per group, height, width.
        if depthwise:
            kernel = tensors[f"{name}/depthwise_kernel"].transpose(2, 3, 0, 1)
        else:
            kernel = tensors[f"{name}/kernel"].transpose(3, 2, 0, 1)
        size, stride = kernel.shape[2], config["strides"][0]
        if pads is None:
            # TensorFlow's SAME on an even size with stride 2 pads behind only.
            before = 0 if stride == 2 or size == 1 else 1
            after = 0 if size == 1 else 1
            pads = [before, before, after, after] if config["padding"] == "same" else [0, 0, 0, 0]
        weight = self.constant(f"{name}_weight", kernel * gain[:, None, None, None])
        return self.node(
            "Conv",
            [source, weight, self.constant(f"{name}_bias", bias)],
            name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=pads,
            group=kernel.shape[0] if depthwise else 1,
        )

    def model(self) -> onnx.ModelProto:
        """Return the checked model."""
        image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, INPUT_SIZE, INPUT_SIZE])
        answer = helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 1])
        graph = helper.make_graph(self._nodes, "classifier", [image], [answer], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        return model


def _sources(layer: Layer) -> list[str]:
    inbound = layer["inbound_nodes"]
    return [node[0] for node in inbound[0]] if inbound else []
