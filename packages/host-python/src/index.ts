export { findPython, type Python } from "./find-python.js";
export { PythonHost } from "./python-host.js";
export { jax, pytorch } from "./references.js";
export { remedyForPythonCrash } from "./start-failure.js";
