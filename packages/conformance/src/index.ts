export { type DescribeOptions, describeBackend } from "./describe-backend.js";
