#!/usr/bin/env node
import "@softmax-bench/runner/main";
