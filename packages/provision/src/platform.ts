/** The platform that this runs on, such as `linux-x64`. */
export const PLATFORM = `${process.platform}-${process.arch}`;
