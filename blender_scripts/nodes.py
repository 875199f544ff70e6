"""Shader nodes, added and linked in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Nodes:
    """A shader's node tree with arithmetic on its sockets."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree

    def add(self, kind: str, inputs: Mapping[str, Any] | Mapping[int, Any], **properties: Any) -> Any:
        """A node whose inputs are sockets to link or values; returns the node."""
        node = self._tree.nodes.new(f"ShaderNode{kind}")
        for name, value in properties.items():
            setattr(node, name, value)
        for key, value in inputs.items():
            if hasattr(value, "links"):
                self._tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node

    def math(self, operation: str, *values: Any) -> Any:
        return self.add("Math", dict(enumerate(values)), operation=operation).outputs[0]

    def vector(self, operation: str, *values: Any) -> Any:
        node = self.add("VectorMath", dict(enumerate(values)), operation=operation)
        return node.outputs["Value" if operation in ("DOT_PRODUCT", "LENGTH") else "Vector"]

    def scaled(self, vector: Any, factor: float) -> Any:
        return self.vector("MULTIPLY", vector, (factor,) * 3)

    def smoothstep(self, low: Any, high: Any, value: Any) -> Any:
        """0 below ``low``, 1 above ``high``, smooth between."""
        inputs = {"Value": value, "From Min": low, "From Max": high}
        return self.add("MapRange", inputs, interpolation_type="SMOOTHSTEP").outputs["Result"]

    def mix(self, share: Any, first: Any, second: Any) -> Any:
        """Colour: ``first`` where ``share`` is 0, ``second`` where it is 1."""
        node = self.add("MixRGB", {"Fac": share, "Color1": first, "Color2": second})
        return node.outputs["Color"]

    def lerp(self, share: Any, first: Any, second: Any) -> Any:
        """Number: ``first`` where ``share`` is 0, ``second`` where it is 1."""
        return self.add("Mix", {0: share, 2: first, 3: second}).outputs[0]

    def curve(self, value: Any, points: Sequence[tuple[float, float]]) -> Any:
        """Number: the smooth curve through ``points``, (value, result) with values from -1 to 1."""
        share = self.add("MapRange", {"Value": value, "From Min": -1.0}).outputs["Result"]
        node = self.add("FloatCurve", {"Value": share})
        given = node.mapping.curves[0].points
        for number, (x, y) in enumerate(points):
            location = ((x + 1) / 2, y)
            point = given.new(*location) if 0 < number < len(points) - 1 else given[min(number, len(given) - 1)]
            point.location = location
        node.mapping.update()
        return node.outputs["Value"]

    def gamma(self, colour: Any, exponent: float) -> Any:
        return self.add("Gamma", {"Color": colour, "Gamma": exponent}).outputs["Color"]

    def noise(self, vector: Any, detail: float) -> Any:
        """Fractal noise in [0, 1] of period 1, mean 0.5."""
        inputs = {"Vector": vector, "Scale": 1.0, "Detail": detail, "Roughness": 0.5}
        return self.add("TexNoise", inputs).outputs["Fac"]

    def replace(self, bsdf: Any, name: str, make: Any) -> None:
        """Link ``make(source)`` to an input of ``bsdf``, ``source`` being the socket linked to it so far."""
        socket = bsdf.inputs[name]
        self._tree.links.new(make(socket.links[0].from_socket), socket)
