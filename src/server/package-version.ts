/** For servers that report the version of this package as their own. */
export { packageVersion } from '../config/index.js'
