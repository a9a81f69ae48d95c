/** For servers that call themselves by the version of this package. */
export { packageVersion } from '../config/index.js'
