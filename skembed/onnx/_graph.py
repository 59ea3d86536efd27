"""An ONNX graph, made node by node."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

import skembed

# Older than what runs them, which is onnxruntime 1.15 and later.
OPSET, IR_VERSION, ML_OPSET = 17, 8, 3
ML_OPSET_OF_DOUBLES = 4  # the first to look doubles up; onnxruntime 1.17 and later
ML = "ai.onnx.ml"

TYPES = {
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
    "int64": TensorProto.INT64,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}


class Graph:
    """Inputs, nodes and constants; values are known by their names.

    Attributes
    ----------
    inputs, outputs : list of onnx.ValueInfoProto
    """

    def __init__(self):
        self.inputs: list = []
        self.outputs: list = []
        self._nodes: list = []
        self._constants: list = []
        self._ml_opset = ML_OPSET

    def input(self, name, kind):
        """Input of shape (n, 1), of a kind of `TYPES`: its name."""
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[kind], [None, 1]))
        return name

    def constant(self, array):
        """Constant of the shape and type of an array: its name."""
        name = f"skembed/constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def strings(self, values):
        """Constant of strings, shape (len(values),): its name."""
        return self.constant(np.array(list(map(str, values)), dtype=object))

    def add(self, operator, *inputs, domain="", **attributes):
        """Node of one output: the name of that.

        Parameters
        ----------
        operator : str
        *inputs : str or ndarray
            Values by name, or constants.
        domain : str
            Of the operator.
        **attributes
            As onnx calls them.
        """
        named = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = f"skembed/{operator}_{len(self._nodes)}"
        node = helper.make_node(operator, named, [output], name=output, domain=domain, **attributes)
        self._nodes.append(node)
        return output

    def cast(self, value, kind):
        """Value as another kind of `TYPES`."""
        return self.add("Cast", value, to=TYPES[kind])

    def look_up(self, value, codes):
        """Code of each element by a dictionary; 0 where it is no key of it.

        Parameters
        ----------
        value : str
            Strings, int64 or doubles by name.
        codes : dict of str, int or float to int
            All keys of one type.
        """
        # The operator is not valid without a key.
        keys, values = list(codes) or [0], list(codes.values()) or [0]
        kind: dict[str, Any]
        if isinstance(keys[0], float):
            self._ml_opset = ML_OPSET_OF_DOUBLES
            kind = {
                "keys_tensor": helper.make_tensor("keys", TensorProto.DOUBLE, [len(keys)], keys),
                "values_tensor": helper.make_tensor(
                    "values", TensorProto.INT64, [len(values)], values
                ),
                "default_tensor": helper.make_tensor("default", TensorProto.INT64, [1], [0]),
            }
        else:
            kind = {
                "keys_strings" if isinstance(keys[0], str) else "keys_int64s": keys,
                "values_int64s": values,
                "default_int64": 0,
            }
        return self.add("LabelEncoder", value, domain=ML, **kind)

    def include(self, model, value):
        """Take another model's nodes over, with a value as its only input: its outputs.

        Operators mean the same in this graph's opsets, which the model was made for; it may say
        that it needs older ones only.

        Returns
        -------
        list of (str, onnx.ValueInfoProto)
            Name that the model gives, and the value here.
        """
        names = [output.name for output in model.graph.output]
        graph = compose.add_prefix_graph(model.graph, f"skembed/{len(self._nodes)}/")
        self._nodes.append(helper.make_node("Identity", [value], [graph.input[0].name]))
        self._nodes.extend(graph.node)
        self._constants.extend(graph.initializer)
        return list(zip(names, graph.output, strict=True))

    def output(self, name, value, kind, shape):
        """Put a value out; under another name if an input has that."""
        self.put_out(name, helper.make_tensor_value_info(value, TYPES[kind], [None, *shape]))

    def put_out(self, name, info):
        """Make a value an output, as `output` does, by its `onnx.ValueInfoProto`."""
        taken = {given.name for given in self.inputs}
        while name in taken:
            name += "_"
        self._nodes.append(helper.make_node("Identity", [info.name], [name]))
        renamed = onnx.ValueInfoProto()
        renamed.CopyFrom(info)
        renamed.name = name
        self.outputs.append(renamed)

    def model(self, description):
        """Model of the graph, checked.

        Returns
        -------
        onnx.ModelProto
        """
        graph = helper.make_graph(
            self._nodes, "skembed", self.inputs, self.outputs, initializer=self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid(ML, self._ml_opset),
            ],
            ir_version=IR_VERSION,
            producer_name="skembed",
            producer_version=skembed.__version__,
            doc_string=f"{description}, by skembed {skembed.__version__}",
        )
        onnx.checker.check_model(model, full_check=True)
        return model
