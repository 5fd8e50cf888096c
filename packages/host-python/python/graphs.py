"""Graphs as Python functions: see packages/graph/src/serialize.ts."""

# The operators that Python has itself, for the arrays of any runtime.
ARITHMETIC = {
    "Add": lambda node, a, b: f"({a} + {b})",
    "Sub": lambda node, a, b: f"({a} - {b})",
    "Mul": lambda node, a, b: f"({a} * {b})",
    "Div": lambda node, a, b: f"({a} / {b})",
    "Equal": lambda node, a, b: f"({a} == {b})",
    "Less": lambda node, a, b: f"({a} < {b})",
}


def python_function(graph, operators, constant, scope):
    """A function of a graph's inputs that returns its outputs, made of the lines of Python that a user would write.

    No time is spent on reading the graph. A value that is used once stands where it is used, and is freed there.
    """
    uses = [ref for node in graph["nodes"] for ref in node["inputs"]] + list(graph["outputs"].values())
    scope, lines, values = dict(scope), [], {}
    # Names of inputs need not be names of Python: conv1.weight.
    arguments = {name: f"input{index}" for index, name in enumerate(graph["inputs"])}
    for index, node in enumerate(graph["nodes"]):
        name = f"v{index}"
        if node["op"] == "Input":
            value = arguments[node["attributes"]["name"]]
        elif node["op"] == "Constant":
            value, scope[name] = name, constant(**node["attributes"]["value"])
        else:
            operator = operators.get(node["op"])
            if operator is None:
                raise NotImplementedError(f"{node['op']} is not in the op table")
            value = operator(node, *(values[tuple(ref)] for ref in node["inputs"]))
            if uses.count([index, 0]) > 1:
                lines.append(f"  {name} = {value}")
                value = name
        values[index, 0] = value
    outputs = ", ".join(values[tuple(ref)] for ref in graph["outputs"].values())
    exec("\n".join([f"def function({', '.join(arguments.values())}):", *lines, f"  return ({outputs},)"]), scope)
    return scope["function"]


def elements(dtype, data):
    """The elements of a constant; what JSON has no number for is text."""
    return [(float if "float" in dtype else int)(value) for value in data]
