const { isMainThread } = require("node:worker_threads");

if (!isMainThread) process.exit(3);
